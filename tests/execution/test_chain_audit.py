"""The chain audit on real data: it finds the early choice that a later one made wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.result import Result
from bakeoff.study import Study

EXAMPLE = Path(__file__).parents[2] / "examples" / "interaction.toml"


@pytest.fixture(scope="module")
def audited() -> Result:
    return Study.from_file(EXAMPLE).run(store=":memory:")


def test_a_choice_made_wrong_by_a_later_one_is_confirmed_and_said(audited: Result) -> None:
    confirmed = [swap for swap in audited.record.audit if swap.confirmed]
    assert [swap.label for swap in confirmed] == ["hidden=64-64-64"]
    (swap,) = confirmed
    assert swap.stage == "depth"
    assert swap.comparison is not None
    assert swap.comparison.low is not None
    assert swap.comparison.low > 0
    assert len(swap.runs) == audited.record.looks[-1]
    assert "A later choice made the earlier one wrong" in swap.sentence
    (found,) = [finding for finding in audited.record.lint if finding.code == "L015"]
    assert "hidden=64-64-64" in found.text


def test_the_chain_is_not_changed_unless_asked(audited: Result) -> None:
    assert audited.best["hidden"] == (8,)


def test_following_the_audit_ends_where_nothing_beats_the_final() -> None:
    followed = Study.from_file(EXAMPLE).run(store=":memory:", follow_audit=3)
    assert followed.best["hidden"] == (64, 64, 64)
    last_round = followed.record.audit[-1]
    assert not last_round.confirmed
    assert followed.record.final is not None
    assert followed.record.final.settings == followed.best


def test_a_study_can_do_without_an_audit() -> None:
    study = Study("digits", base={"epochs": 1}, looks=[3], audit=False, final_replicates=1)
    study.stage("width", hidden=[[4], [8]])
    assert study.run(store=":memory:").record.audit == ()

"""The time that a whole study can still take, told while it runs."""

from __future__ import annotations

import pytest

from bakeoff import Study
from bakeoff.terminal import progress
from bakeoff.terminal.progress import TimeLeft


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock whose time is its only entry."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def study() -> Study:
    made = Study("digits", base={"epochs": 1}, audit=False, looks=[3, 5], final_replicates=2)
    made.stage("width", hidden=[[8], [8, 8]])
    return made.stage("activation", activation=["relu", "tanh"])


def test_what_is_left_covers_later_stages_and_the_refits(clock) -> None:
    plan = study().check(timed=False)
    assert [stage.max_runs for stage in plan.stages] == [10, 15]
    left = TimeLeft(plan)
    left.begin(0)
    assert left.most_seconds(6) is None
    weights = [progress._Amount.of(stage).weight for stage in plan.stages]
    for _ in range(5):
        clock[0] += 1.0
        left.finish()
    expected = (5 * weights[0] + (15 + 2) * weights[1]) / weights[0]
    assert left.most_seconds(1) == pytest.approx(expected)
    left.begin(1)
    left.reuse(15)
    assert left.most_seconds(0) == pytest.approx(2 * weights[1] / weights[0])
    left.begin(2)
    left.finish()
    assert left.most_seconds(1) == pytest.approx(5.0 * weights[1] / (5 * weights[0] + weights[1]))


def test_without_a_plan_nothing_is_told(clock) -> None:
    left = TimeLeft(None)
    left.begin(0)
    left.reuse(1)
    left.finish()
    clock[0] = 5.0
    assert left.most_seconds(3) is None

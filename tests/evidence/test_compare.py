"""Two studies side by side: pairs where replicates are shared, and an honest no where they are not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from made_up_studies import candidate, decided_by, noisy, runs, stage, study

from bakeoff.evidence.compare import Matched, compare_studies, unshared
from bakeoff.records import Run, StudyResult
from bakeoff.tasks.classification import LOSS


def trained(mean: float, *, seed: int, size: int = 5, sd: float = 0.001) -> tuple[Run, ...]:
    """Runs of an own training: no key is shared with another call."""
    return tuple(
        dataclasses.replace(run, key=f"{run.key}/{mean}/{seed}")
        for run in runs(noisy(mean, seed=seed, size=size, sd=sd))
    )


def studied(
    mean: float, *, seed: int, rate: float = 0.1, sd: float = 0.001, **changes: Any
) -> StudyResult:
    """A study of one stage whose two candidates lie two points apart."""
    one = stage(
        "width",
        [
            (
                candidate("32", hidden=(32,), learning_rate=rate),
                trained(mean - 0.02, seed=seed, sd=sd),
            ),
            (
                candidate("64", hidden=(64,), learning_rate=rate),
                trained(mean, seed=seed + 1, sd=sd),
            ),
        ],
        varied=("hidden",),
    )
    return study([one], **changes)


def test_what_they_chose_is_held_against_each_other_on_shared_replicates() -> None:
    choice, *_ = compare_studies(studied(0.95, seed=1), studied(0.97, seed=3, rate=0.2))
    assert (choice.first, choice.second, choice.differing) == ("64", "64", ("learning_rate",))
    assert choice.word == "winner"
    assert choice.comparison.mean == pytest.approx(0.02, abs=0.002)
    assert choice.comparison.level == 0.95
    assert "better than the first by" in choice.sentence
    assert "5 paired replicates (95 % interval" in choice.sentence
    assert choice.sentence.endswith("winner: the second")


def test_a_worse_second_makes_the_first_the_winner() -> None:
    choice, *_ = compare_studies(studied(0.97, seed=1), studied(0.95, seed=3, rate=0.2))
    assert choice.sentence.endswith("winner: the first")


def test_too_near_to_matter_is_a_tie_and_too_few_is_undecided() -> None:
    near = compare_studies(studied(0.95, seed=1), studied(0.95, seed=3, rate=0.2))
    assert near[0].word == "tie"
    few = [
        dataclasses.replace(
            one,
            stages=tuple(
                dataclasses.replace(s, runs=tuple(group[:2] for group in s.runs))
                for s in one.stages
            ),
        )
        for one in (studied(0.90, seed=1), studied(0.97, seed=3, rate=0.2))
    ]
    assert compare_studies(*few)[0].word == "undecided"


def test_of_a_loss_less_is_better() -> None:
    first, second = (decided_by(studied(0.95, seed=seed, rate=0.1 * seed), LOSS) for seed in (1, 3))
    match = compare_studies(first, second)[0]
    higher_loss = match.comparison.mean > 0.0
    assert ("worse than" in match.sentence) == higher_loss


def test_candidates_are_matched_by_what_they_train_not_by_what_they_are_called() -> None:
    first = studied(0.95, seed=1)
    second = studied(0.95, seed=3)
    renamed = dataclasses.replace(
        second.stages[0],
        candidates=tuple(
            dataclasses.replace(one, label={"32": "64", "64": "wide"}[one.label])
            for one in second.stages[0].candidates
        ),
        verdict=dataclasses.replace(second.stages[0].verdict, chosen="wide"),
    )
    matched = compare_studies(first, dataclasses.replace(second, stages=(renamed,)))
    assert [(one.first, one.second, one.differing) for one in matched if one.stage] == [
        ("32", "64", ()),
        ("64", "wide", ()),
    ]


def test_one_label_for_two_settings_says_in_what_they_differ() -> None:
    matched = compare_studies(studied(0.95, seed=1), studied(0.97, seed=3, rate=0.2))
    assert {one.differing for one in matched if one.stage} == {("learning_rate",)}


def test_only_a_winner_is_called_better() -> None:
    noisy_pair = compare_studies(studied(0.95, seed=1), studied(0.953, seed=3, rate=0.2, sd=0.02))
    choice = noisy_pair[0]
    assert choice.word == "undecided"
    assert "the second was behind the first by" in choice.sentence


def test_a_metric_that_one_of_them_does_not_measure_is_named() -> None:
    second = studied(0.97, seed=3, rate=0.2)
    bare = [
        dataclasses.replace(
            s,
            runs=tuple(
                tuple(
                    dataclasses.replace(run, metrics={"val_other": run.metrics["val_accuracy"]})
                    for run in group
                )
                for group in s.runs
            ),
        )
        for s in second.stages
    ]
    without = dataclasses.replace(second, stages=tuple(bare))
    for match in compare_studies(studied(0.95, seed=1), without):
        assert match.word is None
        assert match.sentence.startswith("no accuracy was measured of `")


def test_the_same_runs_of_one_store_are_no_comparison() -> None:
    one = studied(0.95, seed=1)
    for match in compare_studies(one, one):
        assert isinstance(match, Matched)
        assert (match.same_runs, match.comparison, match.word) == (True, None, None)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 7}, ("seed",)),
        ({"split": "last"}, ("split",)),
        ({"spec": {"folds": 5}}, ("folds",)),
    ],
)
def test_other_data_parts_or_seeds_are_not_comparable_run_by_run(
    changes: dict[str, Any], what: tuple[str, ...]
) -> None:
    first = studied(0.95, seed=1)
    second = dataclasses.replace(studied(0.97, seed=3), **changes)
    assert unshared(first, second) == what
    assert compare_studies(first, second) == ()


def test_other_data_is_not_comparable() -> None:
    first, second = studied(0.95, seed=1), studied(0.97, seed=3)
    other = dataclasses.replace(second, data=dataclasses.replace(second.data, hash="f" * 64))
    assert unshared(first, other) == ("data",)


def test_candidates_share_five_per_cent_among_themselves() -> None:
    matched = compare_studies(studied(0.95, seed=1), studied(0.97, seed=3, rate=0.2))
    assert [one.comparison.level for one in matched] == pytest.approx([0.95, 0.975, 0.975])

"""The claims of a replication: which hold, which do not, which cannot be told."""

from __future__ import annotations

import dataclasses

import pytest
from made_up_studies import SAMPLING, candidate, noisy, notebook, run, runs, stage

from bakeoff.evidence.claims import claims
from bakeoff.records import Claim, StageResult


def claim_about(text: str, found: tuple[Claim, ...]) -> Claim:
    return next(one for one in found if one.text.startswith(text))


def one_number(published: float, values: list[float]) -> Claim:
    own = [run(k, value, test_accuracy=value) for k, value in enumerate(values)]
    only = stage("a", [(candidate("x", published=(published, None)), own)], pinned="x")
    (claim,) = claims([only], "replication")
    return claim


def test_a_study_of_ones_own_claims_nothing() -> None:
    result = notebook()
    assert claims(result.stages, "study", sampling=SAMPLING) == ()


@pytest.mark.parametrize(
    ("published", "outcome"), [(0.9604, "holds"), (0.95, "does not hold"), (0.97, "does not hold")]
)
def test_a_number_holds_inside_the_prediction_interval_of_one_run(
    published: float, outcome: str
) -> None:
    claim = one_number(published, noisy(0.96))
    assert claim.outcome == outcome
    assert claim.low < claim.measured_mean < claim.high
    assert "95 times in 100" in claim.sentence


def test_a_number_cannot_be_told_from_one_run_or_from_failed_ones() -> None:
    once = one_number(0.96, [0.961])
    assert (once.outcome, once.low, once.measured_sd) == ("cannot be told", None, None)
    assert "ours gave 96.10 %" in once.sentence
    failed = stage(
        "a",
        [
            (candidate("x", published=(0.9, None)), runs([None] * 5)),
            (candidate("y", hidden=(8,)), runs(noisy(0.9))),
        ],
        pinned="y",
    )
    claim = claim_about("x reaches", claims([failed], "replication"))
    assert (claim.outcome, claim.measured_mean) == ("cannot be told", None)


@pytest.mark.parametrize(
    ("published", "outcome"),
    [(0.9867, "holds"), (0.987, "holds"), (0.9866, "does not hold"), (0.9868, "does not hold")],
)
def test_a_number_stands_for_all_that_is_rounded_to_it(published: float, outcome: str) -> None:
    """Of a model that every seed trains alike nothing spreads, and 296 of 300 were printed so."""
    assert one_number(published, [296 / 300] * 3).outcome == outcome


def test_every_published_number_of_the_notebook_becomes_a_row() -> None:
    result = notebook()
    numbers = [c for c in claims(result.stages, "replication") if c.kind == "number"]
    assert len(numbers) == 16  # eight models, accuracy and loss each
    assert all(c.stage and c.candidate for c in numbers)


def test_the_pinned_choice_claims_to_be_better_than_each_other() -> None:
    found = claims(notebook().stages, "replication")
    orders = [c.text for c in found if c.kind == "order" and c.stage == "activation"]
    assert orders == ["6c is better than 6a", "6c is better than 6b"]


def test_the_notebooks_orders_have_the_outcomes_the_runs_give() -> None:
    result = notebook()
    found = claims(result.stages, "replication", sampling=SAMPLING)
    assert claim_about("2 is better than 1", found).outcome == "holds"
    depth = claim_about("3a is better than 3b", found)
    assert depth.outcome == "does not hold"
    assert "too small to matter" in depth.sentence
    fall = claim_about("3a (after depth) is better than 4a", found)
    assert fall.outcome == "holds"
    assert fall.published == pytest.approx(0.4301)


def test_two_names_for_one_configuration_are_chance() -> None:
    result = notebook()
    claim = claim_about("7 (after", claims(result.stages, "replication", sampling=SAMPLING))
    assert claim.outcome == "does not hold"
    assert "0.13 points between them are chance" in claim.sentence


def two(first: list, second: list, *, published: tuple | None = None) -> StageResult:
    numbers = published or (None, None)
    return stage(
        "a",
        [
            (candidate("x", published=numbers[0]), runs(first)),
            (candidate("y", hidden=(8,), published=numbers[1]), runs(second)),
        ],
        pinned="x",
    )


def order_of(one: StageResult) -> Claim:
    return next(c for c in claims([one], "replication") if c.kind == "order")


def test_an_order_within_the_noise_cannot_be_told() -> None:
    claim = order_of(two(noisy(0.962, sd=0.01), noisy(0.960, seed=1, sd=0.01)))
    assert claim.outcome == "cannot be told"
    assert claim.low < 0 < claim.high


def test_an_order_the_other_way_round_does_not_hold() -> None:
    assert order_of(two(noisy(0.90), noisy(0.96, seed=1))).outcome == "does not hold"


def test_an_order_cannot_be_told_from_one_run() -> None:
    claim = order_of(two([0.96], [0.90]))
    assert claim.outcome == "cannot be told"
    assert "too few to show a spread" in claim.sentence


def test_whose_runs_failed_is_worse() -> None:
    assert order_of(two(noisy(0.90), [None] * 5)).outcome == "holds"
    assert order_of(two([None] * 5, noisy(0.90))).outcome == "does not hold"


def test_the_authors_own_numbers_outrank_his_choice() -> None:
    """He carried x though he printed a better number for y: he claims y is better."""
    published = ((0.90, None), (0.96, None))
    claim = order_of(two(noisy(0.90), noisy(0.96, seed=1), published=published))
    assert claim.text == "y is better than x"
    assert claim.outcome == "holds"
    assert claim.measured_mean == pytest.approx(0.06, abs=0.002)
    assert claim.low > 0


def test_steps_between_stages_need_the_sizes_of_the_parts() -> None:
    result = notebook()
    without = claims(result.stages, "replication")
    with_steps = claims(result.stages, "replication", sampling=SAMPLING)
    assert len(with_steps) > len(without)
    assert with_steps[: len(without)] == without


def test_where_one_part_validated_all_runs_orders_speak_of_this_split_alone() -> None:
    """The notebook's split: another one might order its models otherwise."""
    stages = notebook().stages
    last = dataclasses.replace(SAMPLING, split="last")
    folds = dataclasses.replace(SAMPLING, split="folds")
    for claim, other in zip(
        claims(stages, "replication", sampling=last),
        claims(stages, "replication", sampling=folds),
        strict=True,
    ):
        judged = claim.kind == "order" and claim.low is not None
        assert claim.sentence.endswith(", on this one split.") == judged
        assert "split" not in other.sentence
    assert any(
        claim.low is not None for claim in claims(stages, "replication") if claim.kind == "order"
    )

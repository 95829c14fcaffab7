"""How often verdicts are false on made-up studies, small and quick; `benchmarks/verdicts.py` has the tables.

Every study is decided look by look by the code that decides real ones. A rate must stay below what
5 % give in so few studies in all but one of ten thousand cases, so that a test that fails means something.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bakeoff.errors import RunsFailedError
from bakeoff.evidence.rule import Rule, Sampling, effective_examples
from bakeoff.evidence.verdicts import Decision, decide
from bakeoff.records import Verdict
from bakeoff.tasks.classification import BALANCED_ACCURACY, LOSS

STUDIES = 120
ALLOWED = int(stats.binom.ppf(0.9999, STUDIES, 0.05))
LARGE = Sampling(55_000, 5_000, 5_000.0, num_folds=12)
Draw = Callable[[np.random.Generator], np.ndarray]


def examples(number: int) -> Sampling:
    return Sampling(11 * number, number, float(number), num_folds=12, chance=0.5)


def race(values: np.ndarray, sampling: Sampling, rule: Rule) -> Verdict | None:
    decision: Decision | None = None
    for look in rule.looks:
        try:
            decision = decide(
                values,
                np.full_like(values, np.nan),
                finished=np.isfinite(values),
                labels=[str(k) for k in range(len(values))],
                costs=[(k,) for k in range(len(values))],
                rule=rule,
                sampling=sampling,
                num_replicates=look,
                before=decision,
            )
        except RunsFailedError:
            return None
        if decision.verdict is not None:
            return decision.verdict
    raise AssertionError("the last look must give a verdict")


def verdicts(
    draw: Draw, sampling: Sampling, rule: Rule | None = None, studies: int = STUDIES
) -> list[Verdict | None]:
    rng = np.random.default_rng(11)
    return [race(draw(rng), sampling, rule or Rule()) for _ in range(studies)]


def false_winners(found: list[Verdict | None], truth: list[float]) -> int:
    """Winners that are not truly better than everyone else."""
    won = [int(one.leader) for one in found if one is not None and one.kind == "winner"]
    return sum(truth[k] <= max(v for other, v in enumerate(truth) if other != k) for k in won)


def false_ties(found: list[Verdict | None], truth: list[float]) -> int:
    """Ties between candidates that truly differ by δ or more."""
    count = 0
    for one in found:
        if one is not None and one.kind == "tie":
            tied = [truth[int(label)] for label in one.best]
            count += max(tied) - min(tied) >= one.delta * (1 - 1e-9)
    return count


def counted(*shares: float, number: int, size: int = 12) -> Draw:
    """Accuracies of candidates that get each of a few validation examples right by chance."""
    means = np.array(shares)[:, None]
    return lambda rng: rng.binomial(number, np.broadcast_to(means, (len(shares), size))) / number


def gaussian(*means: float, sd: float = 0.002, correlation: float = 0.0, size: int = 12) -> Draw:
    def draw(rng: np.random.Generator) -> np.ndarray:
        shape = (len(means), size)
        own, shared = rng.standard_normal(shape), rng.standard_normal((shape[0], 1))
        noise = np.sqrt(1.0 - correlation) * own + np.sqrt(correlation) * shared
        return np.asarray(np.array(means)[:, None] + sd * noise)

    return draw


def failing(draw: Draw, *shares: float) -> Draw:
    def with_failures(rng: np.random.Generator) -> np.ndarray:
        values = draw(rng)
        values[rng.random(values.shape) < np.array(shares)[:, None]] = np.nan
        return values

    return with_failures


@pytest.mark.parametrize("number", [1, 3, 10, 50])
def test_coin_flips_have_no_winner_and_every_study_ends_with_a_verdict(number: int) -> None:
    found = verdicts(counted(0.5, 0.5, 0.5, number=number), examples(number))
    assert None not in found
    assert false_winners(found, [0.5] * 3) <= ALLOWED


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("count", [2, 3])
def test_identical_candidates_that_fail_have_no_winner(count: int, share: float) -> None:
    draw = failing(gaussian(*[0.9] * count, sd=0.01), *[share] * count)
    assert false_winners(verdicts(draw, examples(100)), [0.9] * count) <= ALLOWED


def test_a_candidate_that_fails_often_and_is_better_otherwise_is_no_coin_toss() -> None:
    """45 % failures against a point of accuracy: two directions, one word."""
    found = verdicts(failing(gaussian(0.91, 0.90, sd=0.002), 0.45, 0.0), examples(1_000))
    kinds = [one.kind for one in found if one is not None]
    assert kinds.count("undecided") >= 0.8 * len(kinds)


@pytest.mark.parametrize("number", [1, 5, 20, 50])
@pytest.mark.parametrize("pair", [(0.999, 0.989), (0.999, 0.995), (1.0, 0.997)])
def test_few_examples_without_an_error_make_no_tie(pair: tuple[float, float], number: int) -> None:
    assert false_ties(verdicts(counted(*pair, number=number), examples(number)), list(pair)) == 0


@pytest.mark.parametrize("rare", [1, 2, 5])
def test_a_rare_class_makes_neither_false_ties_nor_false_winners(rare: int) -> None:
    def recalls(*rates: float) -> Draw:
        def draw(rng: np.random.Generator) -> np.ndarray:
            shape = (len(rates), 12)
            often = rng.binomial(500 - rare, 0.99, shape) / (500 - rare)
            seldom = rng.binomial(rare, np.array(rates)[:, None], shape) / rare
            return np.asarray((often + seldom) / 2)

        return draw

    rule = Rule(metric=BALANCED_ACCURACY)
    sampling = Sampling(
        5_500, 500, effective_examples("balanced_accuracy", [500 - rare, rare]), num_folds=12
    )
    apart = verdicts(recalls(0.99, 0.94), sampling, rule)
    assert false_ties(apart, [0.99, 0.965]) == 0
    assert false_winners(verdicts(recalls(0.5, 0.5), sampling, rule), [0.745, 0.745]) <= ALLOWED


@pytest.mark.parametrize(("count", "correlation"), [(2, 0.0), (2, 0.04), (2, 1 / 12), (4, 1 / 12)])
def test_alike_candidates_have_no_winner(count: int, correlation: float) -> None:
    draw = gaussian(*[0.96] * count, correlation=correlation)
    assert false_winners(verdicts(draw, LARGE), [0.96] * count) <= ALLOWED


def test_eight_alike_candidates_have_no_winner() -> None:
    found = verdicts(gaussian(*[0.96] * 8), LARGE, studies=30)
    assert false_winners(found, [0.96] * 8) <= stats.binom.ppf(0.9999, 30, 0.05)


@pytest.mark.parametrize("looks", [(3,), (12,), (1, 2, 3), tuple(range(3, 15)), (3, 5, 8, 12, 24)])
def test_other_looks_have_no_more_false_winners_or_ties(looks: tuple[int, ...]) -> None:
    rule, size = Rule(looks=looks, delta=0.004), looks[-1]
    alike = verdicts(gaussian(0.96, 0.96, correlation=0.04, size=size), LARGE, rule)
    assert false_winners(alike, [0.96, 0.96]) <= ALLOWED
    apart = verdicts(gaussian(0.96, 0.956, correlation=0.04, size=size), LARGE, rule)
    assert false_ties(apart, [0.96, 0.956]) <= ALLOWED


@pytest.mark.parametrize("df", [1, 2, 3])
def test_heavy_tails_make_no_winner(df: int) -> None:
    def draw(rng: np.random.Generator) -> np.ndarray:
        return np.asarray(0.3 + 0.01 * rng.standard_t(df, (2, 12)))

    rule = Rule(metric=LOSS)
    assert (
        false_winners(verdicts(draw, Sampling(1_100, 100, None, 12), rule), [0.3, 0.3]) <= ALLOWED
    )


def test_programs_that_count_coarsely_make_neither_false_winners_nor_false_ties() -> None:
    """Errors per run, 0 or 1: equal numbers in three runs prove nothing in either direction."""

    def errors(*rates: float) -> Draw:
        return lambda rng: (rng.random((len(rates), 12)) < np.array(rates)[:, None]).astype(float)

    rule = Rule(metric=LOSS)
    sampling = Sampling(0, 0, split="own")
    for rate in (0.02, 0.5):
        alike = verdicts(errors(rate, rate), sampling, rule)
        assert false_winners(alike, [-rate, -rate]) <= ALLOWED
    apart = verdicts(errors(0.02, 0.08), sampling, rule)
    assert false_ties(apart, [0.02, 0.08]) <= ALLOWED


def test_what_is_one_standard_deviation_apart_is_found_more_often_than_it_was() -> None:
    """26 to 36 % before, with the correction for overlap on folds that do not overlap."""
    found = verdicts(gaussian(0.96, 0.96 + 0.002 * np.sqrt(2)), LARGE, Rule(delta=0.0001), 400)
    right = sum(one is not None and one.kind == "winner" and one.leader == "1" for one in found)
    assert right / 400 >= 0.40


def test_two_that_are_equal_end_as_a_tie_before_the_last_look() -> None:
    found = verdicts(gaussian(0.96, 0.96), LARGE, Rule(delta=1.8 * 0.002 * np.sqrt(2)))
    assert np.mean([one is not None and one.kind == "tie" for one in found]) >= 0.8
    assert np.mean([one.num_replicates for one in found if one is not None]) <= 10

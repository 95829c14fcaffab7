"""Every kind of study in which the verdicts have to hold, as rows of tables.

Differences are in shares (.01 is a point). Unless a row says otherwise: 55,000 / 5,000 examples,
accuracy .96, each candidate with an sd of .2 points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bakeoff.evidence.verdicts import Rule
from bakeoff.records import Metric
from bakeoff.tasks.classification import BALANCED_ACCURACY, LOSS
from benchmarks.simulate import Regime, arms, counted, gaussian, repeated, skewed, steady, student

ACCURACY, SD = 0.96, 0.002
PAIR_SD = SD * math.sqrt(2.0)
"""Of the difference of two candidates."""

CORRELATIONS = {"0": 0.0, ".04": 0.04, "1/12": 1 / 12}
FEW = {"num_train": 1_100, "num_validation": 100}


def regimes() -> list[Regime]:
    """All rows, section by section."""
    makers = (
        _alike,
        _delta,
        _failures,
        _errors,
        _rare,
        _shapes,
        _looks,
        _own,
        _loss,
        _chains,
        _collapse,
    )
    return list(itertools.chain.from_iterable(maker() for maker in makers))


def _alike() -> Iterator[Regime]:
    for count in (2, 3, 4, 6, 8):
        yield Regime("alike", f"{count} alike", arms([ACCURACY] * count, SD))
    for name, correlation in list(CORRELATIONS.items())[1:]:
        for count in (2, 3, 4, 8):
            draw = arms([ACCURACY] * count, SD, correlation=correlation)
            # The nearest to what is promised.
            weight = 4 if count == 2 else 1
            yield Regime("alike", f"{count} alike, correlation {name}", draw, weight=weight)
    for losers in ([-0.01], [-0.005] * 2, [-0.003, -0.02]):
        means = [ACCURACY, ACCURACY, *(ACCURACY + gap for gap in losers)]
        gaps = " and ".join(f"{-100 * gap:g}" for gap in losers)
        yield Regime("alike", f"2 alike, others worse by {gaps} points", arms(means, SD))
    for accuracy, size in itertools.product((0.6, 0.9, 0.99), (5, 20, 100)):
        yield Regime(
            "alike",
            f"2 alike, {size} validation examples, accuracy {accuracy:g}",
            counted([[accuracy]] * 2, [size]),
            num_train=11 * size,
            num_validation=size,
        )


def _delta() -> Iterator[Regime]:
    """Pairs that differ by exactly δ: the hardest case for a tie."""
    for (name, correlation), ratio in itertools.product(CORRELATIONS.items(), (1.0, 1.5, 2.0, 3.0)):
        delta = ratio * PAIR_SD
        yield Regime(
            "delta",
            f"2 apart by δ = {ratio:g} sd, correlation {name}",
            arms([ACCURACY, ACCURACY - delta], SD, correlation=correlation),
            Rule(delta=delta),
            weight=4 if correlation > 0.04 and ratio < 2.0 else 1,
        )
    for count in (3, 4, 8):
        delta = 1.5 * PAIR_SD
        yield Regime(
            "delta",
            f"{count} candidates, the last apart by δ = 1.5 sd",
            arms([ACCURACY] * (count - 1) + [ACCURACY - delta], SD),
            Rule(delta=delta),
        )


def _failures() -> Iterator[Regime]:
    for count, share in itertools.product((2, 3), (0.05, 0.1, 0.2, 0.3, 0.4)):
        draw = arms([0.9] * count, 0.01, failing=share)
        name = f"{count} alike, each run fails with probability {share:g}"
        yield Regime("failures", name, draw, **FEW)
    for first, second, gain in (
        (0.45, 0.0, 1),
        (0.2, 0.0, 1),
        (0.45, 0.0, 0),
        (0.9, 0.0, 0),
        (0.9, 0.2, 1),
    ):
        draw = arms([0.9 + gain / 100, 0.9], 0.01, failing=[first, second])
        better = f"{gain} point better" if gain else "as good"
        name = f"failing {100 * first:g} % against {100 * second:g} %, but {better}"
        yield Regime("failures", name, draw, **FEW)
    draw = arms([0.92, 0.9], 0.01, failing=0.2)
    yield Regime("failures", "2 apart by δ = 1.4 sd, failing 20 %", draw, Rule(delta=0.02), **FEW)


def _errors() -> Iterator[Regime]:
    """Pairs of which hardly any run errs, so that their spread is often exactly zero."""
    pairs = ((0.999, 0.989), (0.999, 0.995), (0.995, 0.985), (1.0, 0.99))
    for (first, second), size in itertools.product(pairs, (1, 5, 10, 20, 50)):
        yield Regime(
            "errors",
            f"{first:g} against {second:g}, {size} validation examples",
            counted([[first], [second]], [size]),
            num_train=11 * size,
            num_validation=size,
        )
    yield Regime(
        "errors",
        "0.999 against 0.989, 20 validation examples, 3 replicates",
        counted([[0.999], [0.989]], [20]),
        Rule(looks=(3,)),
        num_train=220,
        num_validation=20,
    )


def _rare() -> Iterator[Regime]:
    """Balanced accuracy with few examples of a rare class in each fold."""
    for size, rare in itertools.product((500, 5_000), (1, 2, 5)):
        counts = (size - rare, rare)
        for name, rates in (
            ("rare class .99 against .94", [[0.99, 0.99], [0.99, 0.94]]),
            ("alike, rare class .9", [[0.99, 0.9]] * 2),
            ("alike, rare class .5", [[0.95, 0.5]] * 2),
        ):
            yield Regime(
                "rare",
                f"{name}, {rare} of {size:,}",
                counted(rates, counts),
                Rule(metric=BALANCED_ACCURACY),
                num_train=11 * size,
                num_validation=size,
                class_counts=counts,
            )


def _shapes() -> Iterator[Regime]:
    tails = {"t, 3 df": student(3), "t, 2 df": student(2), "Cauchy": student(1)}
    bent = {"skewed left (lognormal .5)": skewed(0.5), "skewed left (lognormal 1)": skewed(1.0)}
    for name, noise in {**tails, **bent}.items():
        yield Regime("shapes", f"{name}: 2 alike", arms([ACCURACY] * 2, SD, noises=noise))
        delta = 1.5 * PAIR_SD
        draw = arms([ACCURACY, ACCURACY - delta], SD, noises=noise)
        yield Regime("shapes", f"{name}: 2 apart by δ = 1.5 sd", draw, Rule(delta=delta))
    draw = arms([ACCURACY] * 2, SD, noises=student(3), correlation=0.04)
    yield Regime("shapes", "t, 3 df, correlation .04: 2 alike", draw)
    for name, noise in bent.items():
        for rival_name, rival in (("a normal", gaussian), ("a steady", steady)):
            draw = arms([ACCURACY] * 2, SD, noises=[noise, rival])
            yield Regime("shapes", f"one {name} against {rival_name} one, alike", draw)
    for sign, side in ((1, "better"), (-1, "worse")):
        delta = 1.5 * PAIR_SD
        draw = arms([ACCURACY + sign * delta, ACCURACY], SD, noises=[skewed(1.0), gaussian])
        name = f"one skewed left (lognormal 1) and {side} by δ = 1.5 sd"
        yield Regime("shapes", name, draw, Rule(delta=delta))
    draw = arms([ACCURACY] * 2, [5 * SD, SD / 5])
    yield Regime("shapes", "sds 25 : 1, 2 alike", draw)
    draw = arms([ACCURACY] * 4, [SD / 4, SD, 2 * SD, 4 * SD])
    yield Regime("shapes", "sds 1 : 4 : 8 : 16, 4 alike", draw)
    yield Regime("shapes", "sd 10 points, 2 alike", arms([0.7] * 2, 0.1), **FEW)


def _looks() -> Iterator[Regime]:
    """Other numbers of replicates, and studies that go on after the folds are used up."""
    for looks, (name, correlation) in itertools.product(
        ((3,), (12,), tuple(range(1, 13)), (3, 6, 9), (3, 6, 12, 24, 48, 96), (24,)),
        CORRELATIONS.items(),
    ):
        options = {"correlation": correlation, "num_replicates": looks[-1]}
        shown = "1 … 12" if len(looks) == 12 else ", ".join(map(str, looks))
        text = f"looks at {shown}, correlation {name}"
        rule, delta = Rule(looks=looks), 1.5 * PAIR_SD
        # The guard is .04; only the usual four looks are promised to hold beyond it.
        covered = correlation <= 0.04
        draw = arms([ACCURACY] * 2, SD, **options)
        name, weight = f"{text}: 2 alike", 10 if looks == (12,) else 1
        yield Regime("looks", name, draw, rule, covered=covered, weight=weight)
        draw = arms([ACCURACY, ACCURACY - delta], SD, **options)
        rule = replace(rule, delta=delta)
        yield Regime("looks", f"{text}: δ = 1.5 sd apart", draw, rule, covered=covered)
    for looks in ((24,), (3, 6, 12, 24, 48, 96)):
        text = f"looks at {', '.join(map(str, looks))}, the same examples again after 12"
        rule, delta = Rule(looks=looks), 0.75 * PAIR_SD
        draw = repeated([ACCURACY] * 2, SD, num_replicates=looks[-1])
        yield Regime("looks", f"{text}: 2 alike", draw, rule)
        draw = repeated([ACCURACY, ACCURACY - delta], SD, num_replicates=looks[-1])
        yield Regime("looks", f"{text}: δ = .75 sd apart", draw, replace(rule, delta=delta))


def _own() -> Iterator[Regime]:
    """Programs that split their own data: another seed is another split, and nothing is known of it."""
    for looks in ((3, 5, 8, 12), (5,), (20,)):
        text = f"looks at {', '.join(map(str, looks))}"
        rule, delta = (
            Rule(looks=looks, metric=Metric("score", higher_is_better=True)),
            1.5 * PAIR_SD,
        )
        options = {"num_replicates": looks[-1]}
        for name, means in (("2 alike", [0.9] * 2), ("4 alike", [0.9] * 4)):
            draw = arms(means, SD, **options)
            name = f"own split, {text}: {name}"
            yield Regime("own", name, draw, rule, split="own")
        draw = arms([0.9, 0.9 - delta], SD, **options)
        rule = replace(rule, delta=delta)
        name = f"own split, {text}: 2 apart by δ = 1.5 sd"
        yield Regime("own", name, draw, rule, split="own")


def _loss() -> Iterator[Regime]:
    """A loss decides: no floor, lower is better, δ is a hundredth of the leader's value."""
    rule = Rule(metric=LOSS)
    for name, noise in (("normal", gaussian), ("skewed to high losses", _turned(skewed(0.5)))):
        for count in (2, 4):
            draw = arms([0.3] * count, 0.003, noises=noise)
            yield Regime("loss", f"{count} alike, {name}", draw, rule)
        for ratio in (1.0, 2.0):
            # The leader's value is .3, so that δ is .003 by default.
            draw = arms([0.3, 0.30302], 0.003 / ratio / math.sqrt(2.0), noises=noise)
            yield Regime("loss", f"2 apart by δ = {ratio:g} sd, {name}", draw, rule)


def _turned(noise):
    return lambda rng, shape: -noise(rng, shape)


def _chains() -> Iterator[Regime]:
    """Stage after stage in which nothing differs; the chosen candidate keeps its runs."""
    for (name, correlation), (stages, count) in itertools.product(
        CORRELATIONS.items(), ((3, 2), (6, 2), (6, 3))
    ):
        yield Regime(
            "chains",
            f"{stages} stages of {count} alike, correlation {name}",
            arms([ACCURACY] * count, SD, correlation=correlation),
            num_stages=stages,
        )


def _collapse() -> Iterator[Regime]:
    """What the rule does not cover: a candidate that is better but for rare collapses."""
    for gain, drop, share in ((0.5, 20, 0.05), (0.8, 20, 0.05), (0.4, 30, 0.02)):
        yield Regime(
            "collapses",
            f"{gain:g} points better, but {drop} worse in {100 * share:g} % of its runs",
            _collapsing(gain / 100, drop / 100, share),
            covered=False,
        )


def _collapsing(gain: float, drop: float, share: float):
    usual = arms([ACCURACY + gain, ACCURACY], SD)

    def draw(rng):
        drawn = usual(rng)
        fallen = rng.random(drawn.values.shape[1]) < share
        values, truth = drawn.values.copy(), drawn.truth.copy()
        values[0, fallen] -= drop
        truth[0] -= share * drop
        return replace(drawn, values=values, truth=truth)

    return draw


def sections(rows: Sequence[Regime]) -> list[str]:
    """Names of the sections, in order."""
    return list(dict.fromkeys(regime.section for regime in rows))

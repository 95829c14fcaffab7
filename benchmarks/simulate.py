"""Made-up studies, decided by the rule itself, look by look; knows arrays and the rule.

A ``Regime`` says how the numbers of one kind of study are drawn and what the truth about them is;
``measure`` counts how often the verdicts on many of them are false. Nothing here decides: every
verdict comes from ``bakeoff.evidence.verdicts.decide``, with which real studies are decided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import RunsFailedError
from bakeoff.evidence.rule import Split, effective_examples
from bakeoff.evidence.verdicts import Decision, Rule, Sampling, decide
from bakeoff.records import Verdict

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One made-up stage.

    Attributes:
        values: the metric, shape (K, S).
        truth: what the metric of each candidate is on average, shape (K,).
        finished: False where a run failed, shape (K, S).
        failing: with which probability a run of each candidate fails, shape (K,).
    """

    values: Floats
    truth: Floats
    finished: Bools
    failing: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Regime:
    """One row of a table.

    Attributes:
        section: what is printed together.
        name: in words.
        draw: one stage from a generator.
        rule: how it is decided.
        num_train, num_validation: examples per part.
        split: as in ``Sampling``; of ``own`` no numbers of examples are known.
        class_counts: validation examples per class where balanced accuracy decides, else empty.
        num_stages: of a chain, in which each chosen candidate meets new ones; 1 for a single stage.
        covered: False where the rule promises nothing.
        weight: how many times the usual number of studies; more where the error comes close to what
            is promised.
    """

    section: str
    name: str
    draw: Callable[[np.random.Generator], Drawn]
    rule: Rule = field(default_factory=Rule)
    num_train: int = 55_000
    num_validation: int = 5_000
    split: Split = "folds"
    class_counts: tuple[int, ...] = ()
    num_stages: int = 1
    covered: bool = True
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Count:
    """What became of the stages of one regime.

    Attributes:
        stages: how many.
        false_winners: winners that are not truly better than every other candidate; than those
            that are out for their failures: that do not truly fail less often.
        false_ties: ties between candidates that truly differ by δ or more.
        winners, ties, undecided: verdicts of each kind.
        without_runs: stages that ended because every run had failed.
        replicates: sum of the S at which the verdicts fell.
        chains: how many chains the stages make; one stage alone is a chain as well.
        false_chains: chains with a false winner in any stage.
    """

    stages: int = 0
    false_winners: int = 0
    false_ties: int = 0
    winners: int = 0
    ties: int = 0
    undecided: int = 0
    without_runs: int = 0
    replicates: int = 0
    chains: int = 0
    false_chains: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


def all_finished(values: Floats) -> tuple[Bools, Floats]:
    """``finished`` and ``failing`` of candidates of which no run fails."""
    return np.ones(values.shape, np.bool_), np.zeros(len(values))


def race(drawn: Drawn, regime: Regime) -> Verdict:
    """The verdict on one stage, reached look by look as a real stage reaches it.

    Raises:
        RunsFailedError: no run of any candidate finished.
    """
    everyone = tuple(range(len(drawn.values)))
    decision: Decision | None = None
    sampling = _sampling(regime)
    for look in regime.rule.looks:
        decision = decide(
            drawn.values,
            np.ones_like(drawn.values),
            finished=drawn.finished,
            labels=[str(k) for k in everyone],
            costs=[(k,) for k in everyone],
            rule=regime.rule,
            num_replicates=look,
            sampling=sampling,
            before=decision,
        )
        if decision.verdict is not None:
            return decision.verdict
    raise AssertionError("the last look always gives a verdict")


def _sampling(regime: Regime) -> Sampling:
    if regime.split == "own":
        return Sampling(0, 0, split="own")
    counts = regime.class_counts or [regime.num_validation]
    return Sampling(
        regime.num_train,
        regime.num_validation,
        effective_examples(regime.rule.metric.name, counts),
        num_folds=12,
    )


def judge(verdict: Verdict, drawn: Drawn, *, higher_is_better: bool = True) -> Count:
    """Whether a verdict is true, as the count of one stage."""
    worth = drawn.truth if higher_is_better else -drawn.truth
    leader, best = int(verdict.leader), [int(label) for label in verdict.best]
    true = all(
        drawn.failing[leader] < drawn.failing[rival]
        if str(rival) in verdict.failed
        else worth[leader] > worth[rival]
        for rival in range(len(worth))
        if rival != leader
    )
    won, tied = verdict.kind == "winner", verdict.kind == "tie"
    apart = worth[best].max() - worth[best].min() if best else 0.0
    return Count(
        stages=1,
        false_winners=int(won and not true),
        false_ties=int(tied and apart >= verdict.delta * (1.0 - 1e-9)),
        winners=int(won),
        ties=int(tied),
        undecided=int(verdict.kind == "undecided"),
        replicates=verdict.num_replicates,
    )


def measure(regime: Regime, num_studies: int, rng: np.random.Generator) -> Count:
    """Counts over ``num_studies`` stages, or chains of them."""
    total = Count()
    for _ in range(num_studies):
        chain, drawn = Count(chains=1), regime.draw(rng)
        for _ in range(regime.num_stages):
            try:
                verdict = race(drawn, regime)
            except RunsFailedError:
                chain += Count(stages=1, without_runs=1)
                break
            chain += judge(verdict, drawn, higher_is_better=regime.rule.metric.higher_is_better)
            drawn = _next(drawn, int(verdict.chosen), regime.draw(rng))
        total += replace(chain, false_chains=int(chain.false_winners > 0))
    return total


def _next(before: Drawn, chosen: int, fresh: Drawn) -> Drawn:
    """The next stage of a chain: the chosen candidate, with the runs it has, against new ones."""
    return Drawn(
        np.concatenate([before.values[[chosen]], fresh.values[1:]]),
        np.concatenate([before.truth[[chosen]], fresh.truth[1:]]),
        np.concatenate([before.finished[[chosen]], fresh.finished[1:]]),
        np.concatenate([before.failing[[chosen]], fresh.failing[1:]]),
    )


Noise = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.standard_normal(shape)


def student(df: int) -> Noise:
    """Student's t, scaled to variance 1 where it has one; 1 is Cauchy's distribution."""
    scale = math.sqrt((df - 2) / df) if df > 2 else 1.0
    return lambda rng, shape: scale * rng.standard_t(df, shape)


def skewed(sigma: float) -> Noise:
    """A lognormal with its tail to the left, mean 0 and variance 1."""
    mean, power = math.exp(sigma**2 / 2.0), math.exp(sigma**2)
    sd = math.sqrt((power - 1.0) * power)
    return lambda rng, shape: (mean - np.exp(sigma * rng.standard_normal(shape))) / sd


def steady(_rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.zeros(shape)


def arms(
    means: Sequence[float],
    sds: float | Sequence[float],
    *,
    correlation: float = 0.0,
    noises: Noise | Sequence[Noise] = gaussian,
    failing: float | Sequence[float] = 0.0,
    num_replicates: int = 12,
) -> Callable[[np.random.Generator], Drawn]:
    """Candidates with independent noise.

    Args:
        means: true mean of each candidate, length K.
        sds: of a candidate's metric between independent studies; one, or one each.
        correlation: between the replicates of one candidate within one study.
        noises: of mean 0 and variance 1 (where it has one); one, or one each.
        failing: probability with which a run fails; one, or one each.
        num_replicates: S.
    """
    truth = np.array(means, np.float64)
    sd, fails = np.broadcast_to(sds, truth.shape), np.broadcast_to(failing, truth.shape)
    each = list(noises) if isinstance(noises, Sequence) else [noises] * len(truth)

    def draw(rng: np.random.Generator) -> Drawn:
        own = np.stack([noise(rng, (num_replicates,)) for noise in each])
        shared = np.stack([noise(rng, (1,)) for noise in each])
        noise = math.sqrt(1.0 - correlation) * own + math.sqrt(correlation) * shared
        finished = rng.random(own.shape) >= fails[:, None]
        return Drawn(truth[:, None] + sd[:, None] * noise, truth, finished, fails)

    return draw


def counted(
    rates: Sequence[Sequence[float]], counts: Sequence[int], *, num_replicates: int = 12
) -> Callable[[np.random.Generator], Drawn]:
    """Candidates that recognise each validation example by chance alone.

    Args:
        rates: recognition rate per candidate and class, shape (K, C).
        counts: validation examples of each class; one class gives plain accuracy, several balanced
            accuracy.
        num_replicates: S.
    """
    rate, size = np.array(rates, np.float64), np.array(counts)

    def draw(rng: np.random.Generator) -> Drawn:
        shape = (num_replicates, *rate.shape)
        hits = rng.binomial(size, rate, shape) / size  # replicate, candidate, class
        values = hits.mean(axis=2).T
        return Drawn(values, rate.mean(axis=1), *all_finished(values))

    return draw


def repeated(
    means: Sequence[float], sd: float, *, num_replicates: int, num_folds: int = 12
) -> Callable[[np.random.Generator], Drawn]:
    """Candidates whose noise is all in the examples, which every partition uses again.

    Folds of one partition are independent; those of different partitions share examples, so that
    replicates beyond the folds add less than they seem to.

    Args:
        means: true mean of each candidate, length K.
        sd: of a candidate's metric between folds of one partition.
        num_replicates: S, partition after partition.
        num_folds: of a partition.
    """
    truth = np.array(means, np.float64)
    per_fold = 4  # examples; normal noise needs no more
    size = num_folds * per_fold

    def draw(rng: np.random.Generator) -> Drawn:
        examples = sd * math.sqrt(per_fold) * rng.standard_normal((len(truth), size))
        partitions = [
            examples[:, rng.permutation(size)].reshape(-1, num_folds, per_fold).mean(axis=2)
            for _ in range(-(-num_replicates // num_folds))
        ]
        values = truth[:, None] + np.concatenate(partitions, axis=1)[:, :num_replicates]
        return Drawn(values, truth, *all_finished(values))

    return draw


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z, share = 1.959964, hits / total
    middle = share + z**2 / (2 * total)
    reach = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)

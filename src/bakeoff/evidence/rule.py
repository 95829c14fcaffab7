"""What is fixed before the first run: the rule that decides a stage, and how replicates are drawn.

Knows no runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import DataSummary, Metric, StudyResult
from bakeoff.tasks.classification import ACCURACY

Floats = NDArray[np.float64]

Split = Literal["folds", "last", "own", "time"]

FOLD_CORRELATION = 0.04
"""Correlation assumed between replicates whose validation parts do not overlap.

Banks of real runs show .01 on average and .03 at most (``docs/evidence.md``): dense networks,
boosted trees, forests and linear models, on images and tables. With this guard false winners stay
below 5 % up to a correlation of 1/12, and half of the differences of one sd are found."""

_SPLITS: tuple[Split, ...] = ("last", "own", "time")

DEFAULT_FOLDS = 12
"""Of a study file that names none."""

FEWEST_REPLICATES = 3
"""Below this no verdict falls: the spread is not known at all (1) or hardly (2)."""

SMALLEST_DELTA = 0.002
"""A fifth of a point: of a share, what nobody would call a difference."""

LARGEST_DELTA = 0.005
"""Half a point: at 80 % accuracy a tenth of the error would call two whole points a tie."""

ERROR_SHARE = 0.1
VALUE_SHARE = 0.01

FEWEST_SHARES = 2
"""No look spends more than half of alpha."""

LAST_LOOK_SHARE = 0.4
"""Of what all looks together may err in ties, the part that the last one spends."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a stage is decided; fixed before its first run.

    Attributes:
        looks: numbers of replicates at which a verdict may fall, rising.
        alpha: probability of a false winner that all looks together may spend; ties may spend as
            much.
        delta: smallest difference that matters, in units of the metric; None for
            ``default_delta`` of the leader's mean at the first look.
        metric: what decides.
    """

    looks: tuple[int, ...] = (3, 5, 8, 12)
    alpha: float = 0.05
    delta: float | None = None
    metric: Metric = ACCURACY

    @property
    def deciding_looks(self) -> tuple[int, ...]:
        """The looks that can give a verdict."""
        return tuple(look for look in self.looks if look >= FEWEST_REPLICATES)

    @property
    def alpha_per_look(self) -> float:
        """Alpha split evenly (Bonferroni) over the looks that can give a verdict.

        One look alone spends half of it. Several looks at the same replicates err less often
        than their alphas add up to, and that slack is what holds where replicates are correlated
        more strongly than the guard allows; a single look has none.
        """
        return self.alpha / max(FEWEST_SHARES, len(self.deciding_looks))

    def tie_alpha(self, look: int) -> float:
        """One-sided level at which a tie may fall at a look; together at most ``alpha``.

        The last look has two fifths of it (an even share where there are fewer than three), the
        earlier ones split the rest in a rising order: .008, .010, .012, .020 for four. Early
        looks are cheap to give up, since few replicates seldom show that nothing differs.
        """
        looks = self.deciding_looks
        if len(looks) < 2 or look not in looks:
            return self.alpha / max(FEWEST_SHARES, len(looks))
        last = max(LAST_LOOK_SHARE, 1.0 / len(looks))
        if look == looks[-1]:
            return self.alpha * last
        before = len(looks) - 1
        weights = [len(looks) + i for i in range(before)]
        return self.alpha * (1.0 - last) * weights[looks.index(look)] / sum(weights)


def looks_until(looks: Sequence[int], num_replicates: int) -> tuple[int, ...]:
    """The looks before ``num_replicates``, and one there.

    A number beyond the last look adds a look: a study that could end after twelve replicates still
    can, and the alpha of each look is what that costs.
    """
    return (*(look for look in looks if look < num_replicates), num_replicates)


def default_delta(value: float, *, share: bool, higher_is_better: bool = True) -> float:
    """δ where the author gives none.

    Of a share 10 % of the error, but at least .2 and at most .5 points; of any other metric 1 %
    of the leader's value.

    Args:
        value: the leader's mean, or what is assumed of it before the first run.
        share: whether the metric lies between 0 and 1.
        higher_is_better: its direction; a share of which less is better is its own error.
    """
    if not share:
        return VALUE_SHARE * abs(value)
    error = 1.0 - value if higher_is_better else value
    return max(SMALLEST_DELTA, min(ERROR_SHARE * error, LARGEST_DELTA))


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the replicates of a study were drawn.

    Attributes:
        num_train, num_validation: examples per part; 0 where a program keeps them to itself.
        num_effective: examples that a value of the metric rests on: ``effective_examples``. None
            where they are not known, or where the metric is no mean over examples.
        num_folds: disjoint validation parts before the first one repeats.
        split: ``folds``; ``last`` (one validation part for all replicates); ``own`` (a program
            splits its data itself, by the seed it is given); ``time`` (later and later parts, of
            which each trains on those before).
        chance: the share that always naming the same class reaches; None where there is no such
            thing.
    """

    num_train: int
    num_validation: int
    num_effective: float | None = None
    num_folds: int = 0
    split: Split = "folds"
    chance: float | None = None

    def variance_factor(self, num_replicates: int) -> float:
        """By what s² is multiplied to give se² of a mean over replicates.

        - Disjoint folds: ``1/S + ρ/(1 − ρ)`` with the guard ρ. Nothing overlaps but training
          parts, and that correlates replicates hardly at all.
        - Folds that repeat, or one validation part: ``1/S + n_val/n_train`` (Nadeau & Bengio 2003).
          Replicates beyond the folds never count for less than the folds alone: they are the same
          examples again.
        - A program that splits its own data: ``1/S``. It covers what a new seed would change.
        """
        if self.split == "own" or not self.num_train:
            return 1.0 / num_replicates
        guard = FOLD_CORRELATION / (1.0 - FOLD_CORRELATION)
        if self.split == "folds" and num_replicates <= self.num_folds:
            return 1.0 / num_replicates + guard
        overlapping = 1.0 / num_replicates + self.num_validation / self.num_train
        if self.split == "folds" and self.num_folds:
            return min(overlapping, 1.0 / self.num_folds + guard)
        return overlapping

    def overlapping(self) -> Sampling:
        """The same with Nadeau and Bengio's correction even on disjoint folds.

        For what was chosen on this very data before it is tested on it.
        """
        return replace(self, num_folds=0)

    def learned_nothing(self, values: Floats, alpha: float = 0.05) -> bool:
        """Whether runs are not shown to do better than always naming the same class.

        An exact one-sided binomial test of all their validation examples together; False where
        chance or the number of examples is not known.

        Args:
            values: the metric of a candidate's finished runs, shape (S,).
            alpha: its level.
        """
        if self.chance is None or not self.num_effective or not len(values):
            return False
        from scipy import special

        examples = max(1, round(self.num_effective * len(values)))
        right = round(float(np.mean(values)) * examples)
        return right == 0 or float(special.bdtrc(right - 1, examples, self.chance)) > alpha

    @property
    def scope(self) -> str:
        """What intervals over these replicates speak about, in words."""
        if self.split == "folds":
            return "what new seeds and a new split of data like this would change"
        if self.split == "last":
            return "what new seeds would change on this one split, not what another split would"
        if self.split == "time":
            return "what new seeds and other stretches of this time would change"
        return "what new seeds would change, not what other data would"

    @property
    def caveat(self) -> str:
        """What a verdict over these replicates must not be taken for, as a sentence; or nothing."""
        return {
            "folds": "",
            "time": "",
            "last": "Found on one split of the data, and said of that split alone.",
            "own": "Found over seeds, and said of no other data.",
        }[self.split]


def effective_examples(metric: str, class_counts: Sequence[float]) -> float | None:
    """How many examples a validation metric rests on, of validation examples per class.

    Returns:
        accuracy is a mean over all n. Balanced accuracy is a mean over the recalls of C classes,
        of which a rare one counts as much as a frequent one: its binomial variance is that of
        ``C² / Σ(1/n_c)`` examples. None for every other metric, and without examples.
    """
    counts = [count for count in class_counts if count > 0]
    if not counts:
        return None
    if metric == "accuracy":
        return float(sum(counts))
    if metric == "balanced_accuracy":
        return float(len(counts) ** 2 / sum(1.0 / count for count in counts))
    return None


def sampling_of(data: DataSummary, *, metric: str, split: Split, num_folds: int) -> Sampling:
    """The sampling of a study; a validation part holds its share of each class outside the test."""
    total = sum(data.class_counts)
    share = data.num_validation / total if total else 0.0
    chance = None
    if total and metric == "accuracy":
        chance = max(data.class_counts) / total
    elif total and metric == "balanced_accuracy":
        chance = 1.0 / sum(count > 0 for count in data.class_counts)
    return Sampling(
        num_train=data.num_train,
        num_validation=data.num_validation,
        num_effective=effective_examples(metric, [share * count for count in data.class_counts]),
        num_folds=num_folds if split == "folds" else 0,
        split=split,
        chance=chance,
    )


def sampling_of_result(result: StudyResult, metric: str | None = None) -> Sampling:
    """The sampling of a finished study, for its own metric or another one."""
    return sampling_of(
        result.data,
        metric=metric or result.metric,
        split=next((one for one in _SPLITS if one == result.split), "folds"),
        num_folds=int(result.spec.get("folds", DEFAULT_FOLDS)),
    )

"""One look at one stage: its pairs, compared once; knows arrays and the rule, decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.intervals import (
    floor_sd,
    paired_comparison,
    t_quantile,
    variance_factor,
)
from bakeoff.evidence.rule import FEWEST_REPLICATES, Rule
from bakeoff.records import Comparison

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Look:
    """One look at one stage, with the pairs computed once."""

    values: Floats
    finished: Bools
    rule: Rule
    num_train: int
    num_validation: int

    @property
    def sign(self) -> float:
        return 1.0 if self.rule.higher_is_better else -1.0

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], Comparison | None]:
        return {}

    def pair(self, a: int, b: int) -> Comparison | None:
        """Metric of a minus metric of b on their shared finished replicates, or None."""
        if (a, b) not in self._pairs:
            shared = self.finished[a] & self.finished[b]
            self._pairs[a, b] = (
                paired_comparison(
                    self.values[a, shared],
                    self.values[b, shared],
                    first=a,
                    second=b,
                    num_train=self.num_train,
                    num_validation=self.num_validation,
                    level=1.0 - self.rule.alpha_per_look,
                    err_floor=self.rule.is_share,
                )
                if shared.any()
                else None
            )
        return self._pairs[a, b]

    def gain(self, a: int, b: int) -> float:
        """How much better a is than b on average; -inf where they share no replicate."""
        pair = self.pair(a, b)
        return -np.inf if pair is None else self.sign * pair.mean

    def beats(self, a: int, b: int, alpha: float) -> bool:
        """Whether a is better than b by a two-sided test at ``alpha``."""
        pair = self.pair(a, b)
        if pair is None or pair.se is None or pair.num_replicates < FEWEST_REPLICATES:
            return False
        quantile = t_quantile(1.0 - alpha / 2.0, pair.num_replicates - 1)
        return self.sign * pair.mean - quantile * pair.se > 0.0

    def with_equivalence(self, pair: Comparison, delta: float) -> Comparison:
        if pair.num_replicates < FEWEST_REPLICATES:
            return pair
        shared = self.finished[pair.first] & self.finished[pair.second]
        return paired_comparison(
            self.values[pair.first, shared],
            self.values[pair.second, shared],
            first=pair.first,
            second=pair.second,
            num_train=self.num_train,
            num_validation=self.num_validation,
            level=pair.level,
            err_floor=self.rule.is_share,
            delta=delta,
        )

    def means(self, indices: Sequence[int], values: Floats) -> Floats:
        """Mean per candidate over the replicates that all of them finished, else over its own."""
        rows = list(indices)
        shared = self.finished[rows].all(axis=0)
        if shared.any():
            return np.asarray(values[rows][:, shared].mean(axis=1), np.float64)
        return np.array([values[row, self.finished[row]].mean() for row in rows])

    def standard_error(self, pair: Comparison) -> float:
        """Its standard error; for a single replicate what the floor alone gives."""
        if pair.se is not None:
            return pair.se
        if not self.rule.is_share:
            return 0.0
        shared = self.finished[pair.first] & self.finished[pair.second]
        floor = floor_sd(
            float(self.values[pair.first, shared].mean()),
            float(self.values[pair.second, shared].mean()),
            self.num_validation,
        )
        factor = variance_factor(pair.num_replicates, self.num_train, self.num_validation)
        return floor * float(np.sqrt(factor))

"""One look at one stage: its pairs, compared once; knows arrays and the rule, decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.intervals import (
    floor_sd,
    paired_comparison,
    t_quantile,
    tie_interval,
    within,
)
from bakeoff.evidence.rule import FEWEST_REPLICATES, Rule, Sampling
from bakeoff.records import Comparison

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FAILS_MORE = 0.1
"""A candidate that fails in more of the replicates than its rival, by more than this share of them,
is not called better for what its other runs reached."""


@dataclass(frozen=True)
class Look:
    """One look at one stage, with the pairs computed once.

    Attributes:
        values: the metric, shape (K, S).
        finished: False where a run failed or was not made, shape (K, S).
        rule, sampling: see there.
        delta: smallest difference that matters.
    """

    values: Floats
    finished: Bools
    rule: Rule
    sampling: Sampling
    delta: float

    @property
    def num_replicates(self) -> int:
        return int(self.values.shape[1])

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], Comparison | None]:
        return {}

    @cached_property
    def _ties(self) -> dict[tuple[int, int], Comparison | None]:
        return {}

    def _shared(self, a: int, b: int) -> tuple[Floats, Floats]:
        shared = self.finished[a] & self.finished[b]
        return self.values[a, shared], self.values[b, shared]

    def pair(self, a: int, b: int) -> Comparison | None:
        """Metric of a minus metric of b on the replicates that both finished, or None."""
        if (a, b) not in self._pairs:
            mine, other = self._shared(a, b)
            pair = None
            if len(mine):
                pair = paired_comparison(
                    mine,
                    other,
                    first=a,
                    second=b,
                    sampling=self.sampling,
                    level=1.0 - self.rule.alpha_per_look,
                    share=self.rule.metric.share,
                )
            self._pairs[a, b] = pair
        return self._pairs[a, b]

    def at_level(self, pair: Comparison, level: float) -> Comparison:
        """The same comparison with its interval at another level."""
        if pair.se is None:
            return pair
        reach = t_quantile(0.5 + level / 2.0, pair.num_replicates - 1) * pair.se
        return replace(pair, low=pair.mean - reach, high=pair.mean + reach, level=level)

    def tie(self, a: int, b: int) -> Comparison | None:
        """The pair as the two one-sided tests of this look see it; None below 3 shared replicates."""
        if (a, b) not in self._ties:
            mine, other = self._shared(a, b)
            tie = None
            if len(mine) >= FEWEST_REPLICATES:
                tie = tie_interval(
                    mine,
                    other,
                    first=a,
                    second=b,
                    sampling=self.sampling,
                    share=self.rule.metric.share,
                    alpha=self.rule.tie_alpha(self.num_replicates),
                )
            self._ties[a, b] = tie
        return self._ties[a, b]

    def equivalent(self, a: int, b: int) -> bool:
        """Whether the two are shown to differ by less than δ."""
        tie = self.tie(a, b)
        return tie is not None and within(tie, self.delta)

    def gain(self, a: int, b: int) -> float:
        """How much better a is than b on average; -inf where they share no replicate."""
        pair = self.pair(a, b)
        return -np.inf if pair is None else self.rule.metric.sign * pair.mean

    def beats(self, a: int, b: int, alpha: float) -> bool:
        """Whether a is better than b, or finishes more often, by a two-sided test at ``alpha``.

        What a program that failed would have reached nobody knows, so neither test may speak
        against the other: better values do not count for a candidate that clearly fails more
        often, and finishing more often not against one that is ahead by δ where both finished.
        """
        if self.better(a, b, alpha):
            return not self.fails_more(a, b) and not self.finishes_more(b, a, alpha)
        return self.finishes_more(a, b, alpha) and self.gain(b, a) < max(self.delta, 0.0)

    def better(self, a: int, b: int, alpha: float) -> bool:
        """Whether the values of a are better on the replicates that both finished."""
        pair = self.pair(a, b)
        if pair is None or pair.se is None or pair.num_replicates < FEWEST_REPLICATES:
            return False
        quantile = t_quantile(1.0 - alpha / 2.0, pair.num_replicates - 1)
        return self.rule.metric.sign * pair.mean - quantile * pair.se > 0.0

    def finishes_more(self, a: int, b: int, alpha: float) -> bool:
        """Whether a fails less often than b, by the exact paired test (McNemar 1947).

        Replicates in which both or neither finished tell nothing; in each of the others either of
        two equally reliable candidates is the one that failed with probability one half.
        """
        only_a, only_b = self._alone(a, b)
        if only_a <= only_b or only_a + only_b < 2:
            return False
        from scipy import special

        p = 2.0 * float(special.bdtr(only_b, only_a + only_b, 0.5))
        return p <= alpha

    def fails_more(self, a: int, b: int) -> bool:
        """Whether a failed in clearly more of the replicates than b, test or no test."""
        only_a, only_b = self._alone(a, b)
        return only_b - only_a > FAILS_MORE * self.num_replicates

    def _alone(self, a: int, b: int) -> tuple[int, int]:
        """In how many replicates only a finished, and only b."""
        mine, other = self.finished[a], self.finished[b]
        return int((mine & ~other).sum()), int((other & ~mine).sum())

    def with_equivalence(self, pair: Comparison) -> Comparison:
        """The comparison with a word on whether the two are equal within ±δ at this look."""
        if pair.num_replicates < FEWEST_REPLICATES:
            return pair
        return replace(pair, equivalent=self.equivalent(pair.first, pair.second))

    def standing(self, indices: Sequence[int]) -> dict[int, float]:
        """How good each of some candidates is, compared with the others; larger is better.

        The mean over the replicates where all of them finished every run; else the mean of the
        paired gains over the others, each on the replicates that the two share.
        """
        rows = list(indices)
        if self.finished[rows].all():
            means = self.rule.metric.sign * self.values[rows].mean(axis=1)
            return dict(zip(rows, means.tolist(), strict=True))
        found = {}
        for k in rows:
            gains = [self.gain(k, other) for other in rows if other != k]
            gains = [gain for gain in gains if np.isfinite(gain)]
            # Rounded: equal candidates shall not differ by the last bit of a mean.
            found[k] = round(float(np.mean(gains)), 12) if gains else -np.inf
        return found

    def standard_error(self, pair: Comparison) -> float:
        """Its standard error; for a single replicate what the floor alone gives."""
        if pair.se is not None:
            return pair.se
        floor = floor_sd(
            *self._shared(pair.first, pair.second), self.sampling, share=self.rule.metric.share
        )
        return floor * float(np.sqrt(self.sampling.variance_factor(pair.num_replicates)))

"""The rule by which a stage is decided, fixed before its first run; knows no runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bakeoff.tasks.classification import SHARES

FEWEST_REPLICATES = 3
"""Below this no verdict falls: the spread is not known at all (1) or hardly (2)."""

SMALLEST_DELTA = 0.002
ERROR_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Rule:
    """How a stage is decided; fixed before its first run.

    Attributes:
        looks: numbers of replicates at which a verdict may fall, rising.
        alpha: probability of a false winner that all looks together may spend.
        delta: smallest difference that matters, in units of the metric; None for
            ``default_delta`` of the leader's mean.
        metric: name of what decides.
        higher_is_better: its direction.
    """

    looks: tuple[int, ...] = (3, 5, 8, 12)
    alpha: float = 0.05
    delta: float | None = None
    metric: str = "accuracy"
    higher_is_better: bool = True

    @property
    def alpha_per_look(self) -> float:
        """Alpha split evenly (Bonferroni) over the looks that can give a verdict."""
        return self.alpha / max(1, sum(look >= FEWEST_REPLICATES for look in self.looks))

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share, spoken of in points."""
        return self.metric in SHARES

    def truncated(self, num_replicates: int) -> Rule:
        """The same rule with its last look at ``num_replicates``; alpha is split anew (`looks_until`)."""
        return replace(self, looks=looks_until(self.looks, num_replicates))


def looks_until(looks: Sequence[int], num_replicates: int) -> tuple[int, ...]:
    """The looks before ``num_replicates``, and one there.

    A number beyond the last look adds a look: a study that could end after twelve replicates still
    can, and the alpha of each look is what that costs.
    """
    return (*(look for look in looks if look < num_replicates), num_replicates)


def default_delta(leader_mean: float, rule: Rule) -> float:
    """δ where the study file gives none: 10 % of the leader's error, at least 0.2 points.

    For a metric where lower is better the leader's value is its error, and no smallest δ is
    known in its units.
    """
    if rule.higher_is_better:
        return max(SMALLEST_DELTA, ERROR_SHARE * (1.0 - leader_mean))
    return ERROR_SHARE * abs(leader_mean)

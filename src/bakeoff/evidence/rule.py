"""The rule by which a stage is decided, fixed before its first run; knows no runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.records import Metric
from bakeoff.tasks.classification import ACCURACY

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

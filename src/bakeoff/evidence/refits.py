"""Which refit of the chosen settings is delivered: the first that has not collapsed.

Training can collapse without failing: every unit of a layer dies in the first epoch, and the
network says one class for good. Such a refit is a measurement like any other, so it counts in the
mean that is reported, but nobody wants it for a model. It is told by its *training part*: choosing
a refit by the test part would make the reported number a lucky one. Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TAIL = 1e-6
"""Level of the exact test that a refit is worse than the best that the settings reach.

The best of many runs is lucky, and a collapse is far beyond any luck."""


def delivered_refit(
    refits: Sequence[float | None],
    validated: Sequence[float | None],
    *,
    baseline: float,
    num_examples: int,
) -> int | None:
    """Index of the first refit that has not collapsed.

    A refit has collapsed when its training accuracy is far below the best that the same settings
    reached in any refit or run of a stage. Where that leaves none (the best may have been luck:
    on labels without a pattern every run is) it is held against the middle one of the stages' runs.

    Args:
        refits: training accuracy of each refit, 0 to 1; None for one that failed.
        validated: the same of the runs that the chosen settings had in the stages.
        baseline: accuracy of knowing nothing, which is always to say the most frequent class.
        num_examples: training examples of a refit.

    Returns:
        None where every refit failed or collapsed.
    """
    alive = [k for k, share in enumerate(refits) if share is not None]
    reached = [share for share in (*refits, *validated) if share is not None]
    usual = [share for share in validated if share is not None]
    for reach in (max(reached, default=0.0), float(np.median(usual)) if usual else 0.0):
        for k in alive:
            if not far_below(refits[k] or 0.0, reach, baseline, num_examples):
                return k
    return None


def far_below(share: float, reach: float, baseline: float, num_examples: int) -> bool:
    """Whether an accuracy is far below another one, on so many examples.

    It is less than half way from knowing nothing to the other, and so few right answers would come
    up less than once in a million times if the other were the true share (exact binomial test).
    A signal so weak that honest models hardly beat knowing nothing fails the second condition.
    """
    if share >= (baseline + reach) / 2.0:
        return False
    from scipy import special

    right = round(share * num_examples)
    return bool(special.bdtr(right, num_examples, min(1.0, reach)) < TAIL)

"""Rules that the present one is held against, for many pairs of candidates at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from benchmarks.simulate import Floats


def rule_before(differences: Floats, delta: float, floor: float = 0.0) -> tuple[Floats, Floats]:
    """The rule of version 0.1 for many pairs at once: what the present one is held against.

    se² = s² · (1/S + 1/11) at looks 3, 5, 8, 12 with .0125 each; ties at the last look alone.

    Args:
        differences: of the metric, shape (num_studies, 12).
        delta: smallest difference that matters.
        floor: smallest believable sd of the differences.

    Returns:
        the verdict (1: the first won, -1: the second, 2: tie, 0: undecided) and S, each of shape
        (num_studies,).
    """
    looks = (3, 5, 8, 12)
    kind, ended = np.zeros(len(differences)), np.full(len(differences), looks[-1])
    for look in looks:
        seen = differences[:, :look]
        mean, sd = seen.mean(axis=1), np.maximum(seen.std(axis=1, ddof=1), floor)
        se = sd * math.sqrt(1.0 / look + 1.0 / 11.0)
        won = (kind == 0) & (np.abs(mean) > special.stdtrit(look - 1, 1.0 - 0.0125 / 2.0) * se)
        kind[won], ended[won] = np.sign(mean[won]), look
    tied = (kind == 0) & (np.abs(mean) + special.stdtrit(looks[-1] - 1, 0.95) * se < delta)
    kind[tied] = 2
    return kind, ended


def naive_false_winners(differences: Floats, looks: Sequence[int] = (3, 5, 8, 12)) -> float:
    """Share of pairs that an ordinary paired t test at 5 % after each look calls decided.

    Args:
        differences: shape (num_studies, S).
        looks: numbers of replicates after which the test is made.
    """
    decided = np.zeros(len(differences), np.bool_)
    for look in looks:
        seen = differences[:, :look]
        se = seen.std(axis=1, ddof=1) / math.sqrt(look)
        decided |= np.abs(seen.mean(axis=1)) > special.stdtrit(look - 1, 0.975) * se
    return float(decided.mean())

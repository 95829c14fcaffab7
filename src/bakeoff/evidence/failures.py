"""Which runs are failed runs: counted and shown, never averaged; knows numbers only."""

from __future__ import annotations

import math

MAJORITY_MARGIN = 0.05
"""How far above the majority class a run must end to count as having learned (5 points)."""

GAP_SHARE = 0.1
"""… but never more than this share of what lies between the majority class and perfection."""


def learning_margin(majority_share: float) -> float:
    """How far above the majority share a validation accuracy must end.

    5 points, or a tenth of the gap that the majority class leaves where that is less. The two
    agree while no class holds more than half of the examples. Above that, 5 points become too
    much to ask: with 97 % of the examples in one class a model of .99 has learned a lot and yet
    is within 5 points of always saying the same.

    Args:
        majority_share: of the most frequent class among the validation examples, 0 to 1.
    """
    return min(MAJORITY_MARGIN, GAP_SHARE * (1.0 - majority_share))


def failure_reason(
    stopped: str | None,
    val_accuracy: float | None,
    majority_share: float,
    *,
    balanced_accuracy: float | None = None,
    num_classes: int = 2,
) -> str | None:
    """Why a run counts as failed, or None if it does not.

    Args:
        stopped: as in ``TrainedRun.stopped``; ``diverged`` fails.
        val_accuracy: after the last epoch, 0 to 1; None or non-finite fails.
        majority_share: of the most frequent class among the validation examples, 0 to 1.
        balanced_accuracy: where the classes are unbalanced: a run that recognises the rare classes has
            learned, though its accuracy may not beat always naming the frequent one.
        num_classes: always naming one class has a balanced accuracy of 1 / num_classes.
    """
    if stopped == "diverged":
        return "diverged: a loss or a weight became non-finite"
    if val_accuracy is None or not math.isfinite(val_accuracy):
        return "diverged: the validation accuracy is not a finite number"
    if balanced_accuracy is not None and math.isfinite(balanced_accuracy):
        chance = 1.0 / num_classes
        if balanced_accuracy > chance + learning_margin(chance):
            return None
    margin = learning_margin(majority_share)
    # A hair of tolerance, so that "exactly 5 points above" does not hang on binary fractions.
    if val_accuracy <= majority_share + margin - 1e-12:
        return (
            f"learned next to nothing: validation accuracy {100 * val_accuracy:.2f} % is not "
            f"{100 * margin:.3g} points above the most frequent class ({100 * majority_share:.2f} %)"
        )
    return None

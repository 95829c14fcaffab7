"""Training curves thinned to what a chart can show; knows only arrays.

A run of a hundred epochs has more points than a small panel has pixels. What stays keeps the
shape: first and last epoch, and the spikes between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from bakeoff.records import Floats, Run

MAX_POINTS = 32


@dataclass(frozen=True, slots=True)
class Curve:
    """One run's curve; epochs count from 1, values that do not exist are None.

    Attributes:
        epochs: the epochs kept, the same for all four series.
        num_epochs: epochs the run had before thinning.
    """

    epochs: tuple[int, ...]
    train_accuracy: tuple[float | None, ...]
    val_accuracy: tuple[float | None, ...]
    train_loss: tuple[float | None, ...]
    val_loss: tuple[float | None, ...]
    num_epochs: int


def kept_epochs(values: Floats, max_points: int = MAX_POINTS) -> list[int]:
    """Indices of the points that keep a curve's shape.

    Largest-triangle-three-buckets: of each stretch the point that spans the largest triangle with
    the point kept before and the mean of the stretch after (Steinarsson 2013, "Downsampling time
    series for visual representation").
    """
    num = len(values)
    if num <= max_points:
        return list(range(num))
    # As lists: a stretch is too short for array arithmetic to pay.
    y = np.where(np.isfinite(values), values, 0.0).tolist()
    edges = np.linspace(1, num - 1, max_points - 1).astype(int).tolist()
    kept = [0]
    for start, stop, after in zip(edges[:-1], edges[1:], [*edges[2:], num], strict=True):
        last = kept[-1]
        next_x, next_y = (stop + after - 1) / 2, sum(y[stop:after]) / (after - stop)
        # Twice the signed area, as a line in the point's own x and y.
        per_x, per_y = y[last] - next_y, next_x - last
        areas = [
            abs(per_x * (here - last) + per_y * (y[here] - y[last])) for here in range(start, stop)
        ]
        kept.append(start + areas.index(max(areas)))
    return [*kept, num - 1]


def _values(series: Floats, kept: list[int]) -> tuple[float | None, ...]:
    # Five decimals are far below a pixel and a tenth of the digits of a float. A failed run's
    # series may end before the others.
    values = np.asarray(series, np.float64)[[i for i in kept if i < len(series)]]
    rounded = [value if isfinite(value) else None for value in np.round(values, 5).tolist()]
    return (*rounded, *[None] * (len(kept) - len(rounded)))


def thin_curve(run: Run, max_points: int = MAX_POINTS) -> Curve:
    """The curves of one run at no more than ``max_points`` epochs."""
    guide = run.curve("val_accuracy")
    if len(guide) != run.num_epochs or not np.isfinite(guide).any():
        guide = run.curve("train_loss")
    kept = kept_epochs(np.asarray(guide, np.float64), max_points)
    return Curve(
        epochs=tuple(i + 1 for i in kept),
        train_accuracy=_values(run.curve("train_accuracy"), kept),
        val_accuracy=_values(run.curve("val_accuracy"), kept),
        train_loss=_values(run.curve("train_loss"), kept),
        val_loss=_values(run.curve("val_loss"), kept),
        num_epochs=run.num_epochs,
    )

"""Runs as arrays: one number or one curve per run; knows records, draws no conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.records import Run

Floats = NDArray[np.float64]


def by_replicate(
    runs: Sequence[Run], metric: str, part: Literal["val", "test", "train"] = "val"
) -> dict[int, float]:
    """Replicate → score of every finished run in which it exists."""
    found = {}
    for run in runs:
        value = run.value(f"{part}_{metric}")
        if run.status == "finished" and value is not None:
            found[run.replicate] = value
    return found


def values_of(
    runs: Sequence[Run], metric: str, part: Literal["val", "test", "train"] = "val"
) -> Floats:
    """The scores of the finished runs, shape (number of them,), in order of the replicate."""
    found = by_replicate(runs, metric, part)
    return np.array([found[replicate] for replicate in sorted(found)], np.float64)


def paired_values(
    a: Sequence[Run], b: Sequence[Run], metric: str, part: Literal["val", "test"] = "val"
) -> tuple[Floats, Floats]:
    """Scores of two candidates on the replicates that both finished, shape (S,) each."""
    first, second = by_replicate(a, metric, part), by_replicate(b, metric, part)
    shared = sorted(first.keys() & second.keys())
    return (
        np.array([first[replicate] for replicate in shared], np.float64),
        np.array([second[replicate] for replicate in shared], np.float64),
    )


def mean_curve(runs: Sequence[Run], name: str) -> Floats:
    """Mean over the finished runs of one curve, shape (epochs,); empty without finished runs."""
    curves = [run.curve(name) for run in runs if run.status == "finished"]
    epochs = min((len(curve) for curve in curves), default=0)
    if not epochs:
        return np.empty(0)
    return np.asarray(np.mean([curve[:epochs] for curve in curves], axis=0), np.float64)

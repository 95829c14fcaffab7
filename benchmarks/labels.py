"""Real studies of labels that mean nothing, or next to nothing: the command's own path, from arrays to verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bakeoff
from bakeoff.errors import RunsFailedError
from benchmarks.simulate import Count

NUM_FEATURES = 8
BASE = {"scale": "standard", "epochs": 5, "learning_rate": 0.1}
WIDTHS = [[4], [8], [16]]


def noise(rng: np.random.Generator, size: int) -> tuple[NDArray, NDArray]:
    """Normal features and a coin for each label."""
    return rng.standard_normal((size, NUM_FEATURES)), rng.integers(0, 2, size)


def unbalanced_noise(rng: np.random.Generator, size: int) -> tuple[NDArray, NDArray]:
    """The same with one label in eight positive, so that balanced accuracy decides."""
    return rng.standard_normal((size, NUM_FEATURES)), (np.arange(size) % 8 == 0).astype(int)


def weak(rng: np.random.Generator, size: int) -> tuple[NDArray, NDArray]:
    """A signal of AUC .54: the first feature moves the odds a little."""
    features = rng.standard_normal((size, NUM_FEATURES))
    chance = 1.0 / (1.0 + np.exp(-0.145 * features[:, 0]))
    return features, (rng.random(size) < chance).astype(int)


@dataclass(frozen=True)
class LabelStudy:
    """One row: studies on data that is drawn anew for each.

    Attributes:
        name: in words.
        data: draws features and labels.
        size: examples.
        share: of the studies that are asked for; large data takes fewer.
        options: of ``bakeoff.Study``.
        null: whether any winner is false; else it is only asked that a verdict is reached.
    """

    name: str
    data: Callable[[np.random.Generator, int], tuple[NDArray, NDArray]]
    size: int
    share: float = 1.0
    options: tuple[tuple[str, Any], ...] = ()
    null: bool = True


ROWS = (
    *(LabelStudy(f"noise, {size:,} rows", noise, size) for size in (40, 100, 300, 1_000)),
    *(LabelStudy(f"noise 7 : 1, {size:,} rows", unbalanced_noise, size) for size in (100, 300)),
    LabelStudy("noise, 300 rows, the loss decides", noise, 300, 1.0, (("metric", "loss"),)),
    LabelStudy("AUC .54, 20,000 rows", weak, 20_000, 0.1, null=False),
    LabelStudy(
        "AUC .54, 20,000 rows, the loss decides", weak, 20_000, 0.1, (("metric", "loss"),), False
    ),
)


def study(row: LabelStudy, seed: int) -> Count:
    """Asks for the width on one data set; what ``bakeoff run`` does, without simple models and page."""
    rng = np.random.default_rng(seed)
    options = {"base": BASE, "baselines": False, **dict(row.options)}
    asked = bakeoff.Study(row.data(rng, row.size), name="labels", seed=seed, **options)
    asked.stage("width", "How wide?", hidden=WIDTHS)
    try:
        verdict = asked.run(store=":memory:", workers=1).verdicts["width"]
    except RunsFailedError:
        return Count(stages=1, without_runs=1, chains=1)
    won, tied = verdict.kind == "winner", verdict.kind == "tie"
    return Count(
        stages=1,
        chains=1,
        false_winners=int(won and row.null),
        winners=int(won),
        ties=int(tied),
        undecided=int(not won and not tied),
        replicates=verdict.num_replicates,
    )

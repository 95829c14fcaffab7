"""A run and what it was trained from: replicates, metrics, candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.settings import Settings

Floats = NDArray[np.float64]
Cost = tuple[tuple[str, float], ...]
RunStatus = Literal["finished", "failed", "interrupted"]
UNKNOWN_CODE = "/code unknown"
"""End of the name of a trainable whose code nobody could hash: the name says nothing about it."""


@dataclass(frozen=True, slots=True)
class Replicate:
    """A (fold, seed) pair that all candidates of all stages share.

    Attributes:
        index: 0-based number of the replicate; also its seed's index in every random stream.
        partition: which stratified partition the fold belongs to; 0 while index < num_folds.
        fold: the fold that is the validation part.
        screening: True for the replicates on which nuisances are tuned; they never decide.
    """

    index: int
    partition: int
    fold: int
    screening: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One candidate trained on one replicate.

    Attributes:
        key: content hash of everything that determines the run; the store's primary key.
        replicate: index of the replicate.
        status: finished; failed (diverged, raised, crashed, timed out, or a number that is not
            finite); interrupted.
        reason: why it failed, in words; None when it finished.
        metrics: part and metric, such as ``val_accuracy``, → its value after the last epoch; finite
            numbers only, a name that is absent was not measured.
        curves: the same names → one value per finished epoch, float64, shape (epochs,).
        notes: what the trainable wants to tell its own lint and page, as plain JSON values.
        train_seconds: wall time of the training.
        engine: name of the trainable that made it, such as ``native/2/avx512``.
        reused: True when it was found in the store instead of being trained.
    """

    key: str
    replicate: int
    status: RunStatus
    reason: str | None
    metrics: Mapping[str, float]
    curves: Mapping[str, Floats]
    notes: Mapping[str, Any]
    train_seconds: float
    engine: str
    reused: bool = False

    def value(self, name: str) -> float | None:
        """One metric by its full name, such as ``val_loss``; None where it was not measured."""
        return self.metrics.get(name)

    def curve(self, name: str) -> Floats:
        """One curve by its full name, shape (epochs,); empty where there is none."""
        found = self.curves.get(name)
        return np.empty(0) if found is None else found

    @property
    def num_epochs(self) -> int:
        """Epochs that were finished, as far as curves tell."""
        return max((len(curve) for curve in self.curves.values()), default=0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that says how good a model is.

    Attributes:
        name: as in records and study files, without a part, such as ``accuracy``.
        higher_is_better: its direction.
        share: whether it lies between 0 and 1 and is spoken of in points (hundredths).
        unit: of a number that is no share, such as ``€``; empty where there is none.
    """

    name: str
    higher_is_better: bool
    share: bool = False
    unit: str = ""

    @property
    def sign(self) -> float:
        """1 where higher is better, else −1: ``sign * value`` is always better when larger."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def words(self) -> str:
        """In running text, such as ``balanced accuracy``."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Published:
    """What the author of a replicated work printed for one model; None where nothing was."""

    test_accuracy: float | None = None
    test_loss: float | None = None


def num_parameters(cost: Cost) -> int | None:
    """What is learned, where the cost tells it."""
    count = dict(cost).get("parameters")
    return None if count is None else int(count)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One full, frozen setting of the hyperparameters that competes in a stage.

    Attributes:
        label: short and unique within its stage, such as ``hidden=64-64``.
        settings: the full settings, tuned nuisances included.
        declared: the settings the author gave (base, carried and varied), without defaults.
        cost: names and counts, such as parameters and operations of a run, compared in this order,
            less is cheaper; empty where unknown.
        incumbent: True for the candidate carried in from the stage before.
        published: in a replication, the author's numbers.
        tuned: the nuisance hyperparameters chosen for it, by name; empty without ``tune``.
    """

    label: str
    settings: Settings
    declared: Mapping[str, Any]
    cost: Cost = ()
    incumbent: bool = False
    published: Published | None = None
    tuned: Mapping[str, Any] = field(default_factory=dict)

    @property
    def price(self) -> tuple[float, ...]:
        """The counts of its cost: the smaller tuple is the cheaper candidate."""
        return tuple(count for _, count in self.cost)

    @property
    def num_parameters(self) -> int | None:
        """What it learns, where that is known: kernels and biases of a network."""
        return num_parameters(self.cost)

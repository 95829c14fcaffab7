"""What every kind of model is to the driver: requests in, outcomes out; knows no study and no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.data.splits import split_rows
from bakeoff.records import DataSummary, Floats, Replicate
from bakeoff.settings import Settings

Model = Mapping[str, NDArray[Any]]
Rows = NDArray[np.int32]
Stopped = Literal["diverged", "cancelled", "raised", "timeout", "crashed"]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One run that is wanted: a candidate on a replicate.

    Attributes:
        key: content hash of everything that determines the run.
        stage: name of the stage, or ``audit`` or ``final``.
        label: of the candidate.
        settings: full.
        replicate: the pair of fold and seed.
        seed: of the run, the same for all candidates of a replicate.
        refit: train on train + validation, as the final step does.
        keep: hand back the model.
        test: measure the test part after training, as a replication does.
    """

    key: str
    stage: str
    label: str
    settings: Settings
    replicate: Replicate
    seed: int
    refit: bool = False
    keep: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a request.

    Attributes:
        key: of the request.
        metrics: part and metric, such as ``val_accuracy``, → finite value after the last epoch.
        curves: the same names → one value per epoch, float64, shape (epochs,).
        notes: for its own lint and page, as JSON has them.
        model: named arrays of the trained model, where it was to be kept.
        outputs: probabilities (n, num_classes) or values (n,) of the validation part, where kept.
        stopped: why it ended early; None when it finished.
        reason: of the end, in words; None when it finished.
        seconds: wall time of the training.
    """

    key: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Floats] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None
    outputs: NDArray[Any] | None = None
    stopped: Stopped | None = None
    reason: str | None = None
    seconds: float = 0.0


class Watch(Protocol):
    """What a training looks at while it trains, and tells."""

    @property
    def cancelled(self) -> bool:
        """Whether the training is asked to end at its next step."""
        ...

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        """Tells the numbers of a finished epoch, counted from 1."""
        ...


class StudyData:
    """The data of a study as a trainable may see it: everything but the test part.

    Pickles without the test part, so that no worker process ever holds it.

    Args:
        dataset: features, labels, names and classes.
        study_seed: of the study.
        split, num_folds: which rows validate, see ``data.splits``.
    """

    def __init__(self, dataset: Dataset, *, study_seed: int, split: str, num_folds: int) -> None:
        self.dataset = dataset
        self.study_seed = study_seed
        self.split = split
        self.num_folds = num_folds

    def rows(self, replicate: Replicate, refit: bool = False) -> tuple[Rows, Rows]:
        """Rows of the training and of the validation part, int32, ascending.

        Args:
            replicate: whose fold validates.
            refit: all rows train, none validates.
        """
        if refit:
            return np.arange(self.dataset.num_examples, dtype=np.int32), np.zeros(0, np.int32)
        return split_rows(
            self.dataset.labels,
            replicate,
            split=self.split,
            num_folds=self.num_folds,
            study_seed=self.study_seed,
        )

    def __getstate__(self) -> dict[str, Any]:
        import dataclasses

        sealed = self.dataset
        nothing = SealedTest(sealed.features[:0], sealed.labels[:0], sealed.test.hash)
        return {**self.__dict__, "dataset": dataclasses.replace(sealed, test=nothing, _cache={})}


class Trainable(Protocol):
    """A kind of model.

    Attributes:
        name: enters every run key: same name, same numbers.
        kind: ``dense``, ``sklearn``, ``keras``, ``function`` or ``command``.
        space: its settings.
        task: its metrics.
        lane: what a batch may share an interpreter with.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def space(self) -> Any: ...
    @property
    def task(self) -> Any: ...
    @property
    def lane(self) -> Literal["thread", "process"]: ...

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Names and counts, compared in this order, less is cheaper; empty where unknown."""
        ...

    def batches(self, requests: Sequence[Request]) -> Iterable[Sequence[Request]]:
        """What is sent out together, such as all runs of one program on a GPU."""
        ...

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        """Trains a batch; one outcome per request, each as soon as it is there."""
        ...

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), or values, shape (n,), of a kept model."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What an executor is asked to do with a batch; pickles where its trainable does."""

    trainable: Trainable
    data: StudyData

    def __call__(self, batch: Sequence[Request], watch: Watch) -> Iterator[Outcome]:
        return self.trainable.train(batch, self.data, watch)

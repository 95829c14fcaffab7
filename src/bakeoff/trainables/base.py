"""What every kind of model is to the driver: requests in, outcomes out; knows no study and no store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.dataset import OpenTest
from bakeoff.data.study_data import StudyData
from bakeoff.records import DataSummary, Floats, Replicate
from bakeoff.settings import Settings
from bakeoff.spec.space import AnySpace
from bakeoff.tasks import task_of
from bakeoff.tasks.base import Task
from bakeoff.tasks.more import scores as more_scores

Model = Mapping[str, NDArray[Any]]
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
    """What a training looks at while it trains, and tells.

    Attributes:
        flag: int32, shape (1,); not 0 once the training is asked to end: for kernels, which ask
            without Python.
    """

    flag: NDArray[np.int32]

    @property
    def cancelled(self) -> bool:
        """Whether the training is asked to end at its next step."""
        ...

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        """Tells the numbers of a finished epoch, counted from 1; epoch 0: the run starts."""
        ...


class Trainable(Protocol):
    """A kind of model.

    Attributes:
        name: enters every run key: same name, same numbers.
        kind: ``dense``, ``sklearn``, ``keras``, ``function`` or ``command``.
        space: its settings.
        task: its metrics.
        lane: what a batch may share an interpreter with.
        reads_data_itself: whether it finds and splits its data without the study.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def space(self) -> AnySpace: ...
    @property
    def task(self) -> Task: ...
    @property
    def lane(self) -> Literal["thread", "process"]: ...
    @property
    def reads_data_itself(self) -> bool: ...

    def named(self, settings: Settings) -> str:
        """What enters the key of a run with these settings; ``name`` but where kinds are mixed."""
        ...

    def refuses(self, settings: Settings) -> str | None:
        """Why it cannot train these settings, or None if it can."""
        ...

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Names and counts, compared in this order, less is cheaper; empty where unknown."""
        ...

    def seconds(self, settings: Settings, data: DataSummary) -> float | None:
        """What a run takes on one slot; None where nobody knows."""
        ...

    def batches(
        self, requests: Sequence[Request], data: DataSummary
    ) -> Iterable[Sequence[Request]]:
        """What is sent out together, such as all runs of one program on a GPU, in this order."""
        ...

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        """Trains a batch; one outcome per request, each as soon as it is there."""
        ...

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), or values, shape (n,), of a kept model."""
        ...

    def measure(
        self, settings: Settings, model: Model, features: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[Mapping[str, float], NDArray[Any]]:
        """Scores of a kept model (metric name → finite value) and what it predicts."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Work for an executor: trains a batch; pickles where its trainable does.

    Attributes:
        trainable, data: what trains, on what.
        test: the opened test part, for requests with ``test``.
    """

    trainable: Trainable
    data: StudyData
    test: OpenTest | None = None

    def __call__(self, batch: Sequence[Request], watch: Watch) -> Iterator[Outcome]:
        kept = {one.key: one for one in batch}
        if self.test is not None:
            batch = [dataclasses.replace(one, keep=one.keep or one.test) for one in batch]
        for outcome in self.trainable.train(batch, self.data, watch):
            request = kept[outcome.key]
            metrics = dict(outcome.metrics)
            if self.test is not None and request.test and outcome.model is not None:
                metrics = metrics | _measured(self.trainable, request, outcome.model, self.test)[0]
            model = outcome.model if request.keep else None
            yield dataclasses.replace(outcome, metrics=metrics, model=model)


@dataclass(frozen=True, slots=True, eq=False)
class Measuring:
    """Work for an executor: measures kept models on the opened test part.

    Attributes:
        trainable: what made the models.
        models: key of a request → its model.
        test: the opened test part.
    """

    trainable: Trainable
    models: Mapping[str, Model]
    test: OpenTest

    def __call__(self, batch: Sequence[Request], watch: Watch) -> Iterator[Outcome]:
        for request in batch:
            if watch.cancelled:
                return
            scores, outputs = _measured(
                self.trainable, request, self.models[request.key], self.test
            )
            yield Outcome(request.key, metrics=scores, outputs=outputs)


def _measured(
    trainable: Trainable, request: Request, model: Model, test: OpenTest
) -> tuple[dict[str, float], NDArray[Any]]:
    scores, outputs = trainable.measure(request.settings, model, test.features, test.labels)
    task = trainable.task
    if len(task.metrics) > len(task_of(task.kind).metrics):  # one of scikit-learn's decides
        scores = {**more_scores(task.kind, outputs, test.labels), **scores}
    return {f"test_{name}": value for name, value in scores.items()}, outputs

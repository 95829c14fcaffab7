"""A brought model as a trainable: what all kinds have in common; knows no library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from bakeoff.data.encoding import Encoding
from bakeoff.data.study_data import StudyData
from bakeoff.errors import UsageError
from bakeoff.records import DataSummary
from bakeoff.settings import Settings
from bakeoff.spec.space import Space
from bakeoff.tasks.base import Metric, Task
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.attempts import attempt
from bakeoff.trainables.base import Model, Outcome, Request, Watch
from bakeoff.trainables.sources import check_versions


class Learner(Protocol):
    """One kind of brought model: one run in a worker process, and what it predicts."""

    def learn(self, request: Request, data: StudyData, task: Task, watch: Watch) -> Outcome:
        """Trains once; whatever it raises is a failed run.

        Where the request says ``keep``, the outcome's model has ``live``, a pickle for this
        study's own predictions that is never stored, and perhaps ``file``, the bytes for its user.
        """
        ...

    def predict(self, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), of a kept model."""
        ...


@dataclass(frozen=True, eq=False)
class Brought:
    """A model that the user brought; see ``Trainable``.

    Attributes:
        name: kind, what it is, hash of its source, versions of its libraries.
        kind: ``sklearn``, ``keras``, ``function`` or ``command``.
        space, task: its settings and metrics.
        learner: what trains.
        versions: of the libraries it computes with.
        reads_data_itself: whether it finds its data without the study, so that nothing of it can
            be sealed.
        only: the one task it can do; None for any.
        raw: whether it takes the columns of a table as they are, not encoded.
    """

    name: str
    kind: str
    space: Space
    task: Task
    learner: Learner
    versions: Mapping[str, str] = field(default_factory=dict)
    reads_data_itself: bool = False
    lane: Literal["thread", "process"] = "process"
    only: str | None = None
    raw: bool = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        """On another machine it is the same model, or none: its name stands in the runs' keys."""
        self.__dict__.update(state)
        check_versions(self.versions)

    def on(self, task: Task) -> Brought:
        """The same model for another task, unless it measures itself.

        Raises:
            UsageError: it cannot do that task.
        """
        if self.only is not None and task.kind not in ("declared", self.only):
            what = {"classification": "classes", "regression": "numbers to predict"}[task.kind]
            wanted = {"classification": "classifier", "regression": "regressor"}
            raise UsageError(
                f"model: {self.name.split('/')[1].partition('#')[0]} is a {wanted[self.only]}, but the data has {what}; take "
                f"a {wanted[task.kind]}"
            )
        if self.task.kind == "declared" or self.task is task:
            return self
        return replace(self, task=task)

    def named(self, settings: Settings) -> str:
        """The same for all settings."""
        del settings
        return self.name

    def refuses(self, settings: Settings) -> str | None:
        """Nothing: its space knows what it takes."""
        del settings
        return None

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Unknown."""
        del settings, data
        return ()

    def seconds(self, settings: Settings, data: DataSummary) -> float | None:
        """Unknown."""
        del settings, data
        return None

    def batches(self, requests: Sequence[Request], data: DataSummary) -> list[Sequence[Request]]:
        """One by one, so that a crash costs one run."""
        del data
        return [(request,) for request in requests]

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        """Trains on the calling thread, which is a worker process's own."""
        for one in batch:
            watch.epoch(one, 0, {})
            made = attempt(one, lambda one=one: self.learner.learn(one, data, self.task, watch))  # type: ignore[misc]
            encoding = data.as_they_are if self.raw else data.encoding(one.replicate, one.refit)
            if made.model is not None and encoding is not None:
                made = replace(made, model={**made.model, "encoding": encoding.to_array()})
            yield made

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), or values, shape (n,)."""
        del settings
        return self.learner.predict(model, encoded(model, features))

    def measure(
        self, settings: Settings, model: Model, features: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[Mapping[str, float], NDArray[Any]]:
        """Scores of a kept model and what it predicts."""
        outputs = self.predict(settings, model, features)
        assert self.task.score is not None  # noqa: S101  (only such a task has kept models)
        scores = dict(self.task.score(outputs, targets))
        if outputs.ndim == 2 and ((outputs == 0.0) | (outputs == 1.0)).all():
            scores.pop("loss", None)  # it only names classes, and is never unsure
        return scores, outputs


def encoded(model: Model, features: NDArray[Any]) -> Any:
    """Features as the model was given them in training: a table's columns encoded as it keeps."""
    encoding = Encoding.of(model)
    return features if encoding is None else encoding.apply(features)


def declared_task(metrics: Mapping[str, Any]) -> Task:
    """The task of a program that measures itself, of ``[model.metrics]``.

    Args:
        metrics: name → ``min`` or ``max``; the first decides.

    Raises:
        UsageError: no metric, or another direction.
    """
    if not metrics:
        raise UsageError('model.metrics: name what the program tells, as in `val_loss = "min"`')
    for name, direction in metrics.items():
        if name.startswith("train_"):
            raise UsageError(
                f"model.metrics.{name}: what is measured on training examples decides nothing; name "
                "what is measured on others"
            )
        if f"val_{name}" in metrics:
            raise UsageError(
                f"model.metrics.{name}: {name} and val_{name} are the same; name one of them"
            )
        if direction not in ("min", "max"):
            raise UsageError(
                f'model.metrics.{name}: must be "min" or "max", which of them is better, '
                f"but got {direction!r}"
            )
    return Task(
        kind="declared",
        metrics=tuple(
            _metric(name.removeprefix("val_"), higher_is_better=direction == "max")
            for name, direction in metrics.items()
        ),
    )


def _metric(name: str, *, higher_is_better: bool) -> Metric:
    """A metric of that name; what is called as a share is one, and is spoken of in points."""
    known = {one.name: one for one in CLASSIFICATION.metrics}.get(name)
    same = known is not None and known.higher_is_better == higher_is_better
    return known if known is not None and same else Metric(name, higher_is_better)

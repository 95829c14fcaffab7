"""Several models in one study: a setting called ``model`` says which of them a candidate is.

A run is keyed by the name and the settings of the model that trains it, so that a model more or
less in a stage changes nothing about the others' runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

from bakeoff.data.study_data import StudyData
from bakeoff.errors import UsageError
from bakeoff.records import DataSummary
from bakeoff.settings import Settings
from bakeoff.spec.space import MODEL, MixedSpace, Space
from bakeoff.tasks.base import Task
from bakeoff.trainables.base import Model, Outcome, Request, Trainable, Watch


@dataclass(frozen=True, eq=False)
class Mixed:
    """Several models that compete in one study; see ``Trainable``.

    Attributes:
        members: what a candidate's ``model`` may be → what trains then; the first by default.
    """

    members: Mapping[str, Trainable]
    kind: str = "mixed"
    lane: Literal["thread", "process"] = "process"

    def __post_init__(self) -> None:
        kinds = {member.task.kind for member in self.members.values()}
        if len(kinds) > 1:
            raise UsageError(
                "model: all models of a study must be scored alike, but here some predict and some "
                "measure themselves; give each its metrics, or none"
            )

    @property
    def name(self) -> str:
        """The names of all."""
        return " + ".join(member.name for member in self.members.values())

    @property
    def space(self) -> MixedSpace:
        """``model``, and the settings of the one that it says."""
        spaces = {name: member.space for name, member in self.members.items()}
        return MixedSpace({n: one for n, one in spaces.items() if isinstance(one, Space)})

    @property
    def reads_data_itself(self) -> bool:
        """What one does all do; see ``study_model``."""
        return any(member.reads_data_itself for member in self.members.values())

    @property
    def task(self) -> Task:
        return next(iter(self.members.values())).task

    def named(self, settings: Settings) -> str:
        """The name of the one that trains."""
        return self._of(settings).named(settings)

    def refuses(self, settings: Settings) -> str | None:
        return self._of(settings).refuses(_own(settings))

    def cost(self, settings: Settings, data: DataSummary) -> tuple[tuple[str, float], ...]:
        """Unknown: counts of different kinds do not compare."""
        del settings, data
        return ()

    def seconds(self, settings: Settings, data: DataSummary) -> float | None:
        return self._of(settings).seconds(_own(settings), data)

    def batches(self, requests: Sequence[Request], data: DataSummary) -> list[Sequence[Request]]:
        """One by one."""
        del data
        return [(request,) for request in requests]

    def train(self, batch: Sequence[Request], data: StudyData, watch: Watch) -> Iterator[Outcome]:
        for one in batch:
            yield from self._of(one.settings).train([_own_request(one)], data, watch)

    def predict(self, settings: Settings, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        return self._of(settings).predict(_own(settings), model, features)

    def measure(
        self, settings: Settings, model: Model, features: NDArray[Any], targets: NDArray[Any]
    ) -> tuple[Mapping[str, float], NDArray[Any]]:
        return self._of(settings).measure(_own(settings), model, features, targets)

    def _of(self, settings: Settings) -> Trainable:
        return self.members[settings[MODEL]]


def _own(settings: Settings) -> Settings:
    """The settings as the model itself knows them."""
    values = {name: value for name, value in settings.items() if name != MODEL}
    return Settings(values, settings.inert)


def _own_request(request: Request) -> Request:
    return replace(request, settings=_own(request.settings))

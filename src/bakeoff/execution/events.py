"""What the driver tells whoever watches a study; knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bakeoff.records import Run, StageResult
from bakeoff.trainables.base import Request


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """``slots``: how many runs go at the same time; ``where``: of ``Executor``; ``metric`` decides."""

    name: str
    num_stages: int
    slots: int
    where: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A question, by its 0-based number; the audit and the final step count on."""

    index: int
    name: str
    question: str


@dataclass(frozen=True, slots=True)
class RunsRequested:
    """So many runs are wanted, of which so many were found in the store."""

    num_requested: int
    num_reused: int


@dataclass(frozen=True, slots=True, eq=False)
class EpochEnded:
    """An epoch of a run, counted from 1; 0 when the run starts. May come from another thread."""

    request: Request
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class RunFinished:
    """A run with an outcome, also a failed one."""

    request: Request
    run: Run


@dataclass(frozen=True, slots=True, eq=False)
class StageFinished:
    """A stage with its verdict."""

    index: int
    stage: StageResult


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for whoever watches; ``where``: of ``Executor``, if the sentence is about that."""

    text: str
    where: str = ""


Event = (
    StudyStarted | StageStarted | RunsRequested | EpochEnded | RunFinished | StageFinished | Note
)
Observer = Callable[[Event], None]


def nobody(event: Event) -> None:
    """The observer that says nothing: the default in a script."""
    del event

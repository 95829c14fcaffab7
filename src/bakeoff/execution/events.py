"""What the driver tells whoever watches a study; knows nothing of terminals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bakeoff.records import Replicate, Run, StageResult
from bakeoff.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class RunRequest:
    """One run the driver wants: a candidate on a replicate.

    Attributes:
        stage: name of the stage, or ``audit`` or ``final``.
        label: of the candidate.
        settings: full.
        replicate: the pair of fold and seed.
        operations: counted operations of the whole run; the longest are started first.
        refit: train on train + validation, as the final step does.
        test: measure the test part after training, as a replication does.
    """

    stage: str
    label: str
    settings: Settings
    replicate: Replicate
    operations: int
    refit: bool = False
    test: bool = False


class Observer(Protocol):
    """Receives the events of a study. ``epoch`` comes from worker threads, the rest from the driver."""

    def study_started(self, name: str, num_stages: int, workers: int) -> None: ...

    def stage_started(self, index: int, name: str, question: str) -> None: ...

    def runs_requested(self, num_requested: int, num_reused: int) -> None: ...

    def run_started(self, request: RunRequest) -> None: ...

    def epoch(self, request: RunRequest, epoch: int, val_accuracy: float) -> None: ...

    def run_finished(self, request: RunRequest, run: Run) -> None: ...

    def stage_finished(self, index: int, stage: StageResult) -> None: ...

    def note(self, text: str) -> None: ...


class Silent:
    """An observer that says nothing: the default of the Python face in a script."""

    def study_started(self, name: str, num_stages: int, workers: int) -> None:
        pass

    def stage_started(self, index: int, name: str, question: str) -> None:
        pass

    def runs_requested(self, num_requested: int, num_reused: int) -> None:
        pass

    def run_started(self, request: RunRequest) -> None:
        pass

    def epoch(self, request: RunRequest, epoch: int, val_accuracy: float) -> None:
        pass

    def run_finished(self, request: RunRequest, run: Run) -> None:
        pass

    def stage_finished(self, index: int, stage: StageResult) -> None:
        pass

    def note(self, text: str) -> None:
        pass

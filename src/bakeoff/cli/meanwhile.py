"""What the command needs at its end, imported while the first models train; knows no study."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib import import_module

from bakeoff.data.beside import Beside
from bakeoff.execution.events import Observer, RunRequest
from bakeoff.records import Run, StageResult


class Meanwhile:
    """Hands every event on, and imports modules on a thread of its own once the first run starts.

    Before that, importing would hold the first run up; after the last, one core would wait for it.

    Args:
        observer: who watches.
        modules: full names; a module that cannot be imported says so where it is used. What a module
            has to make once is made as well, by its ``prepare`` if it has one.
        check: raises KeyboardInterrupt if the command was asked to end before the study began.
    """

    def __init__(
        self, observer: Observer, modules: Sequence[str], check: Callable[[], None]
    ) -> None:
        self._check = check
        self._observer = observer
        self._modules = modules
        self._lock = threading.Lock()
        self._importing: Beside[None] | None = None

    def _import(self) -> None:
        for name in self._modules:
            getattr(import_module(name), "prepare", lambda: None)()

    def study_started(self, name: str, num_stages: int, workers: int) -> None:
        self._check()
        self._observer.study_started(name, num_stages, workers)

    def stage_started(self, index: int, name: str, question: str) -> None:
        self._observer.stage_started(index, name, question)

    def runs_requested(self, num_requested: int, num_reused: int) -> None:
        self._observer.runs_requested(num_requested, num_reused)

    def run_started(self, request: RunRequest) -> None:
        with self._lock:
            if self._importing is None:
                self._importing = Beside(self._import, "bakeoff-imports")
        self._observer.run_started(request)

    def epoch(self, request: RunRequest, epoch: int, val_accuracy: float) -> None:
        self._observer.epoch(request, epoch, val_accuracy)

    def run_finished(self, request: RunRequest, run: Run) -> None:
        self._observer.run_finished(request, run)

    def stage_finished(self, index: int, stage: StageResult) -> None:
        self._observer.stage_finished(index, stage)

    def note(self, text: str) -> None:
        self._observer.note(text)

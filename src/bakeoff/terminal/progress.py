"""Progress as counter lines, for pipes and log files; knows no terminal and no way to draw.

Rich is not imported here: where nothing is drawn, nothing should wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bakeoff import words
from bakeoff.execution.events import RunRequest
from bakeoff.records import Run, StageResult


class Counts:
    """How far the present stage is; shared by both observers, under a lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stage = ""
        self.question = ""
        self.num_stages = 0
        self.requested = 0
        self.reused = 0
        self.finished = 0
        self.started = time.monotonic()

    def begin(self, name: str, question: str) -> None:
        with self.lock:
            self.stage, self.question = name, question
            self.requested = self.reused = self.finished = 0
            self.started = time.monotonic()

    def request(self, num_requested: int, num_reused: int) -> None:
        with self.lock:
            self.requested += num_requested
            self.reused += num_reused

    @property
    def done(self) -> int:
        return self.finished + self.reused


class PlainProgress:
    """One line per finished run, without escape codes, for pipes and log files.

    Args:
        write_line: writes one line of text to standard error.
        on_stage: shows a finished stage on standard output.
    """

    def __init__(
        self, write_line: Callable[[str], None], on_stage: Callable[[int, StageResult], None]
    ) -> None:
        self._line = write_line
        self._on_stage = on_stage
        self._counts = Counts()

    def study_started(self, name: str, num_stages: int, workers: int) -> None:
        self._counts.num_stages = num_stages
        self._line(
            f"{words.visible(name)}: {words.plural(num_stages, 'stage')}, "
            f"{words.plural(workers, 'worker')}"
        )

    def stage_started(self, index: int, name: str, question: str) -> None:
        del index
        self._counts.begin(name, question)

    def runs_requested(self, num_requested: int, num_reused: int) -> None:
        self._counts.request(num_requested, num_reused)
        if num_reused:
            self._line(f"{num_reused} of {words.plural(num_requested, 'run')} reused")

    def run_started(self, request: RunRequest) -> None:
        pass

    def epoch(self, request: RunRequest, epoch: int, val_accuracy: float) -> None:
        pass

    def run_finished(self, request: RunRequest, run: Run) -> None:
        counts = self._counts
        counts.finished += 1
        accuracy = run.value("val_accuracy")
        shown = words.percent(accuracy) if accuracy is not None else ""
        outcome = run.reason or (f"validation accuracy {shown}" if shown else "trained")
        if run.status == "failed":
            outcome = f"failed: {outcome}"
        self._line(
            f"[{counts.done}/{counts.requested}] {words.visible(request.stage)}: "
            f"{words.visible(request.label)}, replicate {request.replicate.index}: {outcome} "
            f"({words.duration(run.train_seconds)})"
        )

    def stage_finished(self, index: int, stage: StageResult) -> None:
        self._on_stage(index, stage)

    def note(self, text: str) -> None:
        self._line(words.visible(text))

    def close(self) -> None:
        """Nothing to put away."""

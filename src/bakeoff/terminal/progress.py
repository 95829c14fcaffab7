"""Progress as lines: for pipes and log files one a run, in a notebook one that renews itself.

Rich is not imported here: where nothing is drawn, nothing should wait for it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff import words
from bakeoff.execution.events import (
    EpochEnded,
    Event,
    Note,
    Observer,
    RunFinished,
    RunsRequested,
    StageFinished,
    StageStarted,
    StudyStarted,
    nobody,
)
from bakeoff.records import PlannedStage, Run, StageResult, StudyPlan
from bakeoff.store.frames import which_replicate
from bakeoff.tasks.classification import metric_named

# Often enough to look alive, seldom enough not to flood the notebook's connection.
SECONDS_BETWEEN_UPDATES = 0.2


class TimeLeft:
    """The longest that a whole study can still take, at the pace it has had so far.

    Args:
        plan: of the study; None where nobody knows it, so that nothing is told.
    """

    def __init__(self, plan: StudyPlan | None) -> None:
        self._stages = [] if plan is None else [_Amount.of(stage) for stage in plan.stages]
        closing = 0 if plan is None else plan.max_runs - sum(one.runs for one in self._stages)
        self._closing = _Amount(closing, self._stages[-1].weight if self._stages else 1.0)
        self._index = -1
        self._stage_done = 0
        self._trained = 0.0
        self._started = time.monotonic()

    def begin(self, index: int) -> None:
        """A stage, the audit or the final step begins."""
        if index < len(self._stages) or self._index < len(self._stages):
            self._stage_done = 0  # the audit and the final step are counted together
        self._index = index

    def reuse(self, num_runs: int) -> None:
        """So many runs were there already."""
        self._stage_done += num_runs

    def finish(self) -> None:
        """A run was trained."""
        self._stage_done += 1
        self._trained += self._now.weight

    @property
    def _now(self) -> _Amount:
        return self._stages[self._index] if self._index < len(self._stages) else self._closing

    def most_seconds(self, waiting: int) -> float | None:
        """At most so long; None before the first run.

        Args:
            waiting: runs that are asked for and not there yet.
        """
        if not self._stages or not self._trained:
            return None
        now = self._now
        left = max(now.runs - self._stage_done, waiting) * now.weight
        if self._index < len(self._stages):
            later = [*self._stages[self._index + 1 :], self._closing]
            left += sum(one.runs * one.weight for one in later)
        return (time.monotonic() - self._started) * left / self._trained


@dataclass(frozen=True, slots=True)
class _Amount:
    """So many runs at most, each of so much work."""

    runs: int
    weight: float

    @classmethod
    def of(cls, stage: PlannedStage) -> _Amount:
        work = [dict(one.cost).get("operations", 1.0) for one in stage.candidates]
        return cls(stage.max_runs, sum(work) / len(work))


class Counts:
    """How far the present stage is; what every observer counts with, under a lock.

    Args:
        plan: of the study, for the time that is left.
    """

    def __init__(self, plan: StudyPlan | None = None) -> None:
        self.lock = threading.Lock()
        self.left = TimeLeft(plan)
        self.stage = ""
        self.question = ""
        self.num_stages = 0
        self.metric = ""
        self.requested = 0
        self.reused = 0
        self.finished = 0
        self.started = time.monotonic()

    def begin(self, index: int, name: str, question: str) -> None:
        with self.lock:
            self.stage, self.question = name, question
            self.left.begin(index)
            self.requested = self.reused = self.finished = 0
            self.started = time.monotonic()

    def request(self, num_requested: int, num_reused: int) -> None:
        with self.lock:
            self.requested += num_requested
            self.reused += num_reused
            self.left.reuse(num_reused)

    def finish(self) -> None:
        with self.lock:
            self.finished += 1
            self.left.finish()

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
        self._write = write_line
        self._on_stage = on_stage
        self._counts = Counts()

    def _line(self, text: str) -> None:
        self._write(words.visible(text))

    def __call__(self, event: Event) -> None:
        """Takes one event of the study."""
        counts = self._counts
        match event:
            case StudyStarted():
                counts.num_stages, counts.metric = event.num_stages, event.metric
                self._line(
                    f"{event.name}: {words.plural(event.num_stages, 'stage')}, "
                    f"{words.plural(event.slots, 'worker')} {event.where}".rstrip()
                )
            case StageStarted():
                counts.begin(event.index, event.name, event.question)
            case RunsRequested(num_requested, num_reused):
                counts.request(num_requested, num_reused)
                if num_reused:
                    self._line(f"{num_reused} of {words.plural(num_requested, 'run')} reused")
            case RunFinished(request, run):
                counts.finish()
                self._line(
                    f"[{counts.done}/{counts.requested}] {request.stage}: "
                    f"{request.label}, {which_replicate(request.replicate.index)}: "
                    f"{_outcome(run, counts.metric)} ({words.duration(run.train_seconds)})"
                )
            case StageFinished():
                self._on_stage(event.index, event.stage)
            case Note(text, _):
                self._line(text)

    def close(self) -> None:
        """Nothing to put away."""


def _outcome(run: Run, metric: str) -> str:
    if run.reason is not None:
        return f"failed: {run.reason}" if run.status == "failed" else run.reason
    found = _leading(run.metrics, metric)
    return f"validation {found}" if found else "trained"


def running_line(event: EpochEnded, metric: str) -> str:
    """A run that is being trained: who, where, how far."""
    request = event.request
    total = request.settings.get("epochs")
    far = f" · epoch {event.epoch}" + (f"/{total}" if total else "") if event.epoch else ""
    found = _leading(event.metrics, metric)
    return f"{request.label} · {which_replicate(request.replicate.index)}{far}" + (
        f"  {found}" if found else ""
    )


def _leading(metrics: Mapping[str, float], metric: str) -> str:
    """The validation metric that decides in words; else accuracy, else the first there is."""
    names = [name for name in metrics if name.startswith("val_")]
    wanted = (f"val_{metric}", "val_accuracy", *names)
    name = next((name for name in wanted if name in names), None)
    if name is None:
        return ""
    known = metric_named(name.removeprefix("val_"))
    shown = (words.percent if known.share else words.number)(metrics[name])
    return f"{known.words} {shown}"


def default_observer() -> Observer:
    """One line in a notebook, silence anywhere else."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or shell is None or not hasattr(shell, "kernel"):
        return nobody
    from IPython.display import display

    return JupyterLine(display)


class JupyterLine:
    """Shows one line of plain text and updates it in place.

    Args:
        display: ``IPython.display.display``.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._shown_at = 0.0
        self._counts = Counts()

    def _show(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._shown_at < SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = moment
        counts = self._counts
        far = f"{words.visible(counts.stage)}: {counts.done} of {counts.requested} runs"
        text = {"text/plain": far}
        if self._handle is None:
            self._handle = self._display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)

    def __call__(self, event: Event) -> None:
        """Takes one event of the study."""
        match event:
            case StageStarted():
                self._counts.begin(event.index, event.name, event.question)
            case RunsRequested(num_requested, num_reused):
                self._counts.request(num_requested, num_reused)
                self._show()
            case RunFinished():
                self._counts.finish()
                self._show()
            case StageFinished():
                self._show(now=True)
            case _:
                pass

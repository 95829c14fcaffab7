"""Progress as a few rows on a terminal that redraw themselves; knows nothing of pipes."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff import words
from bakeoff.execution.events import (
    EpochEnded,
    Event,
    Note,
    RunFinished,
    RunsRequested,
    StageFinished,
    StageStarted,
    StudyStarted,
)
from bakeoff.records import StageResult, StudyPlan
from bakeoff.terminal.progress import Counts, running_line
from bakeoff.terminal.tables import shown

# Head, bar and at most six running runs: eight rows on any machine.
MAX_RUN_ROWS = 6
REFRESH_PER_SECOND = 8


class LiveProgress:
    """At most eight rows that redraw themselves: stage, bar, and what each core does.

    The rows vanish while a finished stage is printed on standard output, so that the two streams
    never mix.

    Args:
        console: writes to standard error.
        on_stage: shows a finished stage on standard output.
        plan: of the study, for the time that is left.
    """

    def __init__(
        self,
        console: Console,
        on_stage: Callable[[int, StageResult], None],
        plan: StudyPlan | None = None,
    ) -> None:
        self._console = console
        self._on_stage = on_stage
        self._counts = Counts(plan)
        self._running: dict[str, EpochEnded] = {}
        self._live: Live | None = None
        self._where = ""

    def __rich__(self) -> Table:
        counts = self._counts
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        head = Text.assemble(shown(f"{counts.stage} ", "bold"), shown(counts.question, "dim"))
        grid.add_row(head)
        with counts.lock:
            total, done = max(1, counts.requested), counts.done
            running = list(self._running.values())[:MAX_RUN_ROWS]
            most = counts.left.most_seconds(counts.requested - counts.done)
        bar = Table.grid(padding=(0, 1))
        elapsed = time.monotonic() - counts.started
        left = "" if most is None else f", at most {words.duration(most)} left"
        left += f", {self._where}" if self._where else ""
        bar.add_row(
            ProgressBar(total=total, completed=done, width=24),
            Text(f"{done}/{total} runs, {words.duration(elapsed)}{left}", style="dim"),
        )
        grid.add_row(bar)
        for event in running:
            grid.add_row(shown(f"  {running_line(event, counts.metric)}"))
        return grid

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(
                self,
                console=self._console,
                refresh_per_second=REFRESH_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def close(self) -> None:
        """Takes the rows away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Takes one event of the study."""
        counts = self._counts
        match event:
            case StudyStarted():
                counts.num_stages, counts.metric = event.num_stages, event.metric
                self._where = event.where
            case StageStarted(index, name, question):
                number = f"{index + 1}/{counts.num_stages} " if index < counts.num_stages else ""
                counts.begin(index, number + name, question)
                self._running.clear()
                self._start()
            case RunsRequested():
                counts.request(event.num_requested, event.num_reused)
                self._start()
            case EpochEnded():
                with counts.lock:
                    self._running[event.request.key] = event
            case RunFinished():
                with counts.lock:
                    self._running.pop(event.request.key, None)
                counts.finish()
            case StageFinished():
                self.close()
                self._on_stage(event.index, event.stage)
            case Note(text, where):
                self._where = where or self._where
                self._console.print(shown(text))

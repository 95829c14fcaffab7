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
from bakeoff.execution.events import RunRequest
from bakeoff.records import Run, StageResult
from bakeoff.terminal.progress import Counts

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
    """

    def __init__(self, console: Console, on_stage: Callable[[int, StageResult], None]) -> None:
        self._console = console
        self._on_stage = on_stage
        self._counts = Counts()
        self._running: dict[int, tuple[RunRequest, int, float | None]] = {}
        self._live: Live | None = None

    def __rich__(self) -> Table:
        counts = self._counts
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        head = Text.assemble(
            (f"{words.visible(counts.stage)} ", "bold"),
            (words.visible(counts.question), "dim"),
        )
        grid.add_row(head)
        with counts.lock:
            total, done = max(1, counts.requested), counts.done
            running = list(self._running.values())[:MAX_RUN_ROWS]
        bar = Table.grid(padding=(0, 1))
        elapsed = time.monotonic() - counts.started
        left = ""
        if counts.finished and done < total:
            left = f", about {words.duration(elapsed / counts.finished * (total - done))} left"
        bar.add_row(
            ProgressBar(total=total, completed=done, width=24),
            Text(f"{done}/{total} runs, {words.duration(elapsed)}{left}", style="dim"),
        )
        grid.add_row(bar)
        for request, epoch, accuracy in running:
            shown = (
                "" if accuracy is None or accuracy != accuracy else f"  {words.percent(accuracy)}"
            )
            grid.add_row(
                Text(
                    f"  {words.visible(request.label)} · replicate {request.replicate.index} · "
                    f"epoch {epoch}/{request.settings['epochs']}{shown}"
                )
            )
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

    def study_started(self, name: str, num_stages: int, workers: int) -> None:
        del name, workers
        self._counts.num_stages = num_stages

    def stage_started(self, index: int, name: str, question: str) -> None:
        number = (
            f"{index + 1}/{self._counts.num_stages} " if index < self._counts.num_stages else ""
        )
        self._counts.begin(number + name, question)
        self._running.clear()
        self._start()

    def runs_requested(self, num_requested: int, num_reused: int) -> None:
        self._counts.request(num_requested, num_reused)
        self._start()

    def run_started(self, request: RunRequest) -> None:
        with self._counts.lock:
            self._running[id(request)] = (request, 0, None)

    def epoch(self, request: RunRequest, epoch: int, val_accuracy: float) -> None:
        with self._counts.lock:
            if id(request) in self._running:
                self._running[id(request)] = (request, epoch + 1, val_accuracy)

    def run_finished(self, request: RunRequest, run: Run) -> None:
        del run
        with self._counts.lock:
            self._running.pop(id(request), None)
            self._counts.finished += 1

    def stage_finished(self, index: int, stage: StageResult) -> None:
        self.close()
        self._on_stage(index, stage)

    def note(self, text: str) -> None:
        self._console.print(Text(words.visible(text)))

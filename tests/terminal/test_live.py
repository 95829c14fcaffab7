"""The rows that redraw themselves."""

from __future__ import annotations

import pytest
from rich.console import Console

from bakeoff.execution.events import Note, RunFinished, RunsRequested, StageStarted, StudyStarted
from bakeoff.records import Replicate, Run
from bakeoff.settings import Settings
from bakeoff.terminal.live import LiveProgress
from bakeoff.terminal.progress import PlainProgress
from bakeoff.trainables.base import Request


def test_the_rows_say_on_how_many_nodes_it_runs_now() -> None:
    console = Console(record=True, width=100, force_terminal=True)
    live = LiveProgress(console, lambda *_: None)
    for event, where in (
        (StudyStarted("s", 1, 4, "on 2 nodes of Ray"), "on 2 nodes of Ray"),
        (StageStarted(0, "width", "How wide?"), "on 2 nodes of Ray"),
        (Note("node b is gone", "on 1 node of Ray"), "on 1 node of Ray"),
        (Note("Following the audit"), "on 1 node of Ray"),
    ):
        live(event)
        with console.capture() as shown:
            console.print(live.__rich__())
        assert where in shown.get()
    live.close()


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("accuracy", "validation accuracy 90.00 %"),
        ("balanced_accuracy", "validation balanced accuracy 80.00 %"),
        ("loss", "validation loss 0.3"),
        ("", "validation accuracy 90.00 %"),
    ],
)
def test_a_finished_run_is_told_by_the_metric_that_decides(metric, said) -> None:
    lines: list[str] = []
    plain = PlainProgress(lines.append, lambda *_: None)
    metrics = {"val_loss": 0.3, "val_accuracy": 0.9, "val_balanced_accuracy": 0.8}
    run = Run("k", 0, "finished", None, metrics, {}, {}, 1.0, "made up")
    request = Request("k", "width", "16", Settings({}), Replicate(0, 0, 0), 0)
    plain(StudyStarted("s", 1, 1, "", metric))
    plain(StageStarted(0, "width", "How wide?"))
    plain(RunsRequested(1, 0))
    plain(RunFinished(request, run))
    assert said in lines[-1]

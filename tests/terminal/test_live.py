"""The rows that redraw themselves."""

from __future__ import annotations

from rich.console import Console

from bakeoff.execution.events import Note, StageStarted, StudyStarted
from bakeoff.terminal.live import LiveProgress


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

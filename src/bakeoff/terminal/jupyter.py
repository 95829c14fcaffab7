"""Progress in a Jupyter notebook: one line that renews itself; nothing where there is no notebook."""

from __future__ import annotations

import sys
import time
from typing import Any

from bakeoff import words
from bakeoff.execution.events import (
    Event,
    Observer,
    RunFinished,
    RunsRequested,
    StageFinished,
    StageStarted,
    nobody,
)

# Often enough to look alive, seldom enough not to flood the notebook's connection.
SECONDS_BETWEEN_UPDATES = 0.2


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
        self._stage = ""
        self._requested = 0
        self._done = 0

    def _show(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._shown_at < SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = moment
        text = {"text/plain": f"{self._stage}: {self._done} of {self._requested} runs"}
        if self._handle is None:
            self._handle = self._display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)

    def __call__(self, event: Event) -> None:
        """Takes one event of the study."""
        match event:
            case StageStarted():
                self._stage = words.visible(event.name)
                self._requested = self._done = 0
            case RunsRequested():
                self._requested += event.num_requested
                self._done += event.num_reused
                self._show()
            case RunFinished():
                self._done += 1
                self._show()
            case StageFinished():
                self._show(now=True)
            case _:
                pass

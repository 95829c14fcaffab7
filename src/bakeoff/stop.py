"""Ctrl-C, SIGTERM and SIGHUP as a flag: a handler only sets it, the driver asks at its safe points.

An exception that is raised wherever the main thread happens to be can fall into an import, a compiled
function or a callback, which drop it or leave things half made. A flag cannot.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stop:
    """Whether a study was asked to end.

    Attributes:
        requested: True from the first signal on.
    """

    def __init__(self) -> None:
        self.requested = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """While the block runs, a first signal sets the flag; a second one does what it did before.

        A signal that was ignored stays ignored (as under ``nohup``). Off the main thread, where
        Python allows no handlers, nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: handler
            for number in SIGNALS
            if (handler := signal.getsignal(number)) not in (None, signal.SIG_IGN)
        }

        def request(number: int, frame: FrameType | None) -> None:
            if not self.requested:
                self.requested = True
                return
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)
            else:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)

        for number in before:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

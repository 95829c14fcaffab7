"""Ctrl-C and SIGTERM noticed for certain; knows nothing of studies.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be, and compiled code that
cannot pass an exception on drops it there and goes on with half-made values (so does SciPy's
initialisation of Sobol numbers: "Exception ignored in"). What the driver concludes after that may be
wrong, so it asks here before it trains, stores or opens anything.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether the study was asked to end.

    Attributes:
        came: True from the moment of the signal on, whatever became of its exception.
    """

    def __init__(self) -> None:
        self.came = False

    def check(self) -> None:
        """Raises KeyboardInterrupt if the signal came, again if it was dropped."""
        if self.came:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def noticed(self) -> Iterator[None]:
        """Notes every signal while the block runs, then does what was done about it before.

        Off the main thread, where Python allows no handlers, it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ours: dict[signal.Signals, object] = {}
        before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, frame: FrameType | None) -> None:
            self.came = True
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for name, handler in before.items():
            if callable(handler):  # a default or ignored signal needs no help
                signal.signal(name, note)
                ours[name] = note
        try:
            yield
        finally:
            for name in ours:
                # A handler that was put in place meanwhile (for a second Ctrl-C) stays.
                if signal.getsignal(name) is note:
                    signal.signal(name, before[name])

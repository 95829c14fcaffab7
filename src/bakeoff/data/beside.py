"""A value made on a thread of its own while the caller goes on; knows nothing of what it is.

``concurrent.futures`` says the same and more, but takes milliseconds to import, which is what
starting early is meant to save.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

Value = TypeVar("Value")


class Beside(Generic[Value]):
    """A value in the making; begins at once.

    Args:
        make: gives the value; what it raises, ``result`` raises.
        name: of the thread.
    """

    def __init__(self, make: Callable[[], Value], name: str) -> None:
        self._make = make
        self._value: Value | None = None
        self._error: BaseException | None = None
        # No daemon: the interpreter waits for it at its end instead of taking it apart meanwhile.
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._make()
        except BaseException as error:  # handed to whoever asks for the value
            self._error = error

    def result(self) -> Value:
        """The value, awaited."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return cast("Value", self._value)

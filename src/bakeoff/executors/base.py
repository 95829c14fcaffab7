"""What every executor is to the driver; knows batches, no model and no study."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from bakeoff.trainables.base import Outcome, Request, Watch

Work = Callable[[Sequence[Request], Watch], Iterator[Outcome]]


class DriversWatch(Watch, Protocol):
    """The watch of the driver, which talks to the user."""

    def say(self, text: str) -> None:
        """Tells whoever watches something worth a line."""
        ...


class Executor(Protocol):
    """Where runs happen.

    Attributes:
        slots: batches that run at the same time.
        where: in words, such as ``on 3 nodes of Ray``; empty for this machine.
    """

    @property
    def slots(self) -> int: ...

    @property
    def where(self) -> str: ...

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """Works through the batches; returns when all are done, or after a cancellation.

        Once ``watch.cancelled``, no further batch starts and running ones are asked to end.
        What ``work`` raises is a failed run with its traceback; what ``on_outcome`` raises ends the
        running batches and goes on.

        Args:
            batches: taken one by one, each when a slot is free for it.
            work: what to do with a batch.
            watch: of the driver; it is told epochs.
            on_outcome: called on the calling thread, as outcomes come.
        """
        ...

    def close(self) -> None:
        """Ends what was kept for the next call."""
        ...


def available_cores() -> int:
    """Cores this process may use (respects affinity, as in containers)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

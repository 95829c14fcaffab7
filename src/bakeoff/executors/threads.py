"""Runs batches on threads of this process; knows batches, no model and no study."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from bakeoff.executors.base import DriversWatch, Work, available_cores
from bakeoff.trainables.attempts import failure_of
from bakeoff.trainables.base import Outcome, Request, Watch

POLL_SECONDS = 0.05
"""How often the driver looks whether it is asked to stop."""


class ThreadWatch:
    """The driver's watch as the threads see it, with a flag that kernels read without Python."""

    def __init__(self, driver: Watch) -> None:
        self.flag = np.zeros(1, np.int32)
        self._driver = driver

    @property
    def cancelled(self) -> bool:
        return bool(self.flag[0])

    def cancel(self) -> None:
        self.flag[0] = 1

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._driver.epoch(request, epoch, metrics)


class Threads:
    """A few threads that work through the batches; the work must release the GIL to gain by it.

    Args:
        slots: threads; by default one for each core.
    """

    where = ""

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots or available_cores()

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """See ``Executor.run``."""
        shared = ThreadWatch(watch)
        waiting, taking = iter(batches), threading.Lock()
        # No SimpleQueue: where a signal outlasts its timeout, CPython 3.11's goes on to wait for ever.
        done: queue.Queue[Outcome | BaseException | None] = queue.Queue()
        # A thread may be one batch ahead of the driver: it never waits for the store, and outcomes
        # do not pile up where the store is slower than the runs.
        ahead = threading.Semaphore(2 * self.slots)

        def take() -> Sequence[Request] | None:
            ahead.acquire()
            with taking:
                return None if shared.cancelled else next(waiting, None)

        def loop() -> None:
            try:
                while (batch := take()) is not None:
                    for outcome in answered(batch, work(batch, shared)):
                        done.put(outcome)
                    done.put(None)
                done.put(StopIteration())
            except BaseException as error:  # handed to the driver, which raises it
                done.put(error)
            ahead.release()  # to whoever waits for a batch that will not come

        threads = [
            threading.Thread(target=loop, name=f"bakeoff-{number}", daemon=True)
            for number in range(self.slots)
        ]
        started: list[threading.Thread] = []
        problem: BaseException | None = None
        ended = 0
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
            while ended < len(threads):
                if watch.cancelled:
                    shared.cancel()
                try:
                    item = done.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(item, Outcome):
                    on_outcome(item)
                elif item is None:
                    ahead.release()
                else:
                    ended += 1
                    if not isinstance(item, StopIteration):
                        problem = problem or item
                        shared.cancel()
        finally:
            shared.cancel()
            ahead.release(self.slots)
            for thread in started:
                thread.join()
        if problem is not None:
            raise problem

    def close(self) -> None:
        """Nothing outlives a call."""


def answered(batch: Sequence[Request], outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes of a batch; what raises is the outcome of the runs that have none by then."""
    open_ = {request.key for request in batch}
    try:
        for outcome in outcomes:
            open_.discard(outcome.key)
            yield outcome
    except Exception as error:
        reason, text = failure_of(error)
        for key in sorted(open_):
            yield Outcome(key, notes={"traceback": text}, stopped="raised", reason=reason)

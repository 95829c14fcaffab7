"""Runs tasks on the threads of this machine, longest first; knows nothing of studies and stores."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

# How often the driver looks up from waiting: short enough that Ctrl-C feels immediate.
POLL_SECONDS = 0.1


def available_cores() -> int:
    """Cores this process may use (respects affinity, as in containers)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalExecutor(Generic[Task, Outcome]):
    """A few threads that work through a list of tasks.

    Args:
        work: what to do with one task; called on a worker thread, must release the GIL to scale.
        num_workers: threads at most.
    """

    def __init__(self, work: Callable[[Task], Outcome], num_workers: int) -> None:
        self._work = work
        self._num_workers = num_workers

    def run(
        self,
        tasks: Sequence[Task],
        *,
        on_done: Callable[[Task, Outcome], None],
        on_start: Callable[[Task], None] | None = None,
        cancel: Callable[[], None],
    ) -> None:
        """Works through the tasks; returns when all are done.

        When the caller is interrupted (KeyboardInterrupt) or a task raises, no further task
        starts, ``cancel`` is called once, the threads are awaited, every outcome that is there by
        then is still handed to ``on_done``, and the exception goes on.

        Args:
            tasks: in the order in which they start.
            on_done: called on the calling thread, in the order in which tasks finish; must be
                idempotent, because an interruption inside it makes it run again.
            on_start: called on the worker thread just before the task.
            cancel: asks running tasks to end early; must return at once.
        """
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        done: queue.SimpleQueue[tuple[Task, Outcome | None, BaseException | None]]
        done = queue.SimpleQueue()
        stop = threading.Event()

        def loop() -> None:
            while not stop.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    if on_start is not None:
                        on_start(task)
                    outcome = self._work(task)
                except BaseException as error:  # handed to the driver, which raises it
                    stop.set()
                    done.put((task, None, error))
                else:
                    done.put((task, outcome, None))

        threads = [
            threading.Thread(target=loop, name=f"bakeoff-{index}", daemon=True)
            for index in range(min(self._num_workers, len(tasks)))
        ]
        for thread in threads:
            thread.start()
        in_hand: tuple[Task, Outcome] | None = None
        try:
            for _ in tasks:
                while True:
                    try:
                        task, outcome, error = done.get(timeout=POLL_SECONDS)
                        break
                    except queue.Empty:
                        continue
                if error is not None:
                    raise error
                in_hand = (task, cast(Outcome, outcome))
                on_done(*in_hand)
                in_hand = None
        except BaseException:
            stop.set()
            cancel()
            for thread in threads:
                thread.join()
            if in_hand is not None:
                on_done(*in_hand)
            while not done.empty():
                task, outcome, error = done.get()
                if error is None:
                    on_done(task, cast(Outcome, outcome))
            raise

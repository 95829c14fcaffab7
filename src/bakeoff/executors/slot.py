"""The inside of one slot of a Ray cluster: an executor of one run at a time, and what its runs tell."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.executors.base import Executor, Work
from bakeoff.executors.threads import ThreadWatch
from bakeoff.trainables.attempts import failure_of
from bakeoff.trainables.base import Outcome, Request

GATHER_SECONDS = 0.2
"""How long a slot collects what its runs tell before it sends it."""


class SlotActor:
    """The other end of a slot, on its node.

    Args:
        make: makes that executor.
        path, folder: where the driver finds modules and files; what of it is here is found here too.
    """

    def __init__(self, make: Callable[[], Executor], path: Sequence[str], folder: str) -> None:
        sys.path += [one for one in path if one not in sys.path]
        with contextlib.suppress(OSError):
            os.chdir(folder)
        self._executor = make()
        self._work: Work | None = None
        self._watch: _SlotWatch | None = None

    def node(self) -> str:
        """Id of the node."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def load(self, content: bytes, *arrays: NDArray[Any]) -> str:
        """Takes the work that is to be done; the node's id."""
        _arrived.arrays = arrays
        try:
            self._work = pickle.loads(content)  # noqa: S301  (of our own driver)
        finally:
            _arrived.arrays = ()
        return self.node()

    def run(self, parcel: Sequence[Sequence[Request]]) -> Iterator[list[tuple[str, Any]]]:
        """Works through the batches; gives what there is to tell, a few times a second."""
        assert self._work is not None  # noqa: S101  (loaded before)
        told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._watch = watch = _SlotWatch(told)
        work, executor = self._work, self._executor

        def train() -> None:
            try:
                executor.run(parcel, work, watch, lambda one: told.put(("outcome", one)))
            except BaseException as error:
                reason, text = failure_of(error)
                for one in (one for batch in parcel for one in batch):
                    told.put(
                        (
                            "lost",
                            Outcome(
                                one.key, {}, {}, {"traceback": text}, None, None, "raised", reason
                            ),
                        )
                    )
            told.put(("end", None))

        threading.Thread(target=train, daemon=True).start()
        answered: set[str] = set()
        kind = ""
        while kind != "end":
            messages: list[tuple[str, Any]] = []
            until = time.monotonic() + GATHER_SECONDS
            while kind != "end":
                try:
                    kind, content = told.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if kind == "lost" and content.key in answered:
                    continue
                if kind in ("outcome", "lost"):
                    answered.add(content.key)
                    messages.append(("outcome", content))
                elif kind == "epoch":
                    messages.append((kind, content))
            if messages:
                yield messages

    def stop(self) -> None:
        """Asks what runs to end."""
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        """Ends what was kept between parcels."""
        self._executor.close()


class _SlotWatch(ThreadWatch):
    """What a run tells goes into the queue of its slot."""

    def __init__(self, told: queue.SimpleQueue[tuple[str, Any]]) -> None:
        self.flag = np.zeros(1, np.int32)
        self._told = told

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._told.put(("epoch", (request.key, epoch, dict(metrics))))

    def say(self, text: str) -> None:
        """Nothing that a single slot has to say is for the user."""


class _Arrived(threading.local):
    arrays: tuple[NDArray[Any], ...] = ()


_arrived = _Arrived()


def sent(number: int) -> NDArray[Any]:
    """An array that came beside the work."""
    return _arrived.arrays[number]

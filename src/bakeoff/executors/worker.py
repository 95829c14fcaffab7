"""The inside of a worker process: takes batches from the driver, sends outcomes; knows no model.

Started by ``processes`` as a fresh interpreter, in a session of its own, so that everything it
starts can be ended with it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from bakeoff.trainables.attempts import failure_of
from bakeoff.trainables.programs import adopt_orphans

if TYPE_CHECKING:
    from bakeoff.executors.base import Work
    from bakeoff.trainables.base import Request


class RemoteWatch:
    """The driver's watch as a worker sees it: through the connection."""

    def __init__(self, connection: Connection) -> None:
        self.flag = np.zeros(1, np.int32)
        self._connection = connection

    @property
    def cancelled(self) -> bool:
        # While a batch runs, the only thing the driver ever sends is that it should end.
        if not self.flag[0] and self._connection.poll():
            self.flag[0] = 1
        return bool(self.flag[0])

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._connection.send(("epoch", (request.key, epoch, dict(metrics))))
        _ = self.cancelled  # for a kernel that reads the flag only


def main(descriptor: int, memory: int = 0) -> NoReturn:
    """Works until the driver hangs up.

    Args:
        descriptor: of the connection to the driver.
        memory: bytes that this process, and each that it starts, may allocate; 0 for no limit.
    """
    if memory and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    connection = Connection(descriptor)
    owner, folder, environment = os.getpid(), Path.cwd(), dict(os.environ)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    adopt_orphans()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    work: bytes = b""
    loaded: Work | None = None
    while True:
        try:
            kind, content = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        if kind == "work":
            work, loaded = content, None
        elif kind == "batch":
            os.chdir(folder)  # a run may have left it, or changed the environment
            if os.environ != environment:
                os.environ.clear()
                os.environ.update(environment)
            try:
                loaded = pickle.loads(work) if loaded is None else loaded  # noqa: S301  (of our own driver)
                connection.send(("begin", None))
                _train(loaded, content, connection, owner)
                failure = None
            except BaseException as error:  # it must not end the worker
                _leave_if_forked(owner)
                failure = failure_of(error)
            _flush()
            connection.send(("end", failure))


def _train(work: Work, batch: Sequence[Request], connection: Connection, owner: int) -> None:
    for outcome in work(batch, RemoteWatch(connection)):
        _leave_if_forked(owner)
        _flush()
        connection.send(("outcome", outcome))
    _leave_if_forked(owner)


def _leave_if_forked(owner: int) -> None:
    """A child that a run forked and that came back from it is no worker."""
    if os.getpid() != owner:
        os._exit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a run may have closed it
            stream.flush()

"""The inside of a worker process: takes batches from the driver, sends outcomes; knows no model.

Started by ``processes`` as a fresh interpreter, in a session of its own, so that everything it
starts can be ended with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import pickle
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from bakeoff.executors.base import failure_of

if TYPE_CHECKING:
    from bakeoff.executors.base import Work
    from bakeoff.trainables.base import Request

PR_SET_CHILD_SUBREAPER = 36


class RemoteWatch:
    """The driver's watch as a worker sees it: through the connection."""

    def __init__(self, connection: Connection) -> None:
        # Kernels that read the flag see it from the next epoch on.
        self.flag = np.zeros(1, np.int32)
        self._connection = connection

    @property
    def cancelled(self) -> bool:
        # While a batch runs, the only thing the driver ever sends is that it should end.
        if self._connection.poll():
            self.flag[0] = 1
        return bool(self.flag[0])

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._connection.send(("epoch", (request.key, epoch, dict(metrics))))


def main(descriptor: int) -> NoReturn:
    """Works until the driver hangs up."""
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


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind (Linux only).

    Only what is a descendant can be found and ended with a run; a daemon is none otherwise.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """Ends everything that this process started and has not ended yet; Linux only."""
    for _ in range(20):  # what starts others while it is being killed needs another round
        found = descendants(os.getpid())
        if not found:
            return
        for one in found:
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
        time.sleep(0.001)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def descendants(process: int) -> list[int]:
    """Processes that a process started, and they, whatever sessions they made; Linux only."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:
        return []
    return [one for child in children for one in (child, *descendants(child))]

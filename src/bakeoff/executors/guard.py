"""What the driver holds of its worker processes: the other end of each, the files that they share, and
the certainty that they end.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import UsageError
from bakeoff.executors.base import Work
from bakeoff.trainables.base import Outcome, Request, Stopped

SHARED_BYTES = 65_536
"""Arrays from this size on lie in a file that all workers map, instead of in each worker."""

START_SECONDS = 60.0
"""How much longer a run may take where its worker has yet to start and to import libraries."""

OUTPUT_BYTES = 8_192
"""How much of the end of what a run prints is kept."""

MARK = "BAKEOFF_WORKER_OF"
"""In the environment of a worker and of all it starts: the folder of its guard."""

_GUARD = f"""trap '' INT TERM HUP
while read -r line; do groups=$line; done
for group in $groups; do kill -9 -"$group" 2>/dev/null; done
for one in $(grep -lsaF "{MARK}=$1" /proc/[0-9]*/environ); do
  one=${{one%/environ}}; kill -9 "${{one#/proc/}}" 2>/dev/null
done
rm -rf -- "$1"
"""


@dataclass(eq=False)
class Worker:
    """The driver's end of one worker process.

    Attributes:
        process, connection: to it.
        slot: which of the executor's; the GPUs of that slot are its.
        work: digest of the work it has.
        busy: whether it has a batch.
        batch: what it has and has not answered.
        started, ends: of the batch, in seconds of the monotonic clock.
        printed: end of what the run printed.
    """

    process: subprocess.Popen[bytes]
    connection: Connection
    slot: int
    work: str = ""
    busy: bool = False
    batch: list[Request] = field(default_factory=list)
    started: float = 0.0
    ends: float = float("inf")
    printed: bytes = b""

    @property
    def output(self) -> int:
        assert self.process.stdout is not None  # noqa: S101  (asked for when it was started)
        return self.process.stdout.fileno()

    def begin(self, batch: Sequence[Request], timeout: float | None) -> None:
        self.drain()
        self.busy, self.batch, self.printed = True, list(batch), b""
        self.tell("batch", self.batch)
        self.count(timeout, START_SECONDS)

    def count(self, timeout: float | None, more: float = 0.0) -> None:
        """From now on the batch may take so long."""
        self.started = time.monotonic()
        if timeout is not None:
            self.ends = self.started + timeout * len(self.batch) + more

    def tell(self, kind: str, content: object) -> None:
        """Sends a message; that the process has just ended is noticed when it is heard."""
        with contextlib.suppress(OSError):
            self.connection.send((kind, content))

    def drain(self) -> None:
        """Takes what was printed so far, keeps its end."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                chunk = os.read(self.output, 1 << 16)
                if not chunk:
                    return
                self.printed = (self.printed + chunk)[-OUTPUT_BYTES:]

    def is_gone(self) -> bool:
        """Whether it ended unheard: a child that a run forked may hold the connection open."""
        return self.process.poll() is not None and not self.connection.poll()

    def close(self) -> None:
        self.drain()
        self.busy = False
        self.connection.close()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def notes(self) -> dict[str, Any]:
        """The end of what the run printed, where it printed something."""
        text = self.printed.decode(errors="replace").strip()
        self.printed = b""
        return {"output": text} if text else {}

    def answered(self, outcome: Outcome) -> Outcome:
        """An outcome, with what was printed meanwhile."""
        self.drain()
        self.batch = [one for one in self.batch if one.key != outcome.key]
        return replace(outcome, notes={**self.notes(), **outcome.notes})

    def unanswered(self, stopped: Stopped, reason: str, notes: Mapping[str, Any]) -> Outcome:
        """The outcome of a run that the process itself cannot tell."""
        seconds = time.monotonic() - self.started
        return Outcome(
            key=self.batch.pop(0).key,
            notes={**self.notes(), **notes},
            stopped=stopped,
            reason=reason,
            seconds=seconds,
        )


class Guard:
    """Sees to it that nothing outlives the driver: no worker, nothing a worker started, no file.

    A shell reads the process groups of the workers from a pipe. When the driver's end closes, by
    ``close``, by the driver's end or by its ``kill -9``, it ends them, on Linux also what left its
    group, and removes the folder.

    Attributes:
        folder: for arrays that the workers map.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bakeoff-"))
        self._shell = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _GUARD, "bakeoff", str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            # In a study within a study's run: the guard ends by itself, after it has tidied up.
            env={name: value for name, value in os.environ.items() if name != MARK},
        )
        self._arrays: dict[int, tuple[NDArray[Any], Path]] = {}

    def watch(self, groups: Iterable[int]) -> None:
        """From now on these are the process groups of the workers."""
        assert self._shell.stdin is not None  # noqa: S101  (asked for when it was started)
        line = " ".join(map(str, groups))
        self._shell.stdin.write(f"{line}\n".encode())
        self._shell.stdin.flush()

    def close(self) -> None:
        assert self._shell.stdin is not None  # noqa: S101
        self._shell.stdin.close()
        self._shell.wait()

    def file_of(self, array: NDArray[Any]) -> Path:
        """Where an array lies; written once, and kept while the guard is."""
        if id(array) not in self._arrays:
            path = self.folder / f"{len(self._arrays)}.npy"
            np.save(path, array)
            self._arrays[id(array)] = (array, path)
        return self._arrays[id(array)][1]

    def pickled(self, work: Work) -> bytes:
        """Work as bytes, its large arrays as references to their files.

        Raises:
            UsageError: something in it cannot be sent to another process.
        """
        buffer = io.BytesIO()
        try:
            _Pickler(buffer, self).dump(work)
        except Exception as error:
            raise UsageError(
                f"the model cannot be sent to a worker process: {error}; make what it uses inside it"
            ) from error
        return buffer.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, guard: Guard) -> None:
        super().__init__(file)
        self._guard = guard

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            if (mapped := mapped_from(value)) is not None:
                return mapped
            if value.nbytes >= SHARED_BYTES:
                return _loaded, (str(self._guard.file_of(value)),)
        return super().reducer_override(value)


def mapped_from(array: NDArray[Any]) -> tuple[Any, ...] | None:
    """How another process maps an array that is mapped from a file here, as pickle has it; else None."""
    root = _root(array)
    if root is None or not array.size or not array.flags.forc:
        return None
    order = "C" if array.flags.c_contiguous else "F"
    offset = root.offset + array.ctypes.data - root.ctypes.data
    return _mapped, (str(root.filename), array.dtype, offset, array.shape, order)


def _root(array: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """The memory map of a whole file that an array is a part or a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    named = isinstance(array, np.memmap) and array.filename and isinstance(array.base, mmap.mmap)
    return array if isinstance(array, np.memmap) and named else None


def _loaded(path: str) -> NDArray[Any]:
    return np.asarray(np.load(path, mmap_mode="r"))


def _mapped(path: str, dtype: Any, offset: int, shape: Any, order: Any) -> NDArray[Any]:
    return np.asarray(np.memmap(path, dtype, "r", offset, shape, order))

"""One slot of a Ray cluster, on its node: an executor of this machine's kind, and what reaches it.

Work travels as bytes; its large arrays go through Ray's object store, and paths in the study's folder
are found again where Ray unpacked that folder. Knows batches, no model and no study.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pickle
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import BakeoffError
from bakeoff.executors.base import Executor, Work
from bakeoff.executors.guard import SHARED_BYTES, mapped_from
from bakeoff.executors.processes import Processes
from bakeoff.executors.threads import ThreadWatch
from bakeoff.trainables.attempts import failure_of
from bakeoff.trainables.base import Outcome, Request

Message = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """What of the driver's surroundings a slot needs.

    Attributes:
        root: the folder that is, on a node with a working directory of Ray's, that directory.
        folder: the driver's current one, for nodes without.
        path: where the driver finds modules.
        environment: variables that decide numbers.
    """

    root: str
    folder: str
    path: tuple[str, ...]
    environment: Mapping[str, str]


class SlotActor:
    """The actor: an executor of one slot, and what its runs tell.

    Args:
        make: makes that executor.
        home: what it needs of where the driver is.
    """

    def __init__(self, make: Callable[[], Executor], home: Home) -> None:
        os.environ.update(home.environment)
        if not _is_unpacked():
            with contextlib.suppress(OSError):
                os.chdir(home.folder)
        for one in (str(_found(part, home.root)) for part in home.path):
            if one not in sys.path:
                sys.path.append(one)
        self._executor = make()
        self._files = NodeFiles() if isinstance(self._executor, Processes) else None
        self._work: Work | None = None
        self._watch: _SlotWatch | None = None

    def load(
        self, content: bytes, names: Sequence[str], *arrays: NDArray[Any]
    ) -> tuple[str, str | None]:
        """Takes the work that is to be done.

        Args:
            content: the work, pickled; its large arrays by their number.
            names: of the arrays, each unique in the cluster.
            arrays: themselves.

        Returns:
            the node's id, and why the work cannot be done there, or None.
        """
        import ray

        node = str(ray.get_runtime_context().get_node_id())
        try:
            if self._files is not None:
                arrays = tuple(map(self._files.mapped, names, arrays))
            _arrived.arrays = arrays
            self._work = pickle.loads(content)  # noqa: S301  (of our own driver)
            if self._files is not None:
                self._files.keep(names)
        except BakeoffError as error:
            return node, str(error)
        except Exception as error:
            return node, failure_of(error)[0]
        finally:
            _arrived.arrays = ()
        return node, None

    def run(
        self, parcel: Sequence[Sequence[Request]], seconds: float, most_epochs: int
    ) -> Iterator[list[Message]]:
        """Works through the batches.

        Args:
            parcel: the batches.
            seconds: for how long it collects before it tells.
            most_epochs: that it tells at once; of more, each run's last.

        Yields:
            ``("epoch", (key, epoch, metrics))`` and ``("outcome", outcome)``.
        """
        assert self._work is not None  # noqa: S101  (loaded before)
        told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._watch = watch = _SlotWatch(told)
        work, executor = self._work, self._executor

        def train() -> None:
            try:
                executor.run(parcel, work, watch, lambda one: told.put(("outcome", one)))
            except BaseException as error:
                told.put(("failed", failure_of(error)))
            told.put(("end", None))

        threading.Thread(target=train, daemon=True).start()
        open_ = {one.key for batch in parcel for one in batch}
        kind = ""
        while kind != "end":
            epochs: list[Message] = []
            outcomes: list[Message] = []
            until = time.monotonic() + seconds
            while kind != "end":
                try:
                    kind, content = told.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if kind == "epoch":
                    epochs.append((kind, content))
                elif kind == "outcome":
                    open_.discard(content.key)
                    outcomes.append((kind, content))
                elif kind == "failed":
                    outcomes += [("outcome", _raised(key, *content)) for key in sorted(open_)]
            if len(epochs) > most_epochs:
                epochs = list({content[0]: (kind, content) for kind, content in epochs}.values())
            if epochs or outcomes:
                yield epochs + outcomes

    def stop(self) -> None:
        """Asks what runs to end."""
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        """Ends what was kept between parcels."""
        self._executor.close()
        if self._files is not None:
            self._files.keep(())


class _SlotWatch(ThreadWatch):
    """What a run tells goes into the queue of its slot."""

    def __init__(self, told: queue.SimpleQueue[Message]) -> None:
        self.flag = np.zeros(1, np.int32)
        self._told = told

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._told.put(("epoch", (request.key, epoch, dict(metrics))))

    def say(self, text: str) -> None:
        """Nothing that a single slot has to say is for the user."""


def _raised(key: str, reason: str, traceback: str) -> Outcome:
    return Outcome(key, notes={"traceback": traceback}, stopped="raised", reason=reason)


class NodeFiles:
    """Arrays as files that all slots of a node map: on its disk and in its memory once.

    Who uses a file holds a shared lock on it, which the system lets go of however its holder ends. A
    file that nobody holds is removed by whoever looks next.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"bakeoff-ray-{os.getuid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.folder.is_symlink() or self.folder.stat().st_uid != os.getuid():
            self.folder = Path(tempfile.mkdtemp(prefix="bakeoff-ray-"))  # somebody else's
        self._held: dict[str, int] = {}
        self._remove_unused()

    def mapped(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """The array, mapped from its file, which is written where it is not there.

        Raises:
            OSError: it cannot be written.
        """
        path = self.folder / f"{name}.array"
        rows = array if array.flags.c_contiguous else array.T
        if not rows.flags.c_contiguous or not array.size:
            return array
        if name not in self._held:
            self._held[name] = _hold(path, rows)
        shape: Any = rows.shape
        made = np.asarray(np.memmap(path, rows.dtype, "r", 0, shape))
        return made if rows is array else made.T

    def keep(self, names: Sequence[str]) -> None:
        """Lets go of all others."""
        for name in self._held.keys() - set(names):
            os.close(self._held.pop(name))
        self._remove_unused()

    def _remove_unused(self) -> None:
        for path in self.folder.glob("*.array"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _hold(path: Path, array: NDArray[Any]) -> int:
    """A descriptor of the whole file, with a shared lock; who finds it unfinished writes it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_whole(descriptor, array) and _is_at(path, descriptor):
                kept, descriptor = descriptor, -1
                return kept
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not _is_whole(descriptor, array):
                os.truncate(descriptor, 0)
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    array.tofile(file)
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def _is_whole(descriptor: int, array: NDArray[Any]) -> bool:
    return os.fstat(descriptor).st_size == array.nbytes


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether nobody has removed the file since it was opened."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def pickled(work: Work, root: Path, place: Callable[[NDArray[Any]], int], *, mapped: bool) -> bytes:
    """Work as bytes, without its large arrays and with paths that each node finds.

    Args:
        work: any.
        root: as in ``Home``.
        place: takes a large array; the number under which it will arrive.
        mapped: whether every slot is on this machine, so that what is mapped from a file stays there.

    Raises:
        Exception: whatever the pickling of something in it raises.
    """
    buffer = io.BytesIO()
    _Pickler(buffer, root, place, mapped=mapped).dump(work)
    return buffer.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(
        self, file: io.BytesIO, root: Path, place: Callable[[NDArray[Any]], int], *, mapped: bool
    ) -> None:
        super().__init__(file)
        self._root, self._place, self._mapped = root.absolute(), place, mapped

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            if self._mapped and (mapped := mapped_from(value)) is not None:
                return mapped
            if value.nbytes >= SHARED_BYTES:
                return _sent, (self._place(value),)
        if isinstance(value, Path) and value.absolute().is_relative_to(self._root):
            return _found, (str(value.absolute()), str(self._root))
        return super().reducer_override(value)


class _Arrived(threading.local):
    arrays: tuple[NDArray[Any], ...] = ()


_arrived = _Arrived()


def _sent(number: int) -> NDArray[Any]:
    """An array that came beside the work."""
    return _arrived.arrays[number]


def _found(path: str, root: str) -> Path:
    """A path of the driver as it is on this node."""
    if _is_unpacked() and Path(path).is_relative_to(root):
        return Path.cwd() / Path(path).relative_to(root)
    return Path(path)


def _is_unpacked() -> bool:
    """Whether Ray unpacked a folder of the driver for this process, which then is the current one."""
    import ray

    return bool(ray.get_runtime_context().runtime_env.get("working_dir"))

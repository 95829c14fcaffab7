"""The writer's lock: an operating-system lock on a file beside the store. Knows nothing of SQL.

The kernel releases it when its holder dies, however it dies; so "the lock is free" means "no
driver is alive", and no timeout has to guess it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import weakref
from pathlib import Path
from typing import Any

from bakeoff import words
from bakeoff.errors import StoreLockedError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# A reader that asks whether a writer is alive holds a shared lock for an instant (see `is_held`);
# an attempt that meets one must not take it for a writer.
_ATTEMPTS = 5
_ATTEMPT_SECONDS = 0.02
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5
# Windows forbids reading a locked range, so the lock lies far behind the holder's name.
_WINDOWS_OFFSET = 1 << 30


class WriterLock:
    """Exclusive right to write to one store; at most one holder on the machine.

    Use ``WriterLock.acquire``. The lock file names its holder for others to read, and is removed
    on release; a file left behind by a killed process is not locked and does no harm.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        _HELD.add(self)

    @classmethod
    def acquire(
        cls, store: Path, *, wait: bool = False, timeout_s: float | None = None
    ) -> WriterLock:
        """Takes the lock of the store at that path.

        Args:
            store: of the database file; the lock is the same name plus ``.lock``.
            wait: whether to wait for another holder to finish.
            timeout_s: longest wait in seconds; None waits for ever.

        Raises:
            StoreLockedError: another process holds it (still, after ``timeout_s``).
            OSError: the lock file cannot be made.
        """
        path = lock_path(store)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause = _FIRST_PAUSE_SECONDS
        while True:
            for _ in range(_ATTEMPTS):
                descriptor = _try_lock(path)
                if descriptor is not None:
                    _sign(descriptor)
                    return cls(path, descriptor)
                time.sleep(_ATTEMPT_SECONDS)
            if not wait or (deadline is not None and time.monotonic() >= deadline):
                raise StoreLockedError(_refusal(store, path, timeout_s if wait else None))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        # Removed while it is still locked, so that nobody can hold the lock of a removed file
        # (`_try_lock` looks); Windows cannot remove an open file and keeps it.
        if sys.platform != "win32":
            self._path.unlink(missing_ok=True)
        os.close(descriptor)

    def forget(self) -> None:
        """In a forked child: drops the copy, so that the lock dies with the parent alone."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)


_HELD: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_HELD):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def lock_path(store: Path) -> Path:
    """Where the lock of a store lies."""
    return store.with_name(store.name + ".lock")


def is_held(store: Path) -> bool:
    """Whether a writer of the store is alive."""
    path = lock_path(store)
    try:
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    """Descriptor of the locked file, or None when another process has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor, shared=False):
                os.close(descriptor)
                return None
            if _still_there(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # The last holder removed the file between our opening and our locking it: once more.
        os.close(descriptor)


def _lock(descriptor: int, *, shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _WINDOWS_OFFSET, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Writes who holds the lock; a courtesy, so a full disk does not matter."""
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": words.now(),
    }
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(holder).encode())


def _refusal(store: Path, path: Path, waited: float | None) -> str:
    holder: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        holder = found if isinstance(found, dict) else {}
    who = "another process"
    if "pid" in holder:
        who = f"process {holder['pid']} on {holder.get('host', 'this machine')}"
        if "since" in holder:
            who += f" since {holder['since']}"
    after = "" if waited is None else f", still after waiting {waited:g} s"
    return (
        f"{store}: one writer at a time, but {who} is writing to it{after}; "
        "wait for it (--wait), end it, or use another store (--store PATH)"
    )

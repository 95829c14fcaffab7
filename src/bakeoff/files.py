"""How every file is written: whole or not at all. Knows nothing of what the files hold.

A regular file is written under a temporary name beside it, forced to the disk and renamed, so that
nobody ever meets half of one, whatever kills the process. It keeps its permissions; a new one gets
those that the umask leaves. A symbolic link is followed. What exists and is no regular file (a pipe,
``/dev/stdout``, a terminal) is written into, as the shell's ``>`` does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bakeoff.errors import StoreFullError, UsageError

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""The disk is full, the file has reached its size limit, the quota is used up."""


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Writes a file so that it is there completely or, if anything fails, as it was before.

    Args:
        content: bytes, or text that is written as UTF-8.

    Raises:
        StoreFullError: no space for it.
        UsageError: it cannot be written there for another reason.
    """
    # A word that came from the name of a file may hold what UTF-8 cannot; it is written escaped.
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with _explained(path), replacing(path) as file:
        file.write(data)


def must_be_writable(path: str | os.PathLike[str]) -> None:
    """Refuses a place that ``write_whole`` could not write to, before there is work to lose.

    Raises:
        StoreFullError, UsageError: as ``write_whole``.
    """
    with _explained(path):
        target = _target(path)
        if not _is_written_into(target):
            file, part = _begin(target)
            file.close()
            part.unlink()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """An open file that takes the place of ``path`` once the block has ended without an error.

    Its ``name`` is that of the temporary file, for those who want to look at it first.

    Raises:
        OSError: as the operating system says it.
    """
    target = _target(path)
    if _is_written_into(target):
        with _open_as_it_is(target) as file:
            yield file
        return
    file, part = _begin(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # there is none, or permissions are not known here
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _target(path: str | os.PathLike[str]) -> Path:
    """What a symbolic link leads to; a link of ``/proc`` to a pipe names a file that is not there."""
    target = Path(os.path.realpath(path))
    return target if target.exists() or not Path(path).exists() else Path(path)


def _is_written_into(target: Path) -> bool:
    """Whether the target exists and must not be replaced; raises OSError for what takes no bytes."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return False
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if stat.S_ISREG(found.st_mode):
        return _standard_stream(found) is not None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode)):
        raise OSError(errno.EINVAL, "it is no file, pipe or terminal")
    return True


def _open_as_it_is(target: Path) -> BinaryIO:
    stream = _standard_stream(target.stat())
    if stream is None:
        return os.fdopen(os.open(target, os.O_WRONLY), "wb")
    with contextlib.suppress(ValueError, AttributeError):  # closed, or none
        (sys.stdout if stream == 1 else sys.stderr).flush()
    return os.fdopen(os.dup(stream), "wb")


def _standard_stream(found: os.stat_result) -> int | None:
    """Standard output or error, if the file is one of them.

    Such as ``/dev/stdout``, sent to a file by the shell: what the file holds already must stay, and
    what is printed later must come behind it.
    """
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(found, os.fstat(stream)):
                return stream
    return None


def _begin(target: Path) -> tuple[BinaryIO, Path]:
    """A new file in the folder of the target, with the permissions that the umask leaves."""
    part = target.with_name(f".{target.name[:32]}.{secrets.token_hex(4)}.part")
    return part.open("xb"), part


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself survive a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _explained(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # a null character in the name
        raise UsageError(f"{path!r}: cannot be written ({error}); give another path") from error
    except OSError as error:
        if error.errno in FULL:
            raise StoreFullError(
                f"{os.fspath(path)}: no space left to write it ({error.strerror}); free some space and "
                "run the same command again"
            ) from error
        why = error.strerror or str(error)
        if isinstance(error, FileNotFoundError):
            why = "there is no such folder"
        raise UsageError(
            f"{os.fspath(path)}: cannot be written ({why}); give another path"
        ) from error


def file_stem(name: str) -> str:
    """A study's name as part of a file name."""
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in name)
    return stem.strip("-.")[:80] or "study"

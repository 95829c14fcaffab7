"""Reading files that may be hostile: nothing is unpacked beyond what its header may claim."""

from __future__ import annotations

import contextlib
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bakeoff.errors import DataError

# A dataset must fit into memory together with its copies; half of the machine is the honest limit.
_CEILING = 16 * 2**30
# Deflate's best case is 258 bytes from two bits plus block headers (https://zlib.net/zlib_tech.html).
MAX_DEFLATE_RATIO = 1032
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's window bits for "gzip wrapper, largest window"

# A step's content still fits into the processor's cache, where it is hashed and copied from; many small
# steps would ask for the interpreter lock as often, while another thread imports modules under it.
_STEP_BYTES = 512 * 1024
_HUGE_PAGE = 2 * 2**20


class Digest(Protocol):
    """What ``hashlib`` makes."""

    def update(self, data: bytes | memoryview, /) -> None: ...


def memory_limit() -> int:
    """Most bytes a dataset may have once unpacked: half of the machine's memory, at most 16 GiB."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # no such number on this system
        return _CEILING
    return min(_CEILING, physical // 2) if physical > 0 else _CEILING


def check_size(place: str, num_bytes: int) -> None:
    """DataError if ``num_bytes`` of unpacked data is more than this machine should hold."""
    limit = memory_limit()
    if num_bytes > limit:
        raise DataError(
            f"{place}: claims {num_bytes:,} bytes of data, more than the {limit:,} that fit into "
            "half of this machine's memory; if that is no mistake, use a part of the data"
        )


def read_file(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        DataError: it is missing, a folder, unreadable or larger than ``memory_limit``.
    """
    try:
        check_size(str(path), path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); check the path"
        ) from error


class Unpacker:
    """The content of a gzip or plain file, given out in pieces of a size asked for beforehand."""

    def __init__(self, raw: bytes, place: str) -> None:
        self._place = place
        self._raw = memoryview(raw)
        self._position = 0
        self._zipped = raw[:2] == _GZIP_MAGIC
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def most(self) -> int:
        """Upper bound of the content's size in bytes."""
        return len(self._raw) * (MAX_DEFLATE_RATIO if self._zipped else 1)

    def take(self, num_bytes: int) -> bytes:
        """The next few bytes, or fewer where the file ends.

        Raises:
            DataError: the compressed data is damaged.
        """
        return b"".join(self._pieces(num_bytes))

    def take_large(self, num_bytes: int, digest: Digest | None = None) -> memoryview:
        """The next ``num_bytes`` bytes, or fewer where the file ends, read-only.

        Args:
            digest: updated with them, piece by piece while they are in the processor's cache.

        Raises:
            DataError: the compressed data is damaged.
        """
        if not self._zipped:
            found = self._raw[self._position : self._position + num_bytes]
            self._position += len(found)
            if digest is not None:
                digest.update(found)
            return found
        target, filled = memoryview(_pages(num_bytes)), 0
        for piece in self._pieces(num_bytes):
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
            if digest is not None:
                digest.update(piece)
        return target[:filled].toreadonly()

    def _pieces(self, num_bytes: int) -> Iterator[bytes | memoryview]:
        """The next ``num_bytes`` bytes, or fewer where the file ends, a few at a time."""
        while num_bytes > 0:
            piece: bytes | memoryview
            if self._zipped:
                piece = self._inflated(num_bytes)
            else:
                piece = self._raw[self._position : self._position + num_bytes]
                self._position += len(piece)
            if not piece:
                return
            num_bytes -= len(piece)
            yield piece

    def _inflated(self, most: int) -> bytes:
        """At least one byte and at most so many, or none where the file ends."""
        while not self._inflater.eof:
            # What was not needed last time comes first; the rest of the file is fed in steps.
            step: bytes | memoryview = self._inflater.unconsumed_tail
            if not step:
                step = self._raw[self._position : self._position + _STEP_BYTES]
                self._position += len(step)
            try:
                piece = self._inflater.decompress(step, most)
            except zlib.error as error:
                raise DataError(
                    f"{self._place}: the gzip data is damaged ({error}); fetch the file again"
                ) from error
            if piece or not step:
                return piece
        return b""

    def finish(self) -> None:
        """Checks that the content ends here, and a gzip file's own checksum.

        Raises:
            DataError: there is more, or a gzip file stops in the middle.
        """
        if self.take(1):
            raise DataError(
                f"{self._place}: the file goes on after the examples its header announces; "
                "fetch or write the file again"
            )
        if self._zipped and not self._inflater.eof:
            raise DataError(f"{self._place}: the gzip file stops in the middle; fetch it again")


def _pages(num_bytes: int) -> mmap.mmap | bytearray:
    """Memory straight from the system, in huge pages where it has them.

    A data matrix is touched once from end to end, and a page fault for every four kilobytes of it
    costs a third of unpacking it.
    """
    if num_bytes < _HUGE_PAGE:
        return bytearray(num_bytes)
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, num_bytes)
    pages = mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a system without huge pages has small ones
            pages.madvise(mmap.MADV_HUGEPAGE)
    return pages

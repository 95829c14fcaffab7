"""Reading files that may be hostile: nothing is unpacked beyond what its header may claim."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from bakeoff.errors import DataError

# A dataset must fit into memory together with its copies; half of the machine is the honest limit.
_CEILING = 16 * 2**30
# Deflate's best case is 258 bytes from two bits plus block headers (https://zlib.net/zlib_tech.html).
MAX_DEFLATE_RATIO = 1032
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's window bits for "gzip wrapper, largest window"


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
        self._raw_size = len(raw)
        self._rest = raw
        self._zipped = raw[:2] == _GZIP_MAGIC
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def most(self) -> int:
        """Upper bound of the content's size in bytes."""
        return self._raw_size * (MAX_DEFLATE_RATIO if self._zipped else 1)

    def take(self, num_bytes: int) -> bytes:
        """The next ``num_bytes`` bytes, or fewer where the file ends.

        Raises:
            DataError: the compressed data is damaged.
        """
        if not self._zipped:
            piece, self._rest = self._rest[:num_bytes], self._rest[num_bytes:]
            return piece
        if num_bytes <= 0 or self._inflater.eof:
            return b""
        try:
            piece = self._inflater.decompress(self._rest, num_bytes)
        except zlib.error as error:
            raise DataError(
                f"{self._place}: the gzip data is damaged ({error}); fetch the file again"
            ) from error
        self._rest = self._inflater.unconsumed_tail
        return piece

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

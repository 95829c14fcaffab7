"""Reading files that may be hostile: budgets are checked before any work, and whatever a parser
raises becomes a ``DataError`` in one place."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from bakeoff.errors import BakeoffError, DataError

VARIABLE = "BAKEOFF_MAX_BYTES"
"""The environment variable that replaces both limits below."""

# A dataset must fit into memory together with its copies; half of the machine is the honest limit.
_CEILING = 16 * 2**30
# Real data hardly ever shrinks to a hundredth; what does, and is large, was made to fill memories.
_MAX_RATIO = 100
_RATIO_FROM = 256 * 2**20


@cache
def _memory() -> int:
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # no such number on this system
        return _CEILING
    return min(_CEILING, physical // 2) if physical > 0 else _CEILING


def memory_limit() -> int:
    """Most bytes that one file may have once unpacked.

    ``BAKEOFF_MAX_BYTES``, else half of the machine's memory, at most 16 GiB.

    Raises:
        DataError: the variable holds no number.
    """
    return _memory() if _given() is None else _given() or 0


def _given() -> int | None:
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isdecimal():
        raise DataError(f"{VARIABLE}: must be a whole number of bytes, but is {text!r}; correct it")
    return int(text)


def check_size(place: str, num_bytes: int, packed: int | None = None) -> None:
    """Refuses data that is too large to be unpacked, before it is.

    Args:
        place: the file's name, for the message.
        num_bytes: what it has, or claims to have, once unpacked.
        packed: size of the file it comes from, where it is compressed.

    Raises:
        DataError: more than this machine should hold, or far more than real data packs so small.
    """
    limit = memory_limit()
    if num_bytes > limit:
        raise DataError(
            f"{place}: claims {num_bytes:,} bytes of data, more than the limit of {limit:,} (half of this "
            f"machine's memory, unless {VARIABLE} says otherwise); if that is no mistake, use a part of "
            f"the data or set {VARIABLE}={num_bytes}"
        )
    if packed is None or num_bytes <= _RATIO_FROM or _given() is not None:
        return
    if num_bytes > _MAX_RATIO * packed:
        raise DataError(
            f"{place}: {packed:,} bytes claim to hold {num_bytes:,}, more than the limit of {_MAX_RATIO} times; "
            f"if that is no mistake, set {VARIABLE}={num_bytes}"
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


class Parsing:
    """For calls of a library that parses foreign bytes: these can make it raise anything.

    Whatever it raises in the ``with`` block becomes a DataError that gives its words as the reason.

    Args:
        finding: place and rule, for the message.
        advice: what to do.
    """

    def __init__(self, finding: str, advice: str) -> None:
        self._finding = finding
        self._advice = advice

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, BakeoffError):
            words = " ".join(str(error).rpartition("C error: ")[2].split())
            reason = words[:200] or type(error).__name__
            raise DataError(f"{self._finding} ({reason}); {self._advice}") from error

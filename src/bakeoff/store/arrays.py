"""Arrays as self-describing bytes, and checksums of what is stored. Knows nothing of records.

Layout of an array, version 1::

    byte 0      1, the version
    byte 1      0 raw, 1 zlib: whichever is smaller
    byte 2      number of dimensions
    bytes 3-5   dtype, three ASCII characters, little-endian: "<f8", "|u1", …
    then        the shape, one little-endian uint64 per dimension
    then        the payload, C order
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VERSION = 1
_RAW, _ZLIB = 0, 1
_DTYPES = frozenset(
    ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
)
# Level 1 is nearly as small as level 6 on class indices and takes a third of its time.
_LEVEL = 1
# Below this size the header of zlib eats what it saves.
_WORTH_TRYING = 64


def checksum(values: Iterable[object]) -> bytes:
    """SHA-256 of the values of some columns, as SQLite gives them back."""
    parts: list[bytes] = []
    for value in values:
        if isinstance(value, str):
            data, mark = value.encode("utf-8", "surrogateescape"), b"s"
        elif isinstance(value, bytes):
            data, mark = value, b"b"
        elif isinstance(value, float):
            data, mark = struct.pack("<d", value), b"f"
        else:
            data, mark = repr(value).encode(), b"n"  # an integer or None
        parts += (b"%c%d:" % (mark, len(data)), data)
    return hashlib.sha256(b"".join(parts)).digest()


def pack(array: NDArray[Any]) -> bytes:
    """The bytes of an array; ``unpack`` gives back the same dtype, shape and bits.

    Raises:
        TypeError: a dtype other than bool, integers and floats up to 8 bytes.
    """
    little = np.asarray(array)
    little = little.astype(little.dtype.newbyteorder("<"), order="C", copy=False)
    dtype = little.dtype.str
    if dtype not in _DTYPES:
        raise TypeError(f"the store holds arrays of numbers, but got dtype {array.dtype}")
    raw = little.tobytes()
    codec, payload = _RAW, raw
    if len(raw) >= _WORTH_TRYING:
        squeezed = zlib.compress(raw, _LEVEL)
        if len(squeezed) < len(raw):
            codec, payload = _ZLIB, squeezed
    head = bytes((_VERSION, codec, little.ndim)) + dtype.encode()
    return head + struct.pack(f"<{little.ndim}Q", *little.shape) + payload


def unpack(blob: bytes) -> NDArray[Any]:
    """The array of ``pack``'s bytes, writable and its own.

    Raises:
        ValueError: bytes that ``pack`` did not write, or that were damaged.
    """
    if not isinstance(blob, bytes) or len(blob) < 6 or blob[0] != _VERSION:
        raise ValueError("array blob: version 1 must hold, but got other bytes")
    codec, ndim, dtype = blob[1], blob[2], blob[3:6].decode("ascii", "replace")
    start = 6 + 8 * ndim
    if dtype not in _DTYPES or codec not in (_RAW, _ZLIB) or len(blob) < start:
        raise ValueError(
            f"array blob: a known dtype and codec must hold, but got {dtype!r}, {codec}"
        )
    shape = struct.unpack_from(f"<{ndim}Q", blob, 6)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    # Deflate never makes more than 1,032 bytes of one: a larger claim need not be tried.
    if size > 1032 * len(blob):
        raise ValueError(f"array blob: {size} bytes cannot be in {len(blob)}")
    payload = blob[start:]
    if codec == _ZLIB:
        inflater = zlib.decompressobj()
        try:
            # One byte more than expected is enough to see that it is too long.
            payload = inflater.decompress(payload, size + 1)
        except zlib.error as error:
            raise ValueError(f"array blob: {error}") from error
        if not inflater.eof:
            raise ValueError("array blob: the compressed payload is cut short or too long")
    if len(payload) != size:
        raise ValueError(f"array blob: {size} bytes must follow, but got {len(payload)}")
    native = np.dtype(dtype).newbyteorder("=")
    flat = np.frombuffer(bytearray(payload), dtype).astype(native, copy=False)
    try:
        return flat.reshape(shape)
    except (OverflowError, ValueError) as error:  # no bytes, yet more columns than can be counted
        raise ValueError(f"array blob: no array has the shape {shape}") from error

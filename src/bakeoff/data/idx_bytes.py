"""An IDX file as checked bytes, before any array is made of it; knows the standard library only.

The format is described at the foot of http://yann.lecun.com/exdb/mnist/: two zero bytes, a byte
for the type, a byte for the number of dimensions, one big-endian uint32 per dimension, the data.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass

from bakeoff.data.bounded import Unpacker, check_size
from bakeoff.errors import DataError

TYPE_NAMES = {
    0x08: "uint8",
    0x09: "int8",
    0x0B: "int16",
    0x0C: "int32",
    0x0D: "float32",
    0x0E: "float64",
}
"""Names of the types by their code in the header."""

_ITEM_BYTES = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}
_MAX_DIMENSIONS = 4


@dataclass(frozen=True, slots=True, eq=False)
class IdxBytes:
    """What an IDX file holds.

    Attributes:
        code: of the type, a key of ``TYPE_NAMES``.
        shape: that the header announces.
        data: the numbers, big-endian, C order, read-only.
        sha256: of the unpacked bytes, header included, in hexadecimal; empty where not asked for.
    """

    code: int
    shape: tuple[int, ...]
    data: memoryview
    sha256: str


def unpack(raw: bytes, place: str, *, with_sum: bool = False) -> IdxBytes:
    """Takes a plain or gzipped IDX file apart.

    Args:
        raw: of the file as it lies on the disk.
        place: the file's name, for messages.
        with_sum: whether to compute ``sha256``.

    Raises:
        DataError: no IDX file, or its size is not what its header announces.
    """
    unpacker = Unpacker(raw, place)
    header = unpacker.take(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in TYPE_NAMES:
        found = header.hex(" ") or "nothing"
        raise DataError(
            f"{place}: an IDX file must begin with 00 00 and a type between 08 and 0e, but got "
            f"{found}; check that it is the right file and fully there"
        )
    code, num_dimensions = header[2], header[3]
    if not 1 <= num_dimensions <= _MAX_DIMENSIONS:
        raise DataError(
            f"{place}: an IDX file must have 1 to {_MAX_DIMENSIONS} dimensions, but its header says "
            f"{num_dimensions}; fetch or write the file again"
        )
    sizes = unpacker.take(4 * num_dimensions)
    if len(sizes) < 4 * num_dimensions:
        raise DataError(f"{place}: the file stops in the middle of its header; fetch it again")
    shape = struct.unpack(f">{num_dimensions}I", sizes)
    num_bytes = math.prod(shape) * _ITEM_BYTES[code]
    if num_bytes > unpacker.most:
        raise DataError(
            f"{place}: its header announces {' × '.join(f'{size:,}' for size in shape)} values, far "
            f"more than {len(raw):,} bytes can hold; fetch or write the file again"
        )
    check_size(place, num_bytes)
    digest = hashlib.sha256(header + sizes) if with_sum else None
    data = unpacker.take_large(num_bytes, digest)
    if len(data) < num_bytes:
        raise DataError(
            f"{place}: its header announces {num_bytes:,} bytes of data, but only {len(data):,} "
            "follow; fetch or write the file again"
        )
    unpacker.finish()
    return IdxBytes(code, shape, data, digest.hexdigest() if digest is not None else "")

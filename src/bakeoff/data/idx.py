"""The IDX format of MNIST: a magic number, the sizes, the numbers; knows no dataset by name.

The format is described at the foot of http://yann.lecun.com/exdb/mnist/: two zero bytes, a byte
for the type, a byte for the number of dimensions, one big-endian uint32 per dimension, the data.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.bounded import Unpacker, check_size, read_file
from bakeoff.errors import DataError

_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype: code for code, dtype in _TYPES.items()}
_MAX_DIMENSIONS = 4


@dataclass(frozen=True, slots=True, eq=False)
class IdxFile:
    """A decoded IDX file.

    Attributes:
        array: read-only, in the machine's byte order.
        sha256: of the unpacked bytes, header included, in hexadecimal.
    """

    array: NDArray[Any]
    sha256: str


def encode_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header of an IDX file of that type and shape.

    Raises:
        DataError: a type that IDX does not have.
    """
    code = _CODES.get(np.dtype(dtype).newbyteorder(">"))
    if code is None:
        raise DataError(
            f"IDX: the type must be uint8, int8, int16, int32 or a float, but got {dtype}"
        )
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def encode(array: NDArray[Any]) -> bytes:
    """The unpacked bytes of an IDX file that holds ``array``."""
    header = encode_header(array.dtype, array.shape)
    return header + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()


def decode(raw: bytes, place: str, *, with_sum: bool = False) -> IdxFile:
    """Decodes the bytes of a plain or gzipped IDX file.

    Args:
        raw: of the file as it lies on the disk.
        place: the file's name, for messages.
        with_sum: whether to compute ``sha256`` (else it is empty).

    Raises:
        DataError: no IDX file, or its size is not what its header announces.
    """
    unpacker = Unpacker(raw, place)
    header = unpacker.take(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _TYPES:
        found = header.hex(" ") or "nothing"
        raise DataError(
            f"{place}: an IDX file must begin with 00 00 and a type between 08 and 0e, but got "
            f"{found}; check that it is the right file and fully there"
        )
    dtype, num_dimensions = _TYPES[header[2]], header[3]
    if not 1 <= num_dimensions <= _MAX_DIMENSIONS:
        raise DataError(
            f"{place}: an IDX file must have 1 to {_MAX_DIMENSIONS} dimensions, but its header says "
            f"{num_dimensions}; fetch or write the file again"
        )
    sizes = unpacker.take(4 * num_dimensions)
    if len(sizes) < 4 * num_dimensions:
        raise DataError(f"{place}: the file stops in the middle of its header; fetch it again")
    shape = struct.unpack(f">{num_dimensions}I", sizes)
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > unpacker.most:
        raise DataError(
            f"{place}: its header announces {' × '.join(f'{size:,}' for size in shape)} values, far "
            f"more than {len(raw):,} bytes can hold; fetch or write the file again"
        )
    check_size(place, num_bytes)
    data = unpacker.take(num_bytes)
    if len(data) < num_bytes:
        raise DataError(
            f"{place}: its header announces {num_bytes:,} bytes of data, but only {len(data):,} "
            "follow; fetch or write the file again"
        )
    unpacker.finish()
    digest = ""
    if with_sum:
        state = hashlib.sha256(header + sizes)
        state.update(data)
        digest = state.hexdigest()
    array = np.frombuffer(data, dtype).reshape(shape)
    native = array.astype(dtype.newbyteorder("="), copy=False)
    native.setflags(write=False)
    return IdxFile(native, digest)


def read(path: Path, *, with_sum: bool = False) -> IdxFile:
    """Reads a plain or gzipped IDX file; see ``decode``."""
    return decode(read_file(path), str(path), with_sum=with_sum)

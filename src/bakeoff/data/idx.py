"""The IDX format of MNIST; knows no dataset by name.

The format is described at the foot of http://yann.lecun.com/exdb/mnist/: two zero bytes, a byte
for the type, a byte for the number of dimensions, one big-endian uint32 per dimension, the data.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.reading import check_size, read_file
from bakeoff.errors import DataError

_TYPES: dict[int, np.dtype[Any]] = {
    code: np.dtype(name).newbyteorder(">")
    for code, name in {
        0x08: "uint8",
        0x09: "int8",
        0x0B: "int16",
        0x0C: "int32",
        0x0D: "float32",
        0x0E: "float64",
    }.items()
}
_CODES = {dtype: code for code, dtype in _TYPES.items()}
_MAX_DIMENSIONS = 4
_GZIP = b"\x1f\x8b"
# Deflate's best case is 258 bytes from two bits plus block headers (https://zlib.net/zlib_tech.html).
_MAX_DEFLATE_RATIO = 1032


@dataclass(frozen=True, slots=True, eq=False)
class IdxFile:
    """A parsed IDX file.

    Attributes:
        array: read-only, in the machine's byte order.
        sha256: of the unpacked bytes, header included, in hexadecimal.
    """

    array: NDArray[Any]
    sha256: str


def read(path: Path) -> IdxFile:
    """Reads a plain or gzipped IDX file; see ``decode``."""
    return decode(read_file(path), str(path))


def decode(raw: bytes, place: str) -> IdxFile:
    """Parses a plain or gzipped IDX file; nothing is unpacked beyond what its header announces.

    Args:
        raw: of the file as it lies on the disk.
        place: the file's name, for messages.

    Raises:
        DataError: no IDX file, or its size is not what its header announces.
    """
    if raw[:2] != _GZIP:
        return _parse(io.BytesIO(raw), len(raw), len(raw), place)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as content:
            return _parse(content, len(raw), len(raw) * _MAX_DEFLATE_RATIO, place)
    except EOFError as error:
        raise DataError(f"{place}: the gzip file stops in the middle; fetch it again") from error
    except (OSError, zlib.error) as error:
        raise DataError(
            f"{place}: the gzip data is damaged ({error}); fetch the file again"
        ) from error


def _parse(file: io.BytesIO | gzip.GzipFile, packed: int, most: int, place: str) -> IdxFile:
    """``most``: upper bound of the content's size in bytes."""
    header = file.read(4)
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
    sizes = file.read(4 * num_dimensions)
    if len(sizes) < 4 * num_dimensions:
        raise DataError(f"{place}: the file stops in the middle of its header; fetch it again")
    shape = struct.unpack(f">{num_dimensions}I", sizes)
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > most:
        raise DataError(
            f"{place}: its header announces {' × '.join(f'{size:,}' for size in shape)} values, far "
            f"more than {packed:,} bytes can hold; fetch or write the file again"
        )
    check_size(place, num_bytes, packed)
    data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise DataError(
            f"{place}: its header announces {num_bytes:,} bytes of data, but only {len(data):,} "
            "follow; fetch or write the file again"
        )
    if file.read(1):  # the end of a gzip file is where its checksum is compared
        raise DataError(
            f"{place}: the file goes on after the examples its header announces; "
            "fetch or write the file again"
        )
    digest = hashlib.sha256(header + sizes)
    digest.update(data)
    array = np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
    array.setflags(write=False)
    return IdxFile(array, digest.hexdigest())


def encode(array: NDArray[Any]) -> bytes:
    """The unpacked bytes of an IDX file that holds ``array``.

    Raises:
        DataError: a type that IDX does not have.
    """
    dtype = array.dtype.newbyteorder(">")
    code = _CODES.get(dtype)
    if code is None:
        raise DataError(
            f"IDX: the type must be uint8, int8, int16, int32 or a float, but got {array.dtype}"
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(dtype, copy=False).tobytes()

"""The IDX format of MNIST as arrays; knows no dataset by name, and not how a file is taken apart."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.bounded import read_file
from bakeoff.data.idx_bytes import TYPE_NAMES, IdxBytes, unpack
from bakeoff.errors import DataError

_TYPES: dict[int, np.dtype[Any]] = {
    code: np.dtype(name).newbyteorder(">") for code, name in TYPE_NAMES.items()
}
_CODES = {dtype: code for code, dtype in _TYPES.items()}


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


def as_array(content: IdxBytes) -> NDArray[Any]:
    """The numbers of an IDX file, read-only, in the machine's byte order; bytes are not copied."""
    dtype = _TYPES[content.code]
    array = np.frombuffer(content.data, dtype).reshape(content.shape)
    native = array.astype(dtype.newbyteorder("="), copy=False)
    native.setflags(write=False)
    return native


def decode(raw: bytes, place: str, *, with_sum: bool = False) -> IdxFile:
    """Decodes the bytes of a plain or gzipped IDX file; see ``idx_bytes.unpack``."""
    content = unpack(raw, place, with_sum=with_sum)
    return IdxFile(as_array(content), content.sha256)


def read(path: Path, *, with_sum: bool = False) -> IdxFile:
    """Reads a plain or gzipped IDX file; see ``decode``."""
    return decode(read_file(path), str(path), with_sum=with_sum)

"""Files of arrays, NPZ and IDX: without pickle and without trusting the sizes they claim.

IDX is MNIST's format, described at the foot of http://yann.lecun.com/exdb/mnist/: two zero bytes, a
byte for the type, a byte for the number of dimensions, one big-endian uint32 per dimension, the data.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bakeoff.data.reading import Parsing, check_size, read_file
from bakeoff.errors import DataError

_MAX_MEMBERS = 1000
_SURROGATES, _LAST_CHARACTER = (0xD800, 0xDFFF), 0x10FFFF

_IDX_TYPES: dict[int, np.dtype[Any]] = {
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
_IDX_CODES = {dtype: code for code, dtype in _IDX_TYPES.items()}
_MAX_IDX_DIMENSIONS = 4
_GZIP = b"\x1f\x8b"
# Deflate's best case is 258 bytes from two bits plus block headers (https://zlib.net/zlib_tech.html).
_MAX_DEFLATE_RATIO = 1032


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an NPZ file, by name, read-only where they need no conversion.

    Raises:
        DataError: no zip file, damaged, object arrays, or sizes that cannot be.
    """
    try:
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); check the path"
        ) from error
    with (
        Parsing(f"{path}: is no undamaged NPZ file", "write it again with numpy.savez"),
        zipfile.ZipFile(path) as archive,
    ):
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if not members:
            raise DataError(f"{path}: holds no arrays; write it with numpy.savez")
        if len(members) > _MAX_MEMBERS:
            raise DataError(
                f"{path}: may hold at most {_MAX_MEMBERS:,} arrays, but holds {len(members):,}"
            )
        check_size(str(path), sum(info.file_size for info in members), size)
        arrays = {}
        for info in members:
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as file:
                # zipfile itself stops at the size that was checked above.
                arrays[name] = decode_npy(file.read(), f"{path}: {name}")
        return arrays


def decode_npy(data: bytes, place: str) -> NDArray[Any]:
    """The array in the bytes of an NPY file.

    Raises:
        DataError: not an NPY file, an object array, or data that does not fit its header.
    """
    file = io.BytesIO(data)
    with Parsing(f"{place}: is no NPY array", "write the file again"):
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = npy.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, fortran, dtype = npy.read_array_header_2_0(file)
        else:
            raise DataError(f"{place}: NPY version {version} is not supported; write a plain array")
    if dtype.hasobject:
        raise DataError(
            f"{place}: is an object array (pickled objects can run code and are never loaded); save "
            "numbers or text, such as array.astype(str)"
        )
    if dtype.fields is not None or dtype.subdtype is not None:
        raise DataError(f"{place}: is a structured array; save one plain array per name")
    expected = math.prod(shape) * dtype.itemsize
    if dtype.itemsize == 0 or min(shape, default=0) < 0 or len(data) - file.tell() != expected:
        raise DataError(
            f"{place}: its header announces {expected:,} bytes, but {len(data) - file.tell():,} follow; "
            "the file is damaged: write it again"
        )
    with Parsing(f"{place}: its shape {shape} cannot be", "write the file again"):
        # frombuffer refuses to make an empty array.
        flat = np.frombuffer(data, dtype, offset=file.tell()) if expected else np.empty(0, dtype)
        array = flat.reshape(shape, order="F" if fortran else "C")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "U" and not _is_text(array):
        raise DataError(f"{place}: holds what is no text; the file is damaged: write it again")
    return array


def _is_text(array: NDArray[np.str_]) -> bool:
    """Whether every character is one; NumPy itself finds out when it makes a string of it."""
    codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    first, last = _SURROGATES
    return not ((codes > _LAST_CHARACTER) | ((codes >= first) & (codes <= last))).any()


@dataclass(frozen=True, slots=True, eq=False)
class IdxFile:
    """A parsed IDX file.

    Attributes:
        array: read-only, in the machine's byte order.
        sha256: of the unpacked bytes, header included, in hexadecimal.
    """

    array: NDArray[Any]
    sha256: str


def read_idx(path: Path) -> IdxFile:
    """Reads a plain or gzipped IDX file; see ``decode_idx``."""
    return decode_idx(read_file(path), str(path))


def decode_idx(raw: bytes, place: str) -> IdxFile:
    """Parses a plain or gzipped IDX file; nothing is unpacked beyond what its header announces.

    Args:
        raw: of the file as it lies on the disk.
        place: the file's name, for messages.

    Raises:
        DataError: no IDX file, or its size is not what its header announces.
    """
    if raw[:2] != _GZIP:
        return _parse_idx(io.BytesIO(raw), len(raw), len(raw), place)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as content:
            return _parse_idx(content, len(raw), len(raw) * _MAX_DEFLATE_RATIO, place)
    except EOFError as error:
        raise DataError(f"{place}: the gzip file stops in the middle; fetch it again") from error
    except (OSError, zlib.error) as error:
        raise DataError(
            f"{place}: the gzip data is damaged ({error}); fetch the file again"
        ) from error


def _parse_idx(file: io.BytesIO | gzip.GzipFile, packed: int, most: int, place: str) -> IdxFile:
    """``most``: upper bound of the content's size in bytes."""
    header = file.read(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _IDX_TYPES:
        found = header.hex(" ") or "nothing"
        raise DataError(
            f"{place}: an IDX file must begin with 00 00 and a type between 08 and 0e, but got "
            f"{found}; check that it is the right file and fully there"
        )
    dtype, num_dimensions = _IDX_TYPES[header[2]], header[3]
    if not 1 <= num_dimensions <= _MAX_IDX_DIMENSIONS:
        raise DataError(
            f"{place}: an IDX file must have 1 to {_MAX_IDX_DIMENSIONS} dimensions, but its header says "
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


def encode_idx(array: NDArray[Any]) -> bytes:
    """The unpacked bytes of an IDX file that holds ``array``.

    Raises:
        DataError: a type that IDX does not have.
    """
    dtype = array.dtype.newbyteorder(">")
    code = _IDX_CODES.get(dtype)
    if code is None:
        raise DataError(
            f"IDX: the type must be uint8, int8, int16, int32 or a float, but got {array.dtype}"
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(dtype, copy=False).tobytes()

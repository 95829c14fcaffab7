"""NumPy's files: arrays by name, without pickle and without trusting the sizes they claim."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bakeoff.data.reading import Parsing, check_size
from bakeoff.errors import DataError

_MAX_MEMBERS = 1000
_SURROGATES, _LAST_CHARACTER = (0xD800, 0xDFFF), 0x10FFFF


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

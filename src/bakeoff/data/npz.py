"""NumPy archives: arrays by name, without pickle and without trusting the sizes they claim."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bakeoff.data.bounded import check_size
from bakeoff.errors import DataError

_MAX_MEMBERS = 1000
# What zipfile raises for damaged archives, encrypted and oddly compressed ones among them; a name
# that is no UTF-8 is a ValueError.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    MemoryError,
)
# What NumPy's reader of literal headers raises for texts that are none.
_HEADER_ERRORS = (
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)
_FORBIDDEN = "pickled objects can run code and are never loaded"


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an NPZ file, by name, read-only where they need no conversion.

    Raises:
        DataError: no zip file, damaged, object arrays, or sizes that cannot be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if not members:
                raise DataError(f"{path}: holds no arrays; write it with numpy.savez")
            if len(members) > _MAX_MEMBERS:
                raise DataError(
                    f"{path}: may hold at most {_MAX_MEMBERS:,} arrays, but holds {len(members):,}"
                )
            check_size(str(path), sum(info.file_size for info in members))
            arrays = {}
            for info in members:
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as file:
                    # zipfile itself stops at the size that was checked above.
                    arrays[name] = decode_npy(file.read(), f"{path}: {name}")
            return arrays
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); check the path"
        ) from error
    except _ZIP_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: is no undamaged NPZ file ({reason}); write it again with numpy.savez"
        ) from error


def decode_npy(data: bytes, place: str) -> NDArray[Any]:
    """The array in the bytes of an NPY file.

    Raises:
        DataError: not an NPY file, an object array, or data that does not fit its header.
    """
    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = npy.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, fortran, dtype = npy.read_array_header_2_0(file)
        else:
            raise DataError(f"{place}: NPY version {version} is not supported; write a plain array")
    except _HEADER_ERRORS as error:
        raise DataError(
            f"{place}: is no NPY array ({' '.join(str(error).split())[:200]}); write the file again"
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{place}: is an object array ({_FORBIDDEN}); save numbers or text, such as "
            "array.astype(str)"
        )
    if dtype.fields is not None or dtype.subdtype is not None:
        raise DataError(f"{place}: is a structured array; save one plain array per name")
    expected = math.prod(shape) * dtype.itemsize
    if dtype.itemsize == 0 or min(shape, default=0) < 0 or len(data) - file.tell() != expected:
        raise DataError(
            f"{place}: its header announces {expected:,} bytes, but {len(data) - file.tell():,} follow; "
            "the file is damaged: write it again"
        )
    # frombuffer refuses to make an empty array.
    flat = np.frombuffer(data, dtype, offset=file.tell()) if expected else np.empty(0, dtype)
    array = flat.reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)

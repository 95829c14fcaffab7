"""Tables from Parquet files; knows pyarrow, which is an extra, and nothing of CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.data.bounded import check_size, read_file
from bakeoff.data.tabular import Table, check_header, choose_columns, find_target
from bakeoff.errors import DataError

# What pyarrow's own exceptions are besides; its common base cannot be named without importing it.
_ERRORS = (OSError, ValueError, RuntimeError, LookupError, TypeError, MemoryError)


def read_parquet(
    path: Path,
    *,
    target: str | int | None = None,
    needs_target: bool = True,
    columns: Sequence[str] | None = None,
) -> Table:
    """Reads a Parquet file; arguments as ``tabular.read_csv``.

    Raises:
        DataError: pyarrow is missing, or the file is no such table.
    """
    file, header = _open(path)
    label = find_target(header, target, str(path), needs_target)
    try:
        frame = file.read().to_pandas(ignore_metadata=True)
    except _ERRORS as error:
        raise _damaged(path, error) from error
    return choose_columns(frame, str(path), label, needs_target, columns)


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The names of all columns of a Parquet file.

    Raises:
        DataError: as ``read_parquet``.
    """
    return tuple(_open(path)[1])


def _open(path: Path) -> tuple[Any, list[str]]:
    """The opened file and its column names, its size checked before anything is unpacked."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            f"{path}: reading Parquet needs pyarrow, which is not installed; pip install "
            "'bakeoff[parquet]'"
        ) from error
    raw = read_file(path)
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        header = list(file.schema_arrow.names)
        check_size(str(path), 8 * file.metadata.num_rows * max(1, len(header)))
    except _ERRORS as error:
        raise _damaged(path, error) from error
    check_header(header, str(path))
    return file, header


def _damaged(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{path}: is no undamaged Parquet file ({reason}); write it again")

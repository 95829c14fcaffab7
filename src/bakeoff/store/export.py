"""A frame of runs as a CSV, Parquet or JSON file; knows nothing of the store it came from."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import StoreFullError, UsageError
from bakeoff.store import faults

if TYPE_CHECKING:
    import pandas as pd


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """One header line, one line per run, UTF-8; numbers with all their digits, gaps empty.

    Raises:
        UsageError: the file cannot be written.
        StoreFullError: no space; what was at ``path`` before is still there.
    """
    _whole(path, lambda new: frame.to_csv(new, index=False, lineterminator="\n"))


def write_json(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """A JSON array with one object per run; gaps are null.

    Raises:
        UsageError, StoreFullError: as ``write_csv``.
    """

    # 15 digits is pandas's most; a float that needs 17 is written by json instead.
    def write(new: Path) -> None:
        import json

        import numpy as np

        plain = frame.astype(object).where(frame.notna(), None)
        records = [
            {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in record.items()
            }
            for record in plain.to_dict("records")
        ]
        new.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    _whole(path, write)


def write_parquet(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """One row per run, a column per name, read by pandas, polars, DuckDB, R.

    Raises:
        UsageError: pyarrow is not installed, or the file cannot be written.
        StoreFullError: as ``write_csv``.
    """
    if find_spec("pyarrow") is None:
        raise UsageError(
            f"{os.fspath(path)}: writing Parquet needs pyarrow, which is not installed; "
            'run `pip install "bakeoff[parquet]"`, or write CSV or JSON'
        )
    _whole(path, lambda new: frame.to_parquet(new, index=False, engine="pyarrow"))


def _whole(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """Writes beside the target and then moves there, so that nobody meets half a file."""
    target = Path(path)
    new = target.with_name(f".{target.name}.new")
    try:
        write(new)
        new.replace(target)
    except OSError as error:
        new.unlink(missing_ok=True)
        explained = faults.explain_os(error, target)
        if isinstance(explained, StoreFullError):
            raise StoreFullError(f"{target}: no space left to write it; free some space") from error
        raise UsageError(f"{target}: cannot be written: {error.strerror or error}") from error

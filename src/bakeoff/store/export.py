"""A frame of runs as a CSV or Parquet file; knows nothing of the store it came from."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bakeoff.errors import UsageError
from bakeoff.files import write_whole

if TYPE_CHECKING:
    import pandas as pd


def csv_text(frame: pd.DataFrame) -> str:
    """One header line, one line per run; numbers with all their digits, gaps empty."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def write_parquet(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """One row per run, a column per name, read by pandas, polars, DuckDB, R.

    Raises:
        UsageError: pyarrow is not installed, or the file cannot be written.
        StoreFullError: no space; what was at ``path`` before is still there.
    """
    if find_spec("pyarrow") is None:
        raise UsageError(
            f"{os.fspath(path)}: writing Parquet needs pyarrow, which is not installed; "
            'run `pip install "bakeoff[parquet]"`, or write CSV'
        )
    write_whole(path, frame.to_parquet(index=False, engine="pyarrow"))

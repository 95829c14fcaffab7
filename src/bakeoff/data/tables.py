"""CSV and Parquet files as tables; knows pyarrow, which is an extra, for the latter."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.data.frames import Roles, Table, check_header, find_target, from_frame
from bakeoff.data.reading import Parsing, check_size, read_file
from bakeoff.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# How tables write "nothing here"; the words that pandas knows.
_GAPS = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "#N/A")

_PEEK = 65_536
_COMMA_NUMBER = r"[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?"


def read_csv(
    path: Path,
    roles: Roles | None = None,
    *,
    needs_target: bool = True,
    text: Collection[str] = (),
) -> Table:
    """Reads a CSV file whose first line names the columns; comma, semicolon or tab.

    Between semicolons, fractions may be written with a comma.

    Args:
        path: of the file, UTF-8.
        roles: which column is which. Without a target, it is the one column called target, label,
            class or y.
        needs_target: whether a table without a target is a mistake. No when predicting: what is
            called so is then a column like any other.
        text: columns whose cells are words whatever they look like, as those of the training table
            were: ``01`` stays so in a file of new rows that holds nothing else.

    Raises:
        DataError: the file is no such table. Rows count from 1, the first line not counted.
    """
    import pandas as pd

    raw = _text(path)
    header, separator, nameless = _header(raw, path)
    rule = f"{path}: every line must have the {len(header)} cells of the first one"
    _check_lines(raw, separator, len(header), rule)
    decimal = _decimal(raw, separator)
    roles = roles or Roles()
    label = find_target(header, roles.target, str(path)) if needs_target else None
    with Parsing(rule, "mend that line"), warnings.catch_warnings():
        # pandas only warns when it drops the cells of lines that are too long.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            io.BytesIO(raw),
            encoding="utf-8-sig",
            sep=separator,
            header=0,
            names=header,
            index_col=False,
            # "None" or "NA" may well be the name of a class: behind a sign they are no gaps.
            converters={label: "=".__add__} if label is not None else None,
            keep_default_na=False,
            na_values=_GAPS,
            dtype=dict.fromkeys((name for name in header if name in text and name != label), "str"),
            low_memory=False,
            on_bad_lines="error",
            decimal=decimal,
        )
    _check_short_lines(raw, separator, len(header), len(frame), rule)
    for number in nameless:
        # The first are row names; a comma at the end of every line does no harm.
        if number and frame[header[number]].notna().any():
            check_header([*header[:number], ""], str(path))
    if label is not None:
        cells = frame[label].str.slice(1)
        frame[label] = cells.where(cells != "")
    if decimal == ",":
        for name in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[name]) and name not in text:
                frame[name] = _with_points(frame[name])
    return from_frame(frame, str(path), label, roles)


def _with_points(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Of numbers written as ``1.234,5`` those that computers read; of other cells themselves."""
    filled = cells.dropna().astype(str).str.strip()
    if not len(filled) or not filled.str.fullmatch(_COMMA_NUMBER).all():
        return cells
    plain = filled.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    return plain.reindex(cells.index)


def read_parquet(path: Path, roles: Roles | None = None, *, needs_target: bool = True) -> Table:
    """Reads a Parquet file; arguments as ``read_csv``.

    Raises:
        DataError: pyarrow is missing, or the file is no such table.
    """
    file, header = _open(path)
    roles = roles or Roles()
    label = find_target(header, roles.target, str(path)) if needs_target else None
    with _parsing_parquet(path):
        table = file.read()
        table.validate(full=True)  # of text that is none, pandas would stumble later
        frame = table.to_pandas(ignore_metadata=True)
    return from_frame(frame, str(path), label, roles)


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
    with _parsing_parquet(path):
        file = pq.ParquetFile(pa.BufferReader(raw))
        header = list(file.schema_arrow.names)
        check_size(str(path), 8 * file.metadata.num_rows * max(1, len(header)), len(raw))
    check_header(header, str(path))
    return file, header


def _parsing_parquet(path: Path) -> Parsing:
    return Parsing(f"{path}: is no undamaged Parquet file", "write it again")


def _text(path: Path) -> bytes:
    """The bytes of a text file; DataError where it is none."""
    raw = read_file(path)
    if raw[:2] == b"\x1f\x8b" or raw[:2] == b"PK":
        raise DataError(f"{path}: is compressed; unpack it first")
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: a CSV file must be UTF-8 text, but byte {error.start:,} is not; save it as UTF-8"
        ) from error
    if b"\0" in raw:
        raise DataError(
            f"{path}: a CSV file must be text, but holds zero bytes; save it as UTF-8 text"
        )
    return raw


def _header(raw: bytes, path: Path) -> tuple[list[str], str, list[int]]:
    """Column names and separator of the first line that is not empty, and which have no name.

    Row names have none, as ``write.csv`` and ``to_csv`` write them; they get the name that pandas
    gives them.
    """
    found = re.search(rb"[^\r\n]*[^\s][^\r\n]*", raw.removeprefix(codecs.BOM_UTF8))
    if found is None:
        raise DataError(f"{path}: must have a line of column names and rows below it, but is empty")
    first = found[0].decode()
    # The separator is what the first line has most of outside its quotes; a comma where it has none.
    separator = max(",;\t", key=re.sub('"[^"]*"', "", first).count)
    with Parsing(f"{path}: the first line must name the columns", "shorten or correct the names"):
        header = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    nameless = [number for number, cell in enumerate(header) if not cell]
    header = [cell or f"Unnamed: {number}" for number, cell in enumerate(header)]
    check_header(header, str(path))
    if all(_is_number(cell) for cell in header):
        raise DataError(
            f"{path}: the first line must name the columns, but holds only numbers ({first[:40]!r}); "
            "add a line such as label,x1,x2"
        )
    return header, separator, nameless


def _check_lines(raw: bytes, separator: str, num_columns: int, rule: str) -> None:
    """DataError for what pandas would drop or fill up in silence."""
    with Parsing(rule, "mend the second line"):
        text = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="")
        rows = (row for row in csv.reader(text, delimiter=separator) if row)
        widths = [len(row) for row in itertools.islice(rows, 2)]
    if len(widths) > 1 and widths[1] > num_columns:
        raise DataError(f"{rule} (the second has {widths[1]}); mend the lines that are longer")
    # A cell takes at least its separator or the end of its line, so a whole table has no more cells
    # than bytes. Where most lines are short, filling them up would make a small file huge.
    if (raw.count(b"\n") + raw.count(b"\r")) * num_columns <= len(raw):
        return
    lines = sum(1 for line in raw.splitlines() if line.strip())
    if lines * num_columns > len(raw) + 1:
        raise DataError(f"{rule}, but most have fewer; mend or drop them")


def _check_short_lines(
    raw: bytes, separator: str, num_columns: int, num_rows: int, rule: str
) -> None:
    """DataError for a line with too few cells, which pandas would fill up with gaps."""
    if b'"' not in raw and raw.count(separator.encode()) == (num_rows + 1) * (num_columns - 1):
        return  # none is short, and no cell can hold a separator
    with Parsing(rule, "mend that line"):
        text = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="")
        rows = (row for row in csv.reader(text, delimiter=separator) if row)
        short = next(((n, len(row)) for n, row in enumerate(rows) if len(row) < num_columns), None)
    if short is not None:
        raise DataError(
            f"{rule}, but row {short[0]} has {short[1]}; add what is missing (an empty cell is a gap)"
        )


def _decimal(raw: bytes, separator: str) -> str:
    """The sign before fractions: where semicolons part the cells it may be a comma."""
    if separator != ";":
        return "."
    cell = rb'(?:^|[;"\r\n])\s*[-+]?(?:%s)\s*(?=$|[;"\r\n])'
    commas, points = (
        len(re.findall(cell % number, raw[:_PEEK]))
        for number in (rb"\d{1,3}(?:\.\d{3})*,\d+|\d+,\d+", rb"\d+\.\d+")
    )
    return "," if commas > points else "."


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

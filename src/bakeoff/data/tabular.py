"""Tables: a column of classes and columns of numbers, from CSV; knows nothing of images."""

from __future__ import annotations

import csv
import difflib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.bounded import read_file
from bakeoff.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Taken as the column of classes when none is named and exactly one of these is there.
TARGET_NAMES = ("target", "label", "class", "y")
# How tables write "nothing here"; the words that pandas knows.
_GAPS = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "<NA>", "#N/A")
_MAX_COLUMNS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table read from a file.

    Attributes:
        features: float32 (or float64 where float32 cannot hold a value), shape (num_examples,
            num_features).
        feature_names: shape (num_features,).
        labels: the column of classes, integers or text; None where the table has none.
        target: that column's name; None where the table has none.
    """

    features: NDArray[Any]
    feature_names: tuple[str, ...]
    labels: NDArray[Any] | None
    target: str | None


def read_csv(
    path: Path,
    *,
    target: str | int | None = None,
    needs_target: bool = True,
    columns: Sequence[str] | None = None,
) -> Table:
    """Reads a CSV file whose first line names the columns; comma, semicolon or tab.

    Args:
        path: of the file, UTF-8.
        target: the column of classes, by name or by number from 0. Left out, the one column called
            target, label, class or y.
        needs_target: whether a table without that column is a mistake (no when predicting).
        columns: the features, in this order; left out, every column but the target.

    Raises:
        DataError: the file is no such table. Rows count from 1, the first line not counted.
    """
    import pandas as pd

    text = _text(path)
    header, separator = _header(text, path)
    label = find_target(header, target, str(path), needs_target)
    dtypes: dict[str, Any] = {label: str} if label is not None else {}
    gaps: dict[str, Sequence[str]] = dict.fromkeys(header, _GAPS)
    if label is not None:
        gaps[label] = ("",)  # "None" or "NA" may well be the name of a class
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops the cells of lines that are too long.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                header=0,
                names=header,
                index_col=False,
                dtype=dtypes,
                keep_default_na=False,
                na_values=gaps,
                low_memory=False,
                on_bad_lines="error",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        reason = " ".join(str(error).replace("Error tokenizing data. C error: ", "").split())
        raise DataError(
            f"{path}: every line must have the {len(header)} cells of the first one ({reason}); mend "
            "that line"
        ) from error
    return choose_columns(frame, str(path), label, needs_target, columns)


def csv_columns(path: Path) -> tuple[str, ...]:
    """The names of all columns of a CSV file.

    Raises:
        DataError: as ``read_csv``.
    """
    return tuple(_header(_text(path), path)[0])


def choose_columns(
    frame: pd.DataFrame,
    place: str,
    target: str | None,
    needs_target: bool,
    columns: Sequence[str] | None,
) -> Table:
    """The table of the chosen columns; one to predict has no use for its labels, right or wrong.

    Raises:
        DataError: a column is missing, or as ``from_frame``.
    """
    if columns is not None:
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            near = difflib.get_close_matches(missing[0], [str(name) for name in frame.columns], n=1)
            guess = f"; is it {near[0]!r}?" if near else "; add it"
            raise DataError(
                f"{place}: must have the {len(columns)} columns the model was trained on, but "
                f"{missing[0]!r} is missing{guess}"
            )
        frame = frame[[*columns]]
        target = target if needs_target else None
    elif not needs_target and target is not None:
        frame, target = frame.drop(columns=target), None
    return from_frame(frame, place, target)


def from_frame(frame: pd.DataFrame, place: str, target: str | None) -> Table:
    """Splits a data frame into numbers and classes.

    Raises:
        DataError: no rows, gaps, infinite values, or columns that hold no numbers.
    """
    import pandas as pd

    if len(frame) == 0:
        raise DataError(f"{place}: must have at least one row below the column names, but has none")
    labels = None
    if target is not None:
        column = frame[target]
        frame = frame.drop(columns=target)
        gap = np.flatnonzero(column.isna().to_numpy())
        if len(gap):
            raise DataError(
                f"{place}: row {gap[0] + 1}, column {target!r}: the label is missing; fill it or drop the row"
            )
        labels = _labels(column)
        if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
            row = int(np.flatnonzero(labels != np.floor(labels))[0])
            raise DataError(
                f"{place}: row {row + 1}, column {target!r}: labels must be classes (whole numbers or "
                f"words), but got {labels[row]:g}; predicting a number is not supported: group it into "
                "classes"
            )
    names = tuple(str(name) for name in frame.columns)
    if not names:
        raise DataError(f"{place}: must have at least one column beside {target!r}, but has none")
    words = [str(name) for name in frame.columns if not _holds_numbers(frame[name])]
    if words:
        shown = ", ".join(repr(word) for word in words[:5])
        more = f" and {len(words) - 5} more" if len(words) > 5 else ""
        verb = "the column {} holds" if len(words) == 1 else "the columns {} hold"
        row, value = _first_word(frame[words[0]])
        raise DataError(
            f"{place}: features must be numbers, but {verb.format(shown + more)} text (row {row + 1} of "
            f"{words[0]!r}: {value!r}); encode them as numbers (pandas.get_dummies) or leave them out"
        )
    # One column at a time: a wide frame of mixed types would be copied as objects otherwise.
    features = np.empty(frame.shape, np.float32)
    for index, name in enumerate(frame.columns):
        column = frame[name]
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(over="ignore"):
            features[:, index] = values
        bad = np.flatnonzero(~np.isfinite(features[:, index]))
        if len(bad):
            value = values[bad[0]]
            found = "is empty" if pd.isna(value) else f"is {value:g}"
            raise DataError(
                f"{place}: row {bad[0] + 1}, column {str(name)!r}: features must be finite numbers, but "
                f"this one {found}; fill it or drop the row"
            )
    return Table(features, names, labels, target)


def _holds_numbers(column: pd.Series[Any]) -> bool:
    kind = getattr(column.dtype, "kind", "O")
    # A column without a single value is read as objects or floats: its gaps are named later.
    return kind in "biuf" or bool(column.isna().all())


def _first_word(column: pd.Series[Any]) -> tuple[int, Any]:
    """Where a column stops being numbers: (row from 0, value)."""
    for row, value in enumerate(column):
        try:
            float(value)
        except (TypeError, ValueError):
            return row, value
    return 0, column.iloc[0]


def _labels(column: pd.Series[Any]) -> NDArray[Any]:
    """Integers where every label is one (so that 10 comes after 9), else text."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy()
    text = np.array([str(value).strip() for value in column])
    try:
        numbers = text.astype(np.float64)
    except ValueError:
        return text
    return numbers if np.isfinite(numbers).all() else text


def _text(path: Path) -> str:
    """The file as text; DataError where it is none."""
    raw = read_file(path)
    if raw[:2] == b"\x1f\x8b" or raw[:2] == b"PK":
        raise DataError(f"{path}: is compressed; unpack it first")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: a CSV file must be UTF-8 text, but byte {error.start:,} is not; save it as UTF-8"
        ) from error
    if "\0" in text:
        raise DataError(
            f"{path}: a CSV file must be text, but holds zero bytes; save it as UTF-8 text"
        )
    return text


def _header(text: str, path: Path) -> tuple[list[str], str]:
    """The column names and the separator of the first line that is not empty."""
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise DataError(f"{path}: must have a line of column names and rows below it, but is empty")
    # The separator is what the first line has most of; a comma where it has none.
    separator = max(",;\t", key=first.count)
    header = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    check_header(header, str(path))
    if all(_is_number(cell) for cell in header):
        raise DataError(
            f"{path}: the first line must name the columns, but holds only numbers ({first[:40]!r}); "
            "add a line such as label,x1,x2"
        )
    return header, separator


def check_header(header: list[str], place: str) -> None:
    """DataError unless every column has a name of its own."""
    if len(header) > _MAX_COLUMNS:
        raise DataError(
            f"{place}: may have at most {_MAX_COLUMNS:,} columns, but has {len(header):,}; check the file"
        )
    seen: set[str] = set()
    for number, name in enumerate(header, start=1):
        if not name:
            raise DataError(
                f"{place}: every column needs a name, but column {number} has none; name it"
            )
        if name in seen:
            raise DataError(
                f"{place}: column names must differ, but {name!r} occurs twice; rename or drop one"
            )
        seen.add(name)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def find_target(
    header: list[str], target: str | int | None, place: str, needed: bool
) -> str | None:
    """The name of the column of classes; None where there is none and none is needed.

    Raises:
        DataError: it is needed and not there, or several could be it.
    """
    shown = ", ".join(repr(name) for name in header[:8]) + (" …" if len(header) > 8 else "")
    if isinstance(target, int):
        if not 0 <= target < len(header):
            raise DataError(
                f"{place}: target must be a column's name or its number 0 … {len(header) - 1}, but got "
                f"{target}; count the columns from 0"
            )
        return header[target]
    if target is not None:
        if target in header:
            return target
        if not needed:
            return None
        near = difflib.get_close_matches(target, header, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{place}: there is no column {target!r}{guess} (columns: {shown})")
    found = [name for name in header if name.lower() in TARGET_NAMES]
    if len(found) == 1:
        return found[0]
    if not needed:
        return None
    problem = f"{len(found)} columns could be it" if found else "none is called that"
    raise DataError(
        f"{place}: the column of classes must be target, label, class or y, or be named, but {problem}; "
        f"name it with target = '…' (columns: {shown})"
    )

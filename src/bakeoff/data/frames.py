"""Data frames as a matrix of numbers and a column of classes; knows no file format."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.dataset import some_of
from bakeoff.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Taken as the column of classes when none is named and exactly one of these is there.
TARGET_NAMES = ("target", "label", "class", "y")
_MAX_COLUMNS = 100_000
_MAX_NAME = 1000
_BLOCK = 1_000_000  # cells that are converted at a time


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
        labels = _labels(column, place)
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
    words = [names[index] for index in np.flatnonzero(~_hold_numbers(frame))]
    if words:
        verb = "the column {} holds" if len(words) == 1 else "the columns {} hold"
        row, value = _first_word(frame[words[0]])
        raise DataError(
            f"{place}: features must be numbers, but {verb.format(some_of(words))} text (row {row + 1} of "
            f"{words[0]!r}: {str(value)[:80]!r}); encode them as numbers (pandas.get_dummies) or leave them out"
        )
    features = np.empty(frame.shape, np.float32)
    # A few columns at a time: of a long frame one, so that memory is spared; of a wide frame many.
    step = max(1, _BLOCK // len(frame))
    for first in range(0, len(names), step):
        block = frame.iloc[:, first : first + step]
        values = block.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(over="ignore"):
            features[:, first : first + step] = values
        bad = np.argwhere(~np.isfinite(features[:, first : first + step]))
        if len(bad):
            index = int(bad[:, 1].min())
            row = int(bad[bad[:, 1] == index, 0].min())
            value = values[row, index]
            found = "is empty" if np.isnan(value) else f"is {value:g}"
            raise DataError(
                f"{place}: row {row + 1}, column {names[first + index]!r}: features must be finite "
                f"numbers, but this one {found}; fill it or drop the row"
            )
    return Table(features, names, labels, target)


def _hold_numbers(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Of each column, whether it holds numbers, shape (num_columns,)."""
    kinds = [getattr(dtype, "kind", "O") for dtype in frame.dtypes]
    # A column without a single value is read as objects or floats: its gaps are named later.
    return np.array(
        [
            kind in "biuf" or bool(frame.iloc[:, index].isna().all())
            for index, kind in enumerate(kinds)
        ],
        bool,
    )


def _first_word(column: pd.Series[Any]) -> tuple[int, Any]:
    """Where a column stops being numbers: (row from 0, value)."""
    for row, value in enumerate(column):
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return row, value
    return 0, column.iloc[0]


def _labels(column: pd.Series[Any], place: str) -> NDArray[Any]:
    """Integers where every label is one (so that 10 comes after 9), else text."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy()
    words = [str(value).strip() for value in column]
    longest = max(map(len, words))
    if longest > _MAX_NAME:  # a matrix of texts is as wide as the longest of them
        raise DataError(
            f"{place}: column {str(column.name)!r}: a class's name may have {_MAX_NAME:,} characters, but "
            f"one has {longest:,}; shorten it, or name another column with target = '…'"
        )
    text = np.array(words)
    try:
        numbers = text.astype(np.float64)
    except ValueError:
        return text
    return numbers if np.isfinite(numbers).all() else text


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

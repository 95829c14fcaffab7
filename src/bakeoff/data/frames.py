"""Data frames: which column is which, and what is known beside the features; knows no file format."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.cells import as_numbers, as_text
from bakeoff.data.columns import UNKNOWN, Rules, nearest
from bakeoff.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

# Taken as the column of classes when none is named and exactly one of these is there.
TARGET_NAMES = ("target", "label", "class", "y")
_MAX_COLUMNS = 100_000
_MAX_NAME = 1000
_NO_LABEL = ("NA", "N/A", "NaN", "NULL", "<NA>", "#N/A")
"""Words that are hardly the name of a class, but could be."""
_NO_NUMBER = re.compile(r"[-+]?0\d|.*_")
"""Codes, such as 01 and 1_000, that Python would take for numbers."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What the user says of a table, each by the name of a column.

    Attributes:
        target: what is predicted, by name or by number from 0; None to find it by its name.
        rules: which columns are features, and what they are.
        weights: how much each row counts.
        groups: rows that belong together.
        fold: the author's own fold of each row.
        drop_unlabelled: whether rows without a target are left out.
    """

    target: str | int | None = None
    rules: Rules = field(default_factory=Rules)
    weights: str | None = None
    groups: str | None = None
    fold: str | None = None
    drop_unlabelled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table read from a file.

    Attributes:
        frame: its features as they were read, columns by name.
        labels: the column of the target, numbers or text; None where the table has none.
        target: that column's name; None where the table has none.
        weights: float32, positive, shape (num_rows,), or None.
        groups, folds: whole numbers from 0, shape (num_rows,), or None.
        num_unlabelled: rows that were left out because they have no target.
    """

    frame: pd.DataFrame
    labels: NDArray[Any] | None
    target: str | None
    weights: NDArray[np.float32] | None = None
    groups: NDArray[np.int32] | None = None
    folds: NDArray[np.int32] | None = None
    num_unlabelled: int = 0


def from_frame(frame: pd.DataFrame, place: str, target: str | None, roles: Roles) -> Table:
    """Splits a data frame into features and what is known beside them.

    Raises:
        DataError: no rows, no features, a gap in the target, or roles that do not fit.
    """
    if len(frame) == 0:
        raise DataError(f"{place}: must have at least one row below the column names, but has none")
    names = [str(name) for name in frame.columns]
    taken = [target] if target is not None else []
    labels, num_unlabelled = None, 0
    if target is not None:
        gaps = _gaps(frame[target], words=roles.drop_unlabelled)
        num_unlabelled = int(gaps.sum()) if roles.drop_unlabelled else 0
        if gaps.any() and not roles.drop_unlabelled:
            raise DataError(
                f"{place}: row {np.flatnonzero(gaps)[0] + 1}, column {target!r}: the label is missing; fill "
                "it, drop the row, or say data.drop_unlabelled = true (--set data.drop_unlabelled=true)"
            )
        if num_unlabelled == len(frame):
            raise DataError(f"{place}: column {target!r}: no row has a label")
        frame = frame[~gaps].reset_index(drop=True) if num_unlabelled else frame
        labels = _labels(frame[target], place)
    found: dict[str, Any] = {}
    for key in ("weights", "groups", "fold"):
        name = getattr(roles, key)
        if name is None:
            continue
        if name not in names:
            raise DataError(
                f"{place}: data.{key} names the column {name!r}, which is not there{nearest(name, names)}"
            )
        if name in taken:
            raise DataError(
                f"{place}: the column {name!r} cannot be both data.{key} and another role"
            )
        taken.append(name)
        found[key] = _ROLES[key](frame[name], f"{place}: data.{key}: column {name!r}")
    return Table(
        frame=frame.drop(columns=taken),
        labels=labels,
        target=target,
        weights=found.get("weights"),
        groups=found.get("groups"),
        folds=found.get("fold"),
        num_unlabelled=num_unlabelled,
    )


def _weights(cells: pd.Series[Any], place: str) -> NDArray[np.float32]:
    values = as_numbers(cells).to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if len(bad):
        raise DataError(
            f"{place}: row {bad[0] + 1}: must be a number above 0, but is {cells.iloc[bad[0]]!s:.40}"
        )
    weights: NDArray[np.float32] = (values / values.mean()).astype(np.float32)
    return weights


def _groups(cells: pd.Series[Any], place: str) -> NDArray[np.int32]:
    codes, values = _factorized(cells, place)
    bad = np.flatnonzero(codes < 0)
    if len(bad):
        raise DataError(
            f"{place}: row {bad[0] + 1}: must not be empty; say which group it belongs to"
        )
    if len(values) < 2:
        raise DataError(f"{place}: must have at least 2 groups, but has {len(values)}")
    return codes.astype(np.int32)


def _folds(cells: pd.Series[Any], place: str) -> NDArray[np.int32]:
    codes, values = _factorized(cells, place, sort=True)
    bad = np.flatnonzero(codes < 0)
    if len(bad):
        raise DataError(f"{place}: row {bad[0] + 1}: must not be empty; say which fold it is in")
    if not 2 <= len(values) <= 1_000:
        raise DataError(f"{place}: must have 2 to 1,000 folds, but has {len(values):,}")
    return codes.astype(np.int32)


_ROLES = {"weights": _weights, "groups": _groups, "fold": _folds}


def _factorized(
    cells: pd.Series[Any], place: str, *, sort: bool = False
) -> tuple[NDArray[np.int64], Any]:
    """The number of each cell's value (-1 for a gap), and the different values.

    Raises:
        DataError: cells that hold several values.
    """
    import pandas as pd

    try:
        return pd.factorize(cells, sort=sort)
    except TypeError as error:
        kind = type(cells.dropna().iloc[0]).__name__
        raise DataError(
            f"{place}: must have one value in every cell, but they are of the type {kind}"
        ) from error


def _gaps(column: pd.Series[Any], *, words: bool) -> NDArray[np.bool_]:
    """Rows without a label: empty cells, and words such as NA where all others are numbers.

    Args:
        words: whether NA is no label among words either, where it may well be a class.
    """
    gaps: NDArray[np.bool_] = column.isna().to_numpy()
    if getattr(column.dtype, "kind", "O") in "biuf":
        return gaps
    if words:
        gaps = gaps | column.map(as_text).isin(_NO_LABEL).to_numpy()
    unknown = column.map(as_text).str.lower().isin(UNKNOWN).to_numpy() & ~gaps
    if unknown.any() and not unknown.all() and as_numbers(column[~unknown & ~gaps]).notna().all():
        gaps = gaps | unknown
    return gaps


def _labels(column: pd.Series[Any], place: str) -> NDArray[Any]:
    """Numbers where every label is one (so that 10 comes after 9), else text."""

    if getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy()
    codes, values = _factorized(column, f"{place}: column {str(column.name)!r}")
    words = [str(value).strip() for value in values]
    longest = max(map(len, words))
    if longest > _MAX_NAME:  # a matrix of texts is as wide as the longest of them
        raise DataError(
            f"{place}: column {str(column.name)!r}: a class's name may have {_MAX_NAME:,} characters, but "
            f"one has {longest:,}; shorten it, or name another column with target = '…'"
        )
    text = np.array(words)
    if any(_NO_NUMBER.match(word) for word in words):
        return text[codes]
    try:
        numbers = text.astype(np.float64)
    except ValueError:
        return text[codes]
    return numbers[codes] if np.isfinite(numbers).all() else text[codes]


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


def find_target(header: list[str], target: str | int | None, place: str) -> str:
    """The name of the column that is predicted.

    Raises:
        DataError: it is not there, or several could be it.
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
        if target.isdecimal() and int(target) < len(header):
            return header[int(target)]
        near = difflib.get_close_matches(target, header, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{place}: there is no column {target!r}{guess} (columns: {shown})")
    found = [name for name in header if name.lower() in TARGET_NAMES]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} columns could be it" if found else "none is called that"
    raise DataError(
        f"{place}: the column to predict must be target, label, class or y, or be named, but {problem}; "
        f"name it with target = '…' or --target (columns: {shown})"
    )

"""The cells of a table as numbers, given what its columns are: the same for training and new rows."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.dataset import some_of
from bakeoff.errors import DataError
from bakeoff.records import Column

if TYPE_CHECKING:
    import pandas as pd

DATE_PARTS = ("days", "year", "month", "day", "day_of_week", "hour")
_EPOCH = "2000-01-01"
_TRUTHS = ("true", "false")
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_FORMATS = ("ISO8601", *_DAYS, *(f"{day} {clock}" for clock in _CLOCKS for day in _DAYS))
_ZONE = r"\s*(?:[-+]\d\d:?\d\d|Z)$"
"""Behind a time with a clock. What counts is the time that people there read, as in a column of a
date type."""


def are_made(columns: Sequence[Column]) -> bool:
    """Whether some are more than the numbers of a column of their name: words, or parts of dates."""
    return any(column.kind == "category" or column.part for column in columns)


def code(frame: pd.DataFrame, columns: Sequence[Column], place: str) -> NDArray[np.float32]:
    """The cells of a table as numbers, shape (num_rows, len(columns)); see ``Column``.

    Args:
        frame: has every ``source`` of the columns; others are not looked at.

    Raises:
        DataError: a column is missing, a cell is no number or infinite.
    """
    names = [str(name) for name in frame.columns]
    by_name = dict(zip(names, range(len(names)), strict=True))
    sources = list(dict.fromkeys(one.source for one in columns))
    missing = [source for source in sources if source not in by_name]
    if missing:
        near = difflib.get_close_matches(missing[0], names, n=1)
        guess = f"; is it {near[0]!r}?" if near else "; add it"
        raise DataError(
            f"{place}: must have the {len(sources)} columns the model was trained on, but "
            f"{missing[0]!r} is missing{guess}"
        )
    coded = np.empty((len(frame), len(columns)), np.float32)
    times: dict[str, Any] = {}
    for number, column in enumerate(columns):
        cells = frame.iloc[:, by_name[column.source]]
        if column.kind == "category":
            codes = coded[:, number] = _categories(cells, column.categories)
            if (codes == -1.0).any() and not (codes >= 0.0).any():
                warnings.warn(
                    f"{place}: column {column.source!r}: none of its words was seen in training, such as "
                    f"{as_text(cells.dropna().iloc[0])[:40]!r} (there were {some_of(column.categories)})",
                    stacklevel=2,
                )
        elif column.part:
            if column.source not in times:
                times[column.source] = _times(cells, column, place)
            part = part_of(times[column.source], column.part)
            coded[:, number] = part.to_numpy(np.float64, na_value=np.nan)
        else:
            coded[:, number] = _numbers(cells, column, place)
    return coded


def _numbers(cells: pd.Series[Any], column: Column, place: str) -> NDArray[np.float32]:
    numbers = as_numbers(cells)
    bad = numbers.isna() & cells.notna()
    if bad.any() and column.gaps:
        bad &= ~cells.map(as_text).isin(column.gaps)
    if bad.any():
        row = int(np.flatnonzero(bad.to_numpy())[0])
        raise DataError(
            f"{place}: row {row + 1}, column {column.source!r}: must be a number, but is "
            f"{as_text(cells.iloc[row])[:80]!r}; correct it or leave the cell empty"
        )
    values = numbers.to_numpy(np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        small = values.astype(np.float32)
    infinite = np.flatnonzero(np.isinf(small))
    if len(infinite):
        row = int(infinite[0])
        raise DataError(
            f"{place}: row {row + 1}, column {column.source!r}: features must be finite numbers, but "
            f"this one is {values[row]:g}; correct it or leave the cell empty"
        )
    return small


def _categories(cells: pd.Series[Any], categories: tuple[str, ...]) -> NDArray[np.float32]:
    """The place of each cell among the categories, -1 for none.

    A word that is none may be one written otherwise: ``1.0`` is ``1``, and ``TRUE`` is ``True``.
    """
    import pandas as pd

    codes, values = pd.factorize(cells)
    place = {name: index for index, name in enumerate(categories)}
    truths = {name.lower(): index for name, index in place.items() if name.lower() in _TRUTHS}

    def found(value: Any) -> int:
        text = as_text(value)
        if text in place:
            return place[text]
        try:
            return place.get(as_text(float(text)), -1)
        except ValueError:
            return truths.get(text.lower(), -1)

    known = [found(value) for value in values]
    return np.array([*known, np.nan], np.float32)[codes]  # a gap has the code -1, the last entry


def _times(cells: pd.Series[Any], column: Column, place: str) -> pd.Series[Any]:
    """Of a column that held dates in the training data, read as they were there if they can be."""
    import pandas as pd

    if not cells.notna().any():
        return pd.Series(pd.NaT, cells.index, dtype="datetime64[ns]")
    times, _ = read_times(cells, column.format)
    if times is None:
        shown = as_text(cells.dropna().iloc[0])[:80]
        raise DataError(
            f"{place}: column {column.source!r}: must hold dates, all written in one way, but has {shown!r}; "
            "write them as 2026-11-26"
        )
    return times


def as_numbers(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers where cells are some, NaN elsewhere."""
    import pandas as pd

    if getattr(cells.dtype, "kind", "O") in "biufM":
        return pd.to_numeric(cells, errors="coerce").astype("float64")
    try:
        codes, values = pd.factorize(cells)
    except TypeError:  # lists and the like
        return cells.map(_as_number).astype("float64")
    different = pd.Series(values, dtype=object)
    try:
        numbers = pd.to_numeric(different, errors="coerce").astype("float64")
    except (OverflowError, TypeError, ValueError):  # whole numbers beyond any float
        numbers = different.map(_as_number).astype("float64")
    return pd.Series(np.append(numbers, np.nan)[codes], cells.index)


def _as_number(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError):
        return float("nan")


def read_times(cells: pd.Series[Any], form: str = "") -> tuple[pd.Series[Any] | None, str]:
    """Times where all cells with a value are dates written in one way, and that way.

    Args:
        form: a way that an earlier call gave, which is tried first.

    Returns:
        the times, or None; and how they are written, empty for a date type.
    """
    import pandas as pd

    kind = getattr(cells.dtype, "kind", "O")
    if kind == "M":
        return (cells.dt.tz_localize(None) if getattr(cells.dt, "tz", None) else cells), ""
    filled = cells.dropna()
    if kind in "biuf" or not len(filled):
        return None, ""
    sample = filled.iloc[:: max(1, len(filled) // 100)].map(as_text)
    if not sample.str.match(r"\d{1,4}[-./ ]").all():
        return None, ""
    codes, values = pd.factorize(cells)
    text = pd.Series([as_text(value) for value in values])
    clock = text.str.contains(":", regex=False)
    text = text.where(~clock, text.str.replace(_ZONE, "", regex=True))
    sample = text.iloc[:: max(1, len(text) // 100)]
    for tried in dict.fromkeys((form, *_FORMATS) if form in _FORMATS else _FORMATS):
        if pd.to_datetime(sample, format=tried, errors="coerce", utc=True).isna().any():
            continue
        times = pd.to_datetime(text, format=tried, errors="coerce", utc=True).dt.tz_localize(None)
        if not times.isna().any():
            gap = pd.Series([pd.NaT], dtype=times.dtype)
            found: pd.Series[Any] = pd.concat([times, gap]).iloc[codes].set_axis(cells.index)
            return found, tried
    return None, ""


def part_of(times: pd.Series[Any], part: str) -> pd.Series[Any]:
    """One of ``DATE_PARTS`` of each time."""
    import pandas as pd

    if part == "days":
        since: pd.Series[Any] = (times - pd.Timestamp(_EPOCH)) / pd.Timedelta(days=1)
        return since
    found: pd.Series[Any] = getattr(times.dt, part).astype("float64")
    return found


def as_text(value: Any) -> str:
    """A cell as the name of a category: whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).strip()

"""What the columns of a table are, told from their cells.

A column is a number, a category, a date, or nothing to learn from (an identifier, free text, the
same in every row); each with the reason, so that a wrong guess is seen. What is learned from the
cells (medians, which categories are frequent) is the business of ``encoding``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.cells import DATE_PARTS, as_numbers, as_text, part_of, read_times
from bakeoff.data.dataset import check_steps, some_of
from bakeoff.errors import DataError
from bakeoff.records import Column, ColumnKind, Described

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 20
"""Below this nothing is taken for an identifier: a few different values are no surprise."""

MOST_GAP_WORDS = 5
GAP_WORD_SHARE = 0.05
"""A column of numbers may have a few words for "unknown": at most so many, in so few cells."""

UNKNOWN = frozenset(
    ["?", "-", "--", ".", "na", "n.a.", "n/a", "nan", "nil", "null", "none", "missing", "unknown"]
)
"""Words that are gaps beside numbers in however many cells."""

NUMBER_SHARE = 0.95
"""Of the cells of a column of words: beyond it they look like numbers that are written otherwise."""

FREE_TEXT_SHARE = 0.5
FREE_TEXT_VALUES = 50

COUNTS_ROWS = "an identifier: another whole number in every row"
GROWS = "an identifier: whole numbers that grow from row to row"

_DIGITS = r"[-+]?(?:\d+|\d{1,3}(?:[.,'’\s]\d{3})+)(?:[.,]\d+)?"
_LIKE_A_NUMBER = re.compile(
    rf"[-+(]?(?:[$€£¥₹]\s?|[A-Z]{{3}}\s)?{_DIGITS}(?:\s?[$€£¥₹%]|\s[A-Z]{{3}})?\)?"
)
_IDENTIFIER = re.compile(r"(^|[_\W])(id|uid|uuid|guid|key|index)$", re.IGNORECASE)
_NAMELESS = re.compile(r"Unnamed: \d+|__index_level_\d+__")
"""What pandas calls a column that has no name in its file, and an index that has none."""
_RULES = ("drop", "id", "categorical", "numeric", "date")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user says of columns, by their names.

    Attributes:
        features: the only columns that are used; empty for all.
        drop, id: columns that are left out.
        categorical, numeric, date: what columns are, whatever they look like.
    """

    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    date: tuple[str, ...] = ()

    def check(self, names: Sequence[str], place: str) -> None:
        """Raises DataError for a column that is not there, or is said to be two things."""
        said: dict[str, str] = {}
        for key in ("features", *_RULES):
            for name in getattr(self, key):
                if name not in names:
                    raise DataError(
                        f"{place}: data.{key} names the column {name!r}, which is not there"
                        f"{nearest(name, names)}"
                    )
                if key != "features" and said.setdefault(name, key) != key:
                    raise DataError(
                        f"{place}: the column {name!r} is in data.{said[name]} and in data.{key}; "
                        "leave it in one"
                    )


def nearest(name: str, names: Sequence[str]) -> str:
    """The end of a message about a name that is not there."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f" (there are {some_of(names)})"


def describe(frame: pd.DataFrame, rules: Rules, place: str) -> tuple[Described, ...]:
    """What each column is.

    Raises:
        DataError: a rule that does not fit, or no column that is left.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise DataError(
            f"{place}: column names must differ, but {twice!r} occurs twice; rename one"
        )
    rules.check(names, place)
    columns = [_Cells(str(name), cells, place) for name, cells in frame.items()]
    found = tuple(one.described(rules) for one in columns)
    if not any(one.columns for one in found):
        # Better a number that may only count the rows than nothing.
        found = tuple(
            cells.number("numbers") if one.why in (COUNTS_ROWS, GROWS) else one
            for cells, one in zip(columns, found, strict=True)
        )
    if not any(one.columns for one in found):
        reasons = "; ".join(f"{one.name!r}: {one.why}" for one in found[:5])
        raise DataError(
            f"{place}: must have at least one column to learn from beside the target, but has none"
            + (f" ({reasons}); name one in data.numeric or data.categorical" if found else "")
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """One column while it is looked at."""

    name: str
    cells: pd.Series[Any]
    place: str

    def described(self, rules: Rules) -> Described:
        name = self.name
        if name in rules.drop or (rules.features and name not in rules.features):
            return self._left_out("you said so")
        if name in rules.id:
            return self._left_out("an identifier, as you said")
        if name in (*rules.categorical, *rules.numeric, *rules.date):
            self._check_single_values()
        if name in rules.categorical:
            return self._category("you said so")
        if name in rules.date:
            times, form = read_times(self.cells)
            if times is None:
                raise DataError(
                    f"{self.place}: data.date names {name!r}, but its cells are no dates; write them "
                    "as 2026-11-26"
                )
            return self._date("you said so", times, form)
        if name in rules.numeric:
            words = self._words(as_numbers(self.cells))
            if len(words) == self.cells.nunique():
                raise DataError(
                    f"{self.place}: data.numeric names {name!r}, but none of its cells is a number"
                )
            return self.number("you said so", words)
        return self._guessed()

    def _check_single_values(self) -> None:
        try:
            self.cells.nunique()
        except TypeError as error:
            kind = type(self.cells.dropna().iloc[0]).__name__
            raise DataError(
                f"{self.place}: column {self.name!r}: must have one value in every cell, but they are of the "
                f"type {kind}; leave it out (data.drop)"
            ) from error

    def _guessed(self) -> Described:
        if _NAMELESS.fullmatch(self.name):
            return self._left_out("it has no name, as row names have none")
        if self._read_as_numbers:
            return self._of_numbers(self.cells.to_numpy())
        filled = self.cells.dropna()
        if len(filled) == 0:
            return self._left_out("it has no value at all")
        try:
            distinct, gaps = int(filled.nunique()), len(self.cells) - len(filled)
        except TypeError:  # lists and the like
            return self._left_out(f"its cells are of the type {type(filled.iloc[0]).__name__}")
        if distinct == 1 and not gaps:
            return self._left_out(f"the same in every row: {as_text(filled.iloc[0])[:40]}")
        kind = getattr(self.cells.dtype, "kind", "O")
        if kind == "M":
            return self._date("its type is a date", read_times(self.cells)[0])
        if kind in "biuf":
            return self._of_numbers(self.cells.to_numpy(np.float64, na_value=np.nan))
        numbers = as_numbers(filled)
        words = self._words(numbers)
        few = len(words) <= MOST_GAP_WORDS and numbers.isna().sum() <= GAP_WORD_SHARE * len(filled)
        if few or (numbers.notna().any() and all(word.lower() in UNKNOWN for word in words)):
            why = f"numbers; {some_of(words)} counts as a gap" if words else "numbers"
            return self.number(why, words)
        times, form = read_times(self.cells)
        if times is not None:
            return self._date(_reading(filled), times, form)
        hint = _like_numbers(filled)
        if distinct == len(filled) >= FEWEST_ROWS:
            why = "an identifier or free text: different in every row"
            return self._left_out(why + hint)
        if distinct > max(FREE_TEXT_VALUES, FREE_TEXT_SHARE * len(filled)):
            return self._left_out(
                f"free text: {distinct:,} different values in {len(filled):,} rows{hint}"
            )
        return self._category(f"{distinct} different words{hint}")

    @property
    def _read_as_numbers(self) -> bool:
        """Whether its cells are NumPy's own numbers, so that pandas is not needed to look at them."""
        return isinstance(self.cells.dtype, np.dtype) and self.cells.dtype.kind in "biuf"

    def _words(self, numbers: pd.Series[Any]) -> tuple[str, ...]:
        """Cells that are no numbers."""
        cells = self.cells.loc[numbers.index]
        return tuple(sorted({as_text(one) for one in cells[numbers.isna()].dropna().unique()}))

    def _of_numbers(self, values: NDArray[Any]) -> Described:
        """A column that was read as numbers; with thousands of columns this is what takes time."""
        missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        known = values[~missing]
        if not len(known):
            return self._left_out("it has no value at all")
        if missing.any():
            return self.number("numbers")
        if (known == known[0]).all():
            return self._left_out(f"the same in every row: {as_text(known[0])[:40]}")
        if len(known) >= FEWEST_ROWS and (why := self._told_apart(known)):
            return self._left_out(why)
        return self.number("numbers")

    def _told_apart(self, values: NDArray[Any]) -> str | None:
        """Why whole numbers only tell rows apart: they grow, or are called an identifier."""
        if values.dtype.kind == "b" or (values != np.floor(values)).any():
            return None
        if (values[1:] > values[:-1]).all():
            return GROWS
        called = _IDENTIFIER.search(self.name) is not None
        return COUNTS_ROWS if called and len(np.unique(values)) == len(values) else None

    def _made(self, kind: ColumnKind, why: str, columns: tuple[Column, ...] = ()) -> Described:
        if self._read_as_numbers:
            missing = np.isnan(self.cells.to_numpy())  # pandas takes ten times as long
        else:
            missing = self.cells.isna().to_numpy()
        return Described(self.name, kind, why, int(missing.sum()), columns)

    def _left_out(self, why: str) -> Described:
        return self._made("left out", why)

    def number(self, why: str, words: tuple[str, ...] = ()) -> Described:
        """Taken for a number, where these words count as gaps."""
        values = (
            self.cells.to_numpy() if self._read_as_numbers else as_numbers(self.cells).to_numpy()
        )
        place = f"{self.place}: column {self.name!r}"
        check_steps(values, place, f", or leave them out (data.drop = {self.name!r})")
        return self._made("number", why, (Column(self.name, source=self.name, gaps=words),))

    def _category(self, why: str) -> Described:
        values = tuple(sorted({as_text(value) for value in self.cells.dropna().unique()}))
        return self._made("category", why, (Column(self.name, "category", values, self.name),))

    def _date(self, why: str, times: pd.Series[Any] | None, form: str = "") -> Described:
        assert times is not None  # noqa: S101  (only columns of dates come here)
        parts = [one for one in DATE_PARTS if one == "days" or part_of(times, one).nunique() > 1]
        made = tuple(
            Column(f"{self.name}.{one}", source=self.name, part=one, format=form) for one in parts
        )
        return self._made("date", why, made)


def _reading(dates: pd.Series[Any]) -> str:
    """Why cells are dates; where day and month could change places, what was taken."""
    import pandas as pd

    text = pd.Series(dates.unique()).map(as_text)
    if not text.str.match(r"\d{1,2}/\d{1,2}/\d{4}").all():
        return "dates"
    day = text.str.extract(r"(\d+/\d+/\d+)", expand=False)
    both = [pd.to_datetime(day, format=form, errors="coerce") for form in ("%d/%m/%Y", "%m/%d/%Y")]
    if any(one.isna().any() for one in both):
        return "dates"
    return (
        "dates, read as day/month/year, though month/day/year would fit as well: write 2026-11-26"
    )


def _like_numbers(words: pd.Series[Any]) -> str:
    """What to add of words that are numbers written in another way; nothing of other words."""
    text = words.iloc[:: max(1, len(words) // 1_000)].map(as_text)
    if text.str.fullmatch(_LIKE_A_NUMBER).mean() < NUMBER_SHARE:
        return ""
    return (
        f", though they look like numbers (written as {text.iloc[0][:20]!r}): write them as 1234.5"
    )

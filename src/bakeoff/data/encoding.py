"""Categories and gaps as inputs of a network, fitted on training examples alone.

scikit-learn's ``SimpleImputer`` and ``OneHotEncoder`` do the same (they are the oracle of the tests).
This is written out because it goes into the model file as plain JSON, is applied without importing
scikit-learn, and makes one float32 matrix and no copies of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import DataError
from bakeoff.records import Column

RARE_SHARE = 0.002
FEWEST_OF_A_CATEGORY = 2
MOST_CATEGORIES = 200
"""A category that fewer training examples have, or that is not among so many most frequent ones,
is taken together with the other rare ones."""

_CHUNK_ROWS = 65_536

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Part:
    """What one column becomes.

    Attributes:
        median: of a number in the training part, which fills gaps; None where it had no value.
        flag: whether gaps get an input of their own.
        kept: of a category the codes that have an input, ascending.
        rare: whether the others share an input.
    """

    median: float | None = None
    flag: bool = False
    kept: tuple[int, ...] = ()
    rare: bool = False

    @property
    def width(self) -> int:
        """Number of inputs."""
        return (self.median is not None) + len(self.kept) + self.rare + self.flag


@dataclass(frozen=True, slots=True)
class Encoding:
    """From a coded table to what a model takes.

    Attributes:
        columns: of the table.
        parts: what each becomes; empty for a model that takes the columns as they are.
    """

    columns: tuple[Column, ...]
    parts: tuple[Part, ...]

    @property
    def width(self) -> int:
        """Number of inputs."""
        return sum(part.width for part in self.parts) if self.parts else len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the inputs, shape (width,)."""
        if not self.parts:
            return tuple(column.name for column in self.columns)
        names: list[str] = []
        for column, part in zip(self.columns, self.parts, strict=True):
            names += [column.name] * (part.median is not None)
            names += [f"{column.name}={column.categories[code]}" for code in part.kept]
            names += [f"{column.name}=(rare)"] * part.rare
            names += [f"{column.name} is missing"] * part.flag
        return tuple(names)

    def apply(self, features: NDArray[Any]) -> Any:
        """The inputs, float32, shape (num_examples, width), read-only; a data frame without parts.

        Its categories are pandas' own, gaps and words that were never seen are missing there, and
        dates are numbers, a column for each part of theirs.

        Args:
            features: as ``cells.code`` makes them, shape (num_examples, num_columns).
        """
        if not self.parts:
            return self._frame(features)
        made = np.zeros((len(features), self.width), np.float32)
        for start in range(0, len(features), _CHUNK_ROWS):
            self._apply(features[start : start + _CHUNK_ROWS], made[start : start + _CHUNK_ROWS])
        made.setflags(write=False)
        return made

    def _frame(self, features: NDArray[Any]) -> pd.DataFrame:
        import pandas as pd

        made: dict[str, Any] = {}
        for number, column in enumerate(self.columns):
            values = features[:, number]
            if column.kind == "category":
                codes = np.where(np.isnan(values), -1, values).astype(np.int64)
                words = pd.Index(column.categories, dtype=object)
                made[column.name] = pd.Categorical.from_codes(codes, words)
            else:
                made[column.name] = values
        return pd.DataFrame(made)

    def _apply(self, features: NDArray[Any], made: NDArray[np.float32]) -> None:
        first = 0
        for number, (column, part) in enumerate(zip(self.columns, self.parts, strict=True)):
            values = features[:, number]
            missing = np.isnan(values)
            if part.median is not None:
                made[:, first] = np.where(missing, np.float32(part.median), values)
            if column.kind == "category":
                # The input of each code; the last entry is that of a word that is no category.
                table = np.full(len(column.categories) + 1, len(part.kept) if part.rare else -1)
                table[list(part.kept)] = np.arange(len(part.kept))
                place = table[np.where(missing, -1, values).astype(np.int64)]
                rows = np.flatnonzero(~missing & (place >= 0))
                made[rows, first + place[rows]] = 1.0
            if part.flag:
                made[missing, first + part.width - 1] = 1.0
            first += part.width

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "columns": [asdict(column) for column in self.columns],
            "parts": [asdict(part) for part in self.parts],
        }

    def to_array(self) -> NDArray[np.uint8]:
        """As bytes of JSON, for a model's arrays."""
        return np.frombuffer(json.dumps(self.to_plain(), sort_keys=True).encode(), np.uint8)

    @classmethod
    def from_array(cls, array: NDArray[np.uint8]) -> Encoding:
        """The encoding that ``to_array`` wrote."""
        return cls.from_plain(json.loads(array.tobytes()))

    @classmethod
    def of(cls, model: Mapping[str, NDArray[Any]]) -> Encoding | None:
        """The encoding among a model's arrays; None where it has none."""
        return cls.from_array(model["encoding"]) if "encoding" in model else None

    @classmethod
    def from_plain(cls, plain: Any) -> Encoding:
        """The encoding in a model's file.

        Raises:
            DataError: it is none.
        """
        try:
            columns = tuple(
                Column(
                    name=_text(one["name"]),
                    kind="category" if one["kind"] == "category" else "number",
                    categories=tuple(map(_text, one["categories"])),
                    source=_text(one["source"]),
                    part=_text(one["part"]),
                    gaps=tuple(map(_text, one["gaps"])),
                    format=_text(one.get("format", "")),
                )
                for one in plain["columns"]
            )
            parts = tuple(
                Part(
                    median=None if one["median"] is None else float(one["median"]),
                    flag=bool(one["flag"]),
                    kept=tuple(map(int, one["kept"])),
                    rare=bool(one["rare"]),
                )
                for one in plain["parts"]
            )
            for column, part in zip(columns, parts, strict=bool(parts)):
                if not all(0 <= code < len(column.categories) for code in part.kept):
                    raise ValueError("a category that is not there")
                if part.median is not None and not np.isfinite(part.median):
                    raise ValueError("a median that is not finite")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(
                f"model: what it says of its columns is damaged ({error}); export the model again"
            ) from error
        return cls(columns, parts)


def fit(columns: Sequence[Column], features: NDArray[Any], rows: NDArray[Any]) -> Encoding:
    """An encoding of these columns from the examples in some rows and from no other.

    Numbers get their median where there is a gap, and an input that says so where the training part
    has one. Of a category each frequent word gets an input, the rare ones share one; a word that is
    not among them counts as rare, or as nothing where none was rare. The order of the inputs does
    not depend on any other row: it is that of the columns and of the words.

    Args:
        features: shape (num_examples, num_columns), see ``Column``.
        rows: of the training part.
    """
    parts = []
    for number, column in enumerate(columns):
        values = features[rows, number]
        missing = np.isnan(values)
        if column.kind == "number":
            known = values[~missing]
            median = float(np.median(known)) if len(known) else None
            parts.append(Part(median, bool(missing.any()) and median is not None))
            continue
        codes = values[~missing].astype(np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=len(column.categories))
        least = max(FEWEST_OF_A_CATEGORY, RARE_SHARE * len(values))
        frequent = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
        kept = np.sort(frequent[counts[frequent] >= least])
        rare = bool(len(codes) > counts[kept].sum())
        parts.append(Part(flag=bool(missing.any()), kept=tuple(map(int, kept)), rare=rare))
    return Encoding(tuple(columns), tuple(parts))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value

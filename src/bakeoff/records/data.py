"""What a report says of the data without holding it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ColumnKind = Literal["number", "category", "date", "left out"]


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a feature matrix holds, and how a table's cells become its values.

    Attributes:
        name: of the feature; a part of a date is ``signup.year`` and so on.
        kind: ``number``, NaN for a gap; ``category``, where the value k stands for
            ``categories[k]``, NaN for a gap and -1 for a word that is none of them.
        categories: ascending as text; empty for numbers.
        source: the table's column it comes from.
        part: of a date: days, year, month, day, day_of_week or hour; else empty.
        gaps: words that count as gaps besides empty cells, such as ``?``.
        format: of a date, how the cells of the training table were written, as ``strptime`` has it;
            empty where their type was a date. No part of what identifies the data.
    """

    name: str
    kind: Literal["number", "category"] = "number"
    categories: tuple[str, ...] = ()
    source: str = ""
    part: str = ""
    gaps: tuple[str, ...] = ()
    format: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Described:
    """One column of a table.

    Attributes:
        name: of the column.
        kind: what it is taken for.
        why: the reason, in words.
        gaps: number of empty cells.
        columns: what it becomes; empty where it is left out.
    """

    name: str
    kind: ColumnKind
    why: str
    gaps: int = 0
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What a report says of the data without holding it.

    Attributes:
        name: of the dataset.
        hash: SHA-256 over features, labels and the test part.
        num_train, num_validation, num_test: examples per part in replicate 0.
        num_features, num_classes: columns, and labels 0 … num_classes - 1.
        class_names: shape (num_classes,).
        feature_names: shape (num_features,); empty for images.
        image_shape: (height, width) or (height, width, channels) for images, else None.
        class_counts: examples per class outside the test part.
        zero_share: share of exact zeros among the features.
        duplicates_across_splits: test examples whose features also occur outside the test part.
        feature_max: largest absolute feature outside the test part; None where not counted.
        num_inputs: what a network is given per example, categories encoded; ``num_features``
            where nothing is encoded.
        target: name of what is predicted; empty where it has none.
        target_range: smallest, mean and largest value and sd of the target outside the test part,
            of a regression.
        ranges: name and range (largest less smallest value) of the number with the smallest and
            of the one with the largest range, of a table; empty where there are no two.
        remarks: what was done to the data that its owner should know, such as pictures resized.
        columns: what the columns of a table hold, shape (num_features,), where some are words,
            dates or have gaps; else empty.
    """

    name: str
    hash: str
    num_train: int
    num_validation: int
    num_test: int
    num_features: int
    num_classes: int
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    class_counts: tuple[int, ...]
    zero_share: float
    duplicates_across_splits: int | None = None
    feature_max: float | None = None
    num_inputs: int = 0
    target: str = ""
    target_range: tuple[float, ...] = ()
    ranges: tuple[tuple[str, float], ...] = ()
    remarks: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

"""From what a user calls a class (numbers, words) to labels 0 … K-1 and back to names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import DataError

# Predictions are kept as uint16.
MAX_CLASSES = 65_535
# More classes than half the examples: certainly numbers to predict, or an identifier.
_MIN_PER_CLASS = 2


# Beyond so many different whole numbers a table's target is asked about.
MANY_VALUES = 30


def kind_of_task(
    y: Any, place: str, given: str | None, is_table: bool
) -> Literal["classification", "regression"]:
    """What is predicted.

    Args:
        y: shape (num_examples,).
        given: what the user says; None to tell it by the values: fractions are values to predict.
        is_table: whether many different whole numbers may be values, too.

    Raises:
        DataError: whole numbers that could be either, or another word than the two.
    """
    if given is not None:
        if given not in ("classification", "regression"):
            raise DataError(
                f"{place}: task must be classification or regression, but got {given!r}"
            )
        return "regression" if given == "regression" else "classification"
    try:
        array = np.asarray(y)
    except ValueError:  # lists of several lengths: whoever reads the classes says so
        return "classification"
    kind = getattr(array.dtype, "kind", "O")
    if kind not in "iuf" or not is_table or getattr(array, "ndim", 1) != 1 or not len(array):
        return "classification"
    values = np.asarray(array, np.float64)
    values = values[np.isfinite(values)]
    if (values != np.floor(values)).any():
        return "regression"
    different = len(np.unique(values))
    if different > MANY_VALUES:
        raise DataError(
            f"{place}: {different:,} different whole numbers in {len(values):,} rows look like a number to "
            "predict; say task = 'regression' (or --task regression), or task = 'classification' if each is a "
            "class"
        )
    return "classification"


def as_values(y: Any, place: str) -> NDArray[np.float64]:
    """The values of a regression, float64, shape (num_examples,).

    Raises:
        DataError: something that is no finite number.
    """
    try:
        values = np.array(y, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{place}: must hold numbers to predict, but holds something else ({error}); say task = "
            "'classification' if they are classes"
        ) from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{place}: must have the shape (examples,), but got {values.shape}")
    if len(values) == 0:
        raise DataError(f"{place}: must not be empty")
    bad = np.flatnonzero(~np.isfinite(values) | (np.abs(values) > np.finfo(np.float32).max))
    if len(bad):
        row = int(bad[0])
        raise DataError(
            f"{place}[{row}]: must be a finite float32 number, but is {values[row]}; fill it or drop the example"
        )
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The classes of a dataset.

    Attributes:
        values: what stands for class k in the source, ascending, shape (num_classes,).
        names: the same as text.
        labels: of the examples they were found in, int32, 0 … num_classes - 1.
    """

    values: NDArray[Any]
    names: tuple[str, ...]
    labels: NDArray[np.int32]

    def number(self, y: Any, place: str) -> NDArray[np.int32]:
        """Labels of further examples (the test part) in the same numbering.

        Raises:
            DataError: a value that is none of the classes.
        """
        given = _vector(y, place)
        if len(given) == 0:
            return np.empty(0, np.int32)
        if given.dtype.kind != self.values.dtype.kind:
            given = given.astype(str) if self.values.dtype.kind == "U" else given
        try:
            index = np.searchsorted(self.values, given).clip(max=len(self.values) - 1)
            strange = self.values[index] != given
        except TypeError:  # words where numbers were, or the other way round
            strange = np.ones(len(given), bool)
        strange = np.broadcast_to(strange, given.shape)
        if strange.any():
            row = int(np.flatnonzero(strange)[0])
            raise DataError(
                f"{place}[{row}]: must be one of the {len(self.names)} classes of the other examples, "
                f"but got {_plain(given[row])!r}; correct it or add such examples to the training data"
            )
        return index.astype(np.int32)


def number_classes(y: Any, place: str, class_names: Sequence[str] | None = None) -> Classes:
    """Numbers the classes of ``y``.

    Args:
        y: integers, booleans or strings, shape (num_examples,).
        place: for messages.
        class_names: where given, ``y`` must hold integers 0 … len(class_names) - 1.

    Raises:
        DataError: missing labels, fractions, values out of range, or too many classes.
    """
    given = _vector(y, place)
    if len(given) == 0:
        raise DataError(f"{place}: must not be empty")
    if class_names is not None:
        return _named(given, place, tuple(str(name) for name in class_names))
    values, labels = np.unique(given, return_inverse=True)
    if len(values) > MAX_CLASSES or len(values) * _MIN_PER_CLASS > max(len(given), 4):
        raise DataError(
            f"{place}: must be a class, but {len(given):,} examples hold {len(values):,} different values, "
            "as numbers to predict or identifiers do; choose another column or group the values"
            + (
                ", or say task = 'regression' (--task regression)"
                if values.dtype.kind in "iu"
                else ""
            )
        )
    return Classes(values, tuple(str(_plain(v)) for v in values), labels.astype(np.int32))


def _named(given: NDArray[Any], place: str, names: tuple[str, ...]) -> Classes:
    if len(set(names)) < len(names):
        double = next(word for index, word in enumerate(names) if word in names[:index])
        raise DataError(f"{place}: class names must differ, but {double!r} occurs twice")
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{place}: there must be 2 to {MAX_CLASSES:,} class names, but got {len(names)}"
        )
    if given.dtype.kind not in "biu":
        raise DataError(
            f"{place}: with class names given, labels must be integers 0 … {len(names) - 1}, but their "
            f"type is {given.dtype}; leave class_names out and the labels name the classes"
        )
    outside = (given < 0) | (given >= len(names))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise DataError(
            f"{place}[{row}]: labels must lie in 0 … {len(names) - 1}, but got {given[row]}; correct "
            "the label or the list of class names"
        )
    return Classes(np.arange(len(names)), names, given.astype(np.int32))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _vector(y: Any, place: str) -> NDArray[Any]:
    """Labels as integers or text, one-dimensional, nothing missing."""
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise DataError(
            f"{place}: must be one class per example, but holds lists of several lengths; flatten it"
        ) from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{place}: must have the shape (examples,), but got {array.shape}; one-hot labels become "
            "classes with y.argmax(axis=1)"
        )
    if array.dtype.kind == "O":
        array = _from_objects(array, place)
    if array.dtype.kind == "f":
        bad = ~np.isfinite(array)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"{place}[{row}]: the label is missing ({array[row]}); drop the example"
            )
        fraction = array != np.floor(array)
        if fraction.any() or (np.abs(array) > 2**53).any():
            row = int(np.flatnonzero(fraction | (np.abs(array) > 2**53))[0])
            raise DataError(
                f"{place}[{row}]: labels must be classes (integers or words), but got {array[row]}; "
                "say task = 'regression' to predict a number"
            )
        array = array.astype(np.int64)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind == "U":
        empty = np.char.str_len(np.char.strip(array)) == 0
        if empty.any():
            row = int(np.flatnonzero(empty)[0])
            raise DataError(f"{place}[{row}]: the label is missing (empty text); drop the example")
        return array
    raise DataError(
        f"{place}: labels must be integers, booleans or text, but their type is {array.dtype}"
    )


def _from_objects(array: NDArray[Any], place: str) -> NDArray[Any]:
    for row, value in enumerate(array):
        # Only NaN differs from itself; pandas has a missing value of its own.
        if value is None or str(value) == "<NA>" or value != value:
            raise DataError(f"{place}[{row}]: the label is missing ({value}); drop the example")
        if not isinstance(value, (str, bool, int, float, np.generic)):
            raise DataError(
                f"{place}[{row}]: labels must be integers or text, but got {type(value).__name__}"
            )
    if all(isinstance(value, (bool, np.bool_)) for value in array):
        return array.astype(bool)
    if all(isinstance(value, (int, float, np.number)) for value in array):
        return array.astype(np.float64)
    return array.astype(str)

"""From arrays that came from anywhere to a checked, frozen ``Dataset``; knows no file format.

Here, once, the rules of usable data are enforced; everything behind trusts the records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.cells import are_made, code
from bakeoff.data.classes import as_values, kind_of_task, number_classes
from bakeoff.data.columns import Rules, describe
from bakeoff.data.dataset import (
    Dataset,
    assemble,
    check_classes,
    check_steps,
    read_only,
    some_of,
)
from bakeoff.data.splits import hold_out, hold_out_groups, strata
from bakeoff.errors import DataError
from bakeoff.records import Column, Described

DEFAULT_TEST_FRACTION = 1 / 6

# The test part of data that brings none must be the same in every study, whatever its seed: else
# each new seed would turn examples that earlier choices have seen into "unseen" test examples.
_TEST_SEED = 20_260_101

_CHECK_ROWS = 4096


def from_arrays(
    x: Any,
    y: Any,
    *,
    name: str = "arrays",
    x_test: Any = None,
    y_test: Any = None,
    test_fraction: float = DEFAULT_TEST_FRACTION,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
    task: str | None = None,
    rules: Rules | None = None,
    in_order: bool = False,
    target: str = "",
    test_name: str | None = None,
    weights: NDArray[np.float32] | None = None,
    groups: NDArray[np.int32] | None = None,
    folds: NDArray[np.int32] | None = None,
) -> Dataset:
    """A dataset from a pair of arrays (or a pair and a test pair).

    Args:
        x: features, shape (num_examples, num_features), or images (num_examples, height, width[,
            channels]), or a data frame whose columns may be numbers, words and dates, with gaps.
            uint8 stays as it is, everything else becomes float32.
        y: one class per example (integers, strings or booleans), or one value to predict.
        name: of the dataset in messages and reports.
        x_test, y_test: the test part. Without it a stratified ``test_fraction`` of the examples
            is held out, always the same ones for the same data.
        test_fraction: between 0 and 1, both excluded.
        class_names: names of the classes 0 … K-1, where ``y`` holds these numbers. Left out, the
            distinct values of ``y`` in ascending order are the classes.
        feature_names: one per feature; left out, a data frame's columns.
        image_shape: (height, width) or (height, width, channels) where ``x`` is flat.
        task: ``classification`` or ``regression``; left out, told by ``y``: words and few whole
            numbers are classes, fractions are values to predict.
        rules: what the columns of a data frame are; left out, told by their cells.
        in_order: whether examples are in the order of time: the test part is then the end.
        target: name of what is predicted.
        test_name: of the test part in messages.
        weights, groups, folds: as in ``Dataset``.

    Raises:
        DataError: the data breaks a rule; the message names the place and what to do.
    """
    if (x_test is None) != (y_test is None):
        raise DataError(
            f"{name}: a test part needs both x_test and y_test; give both, or neither and a part is held out"
        )
    is_frame = hasattr(x, "columns") and hasattr(x, "dtypes")
    whole = _Features(x, name if is_frame else f"{name}: x", rules, image_shape)
    features, image_shape = whole.values, _image_shape(name, *whole.shape, image_shape)
    names = whole.names or _feature_names(name, features.shape[1], feature_names, x, image_shape)
    is_table = image_shape is None and class_names is None
    place = f"{name}: {target or 'y'}"
    if kind_of_task(y, place, task, is_table) == "regression":
        task, classes = "regression", None
        labels: NDArray[Any] = as_values(y, place)
        check_steps(labels, f"{name}: the number to predict")
    else:
        task, classes = "classification", number_classes(y, place, class_names)
        labels = classes.labels
    _same_length(name, "x", len(features), "y", len(labels))
    if x_test is not None:
        test_features = whole.further(x_test, test_name or f"{name}: x_test")
        if test_features.dtype != features.dtype:
            # Bytes on one side only: the values, not the container, are what must agree.
            features, test_features = (
                read_only(part.astype(np.float32)) for part in (features, test_features)
            )
        place = f"{name}: y_test"
        test_labels = as_values(y_test, place) if classes is None else classes.number(y_test, place)
        _same_length(name, "x_test", len(test_features), "y_test", len(test_labels))
        if len(test_labels) == 0:
            raise DataError(f"{name}: the test part must have at least 1 example, but is empty")
    else:
        if not 0.0 < test_fraction < 1.0:
            raise DataError(
                f"{name}: `0 < test_fraction < 1` must hold, but got {test_fraction:g}; 1/6 is usual"
            )
        if classes is not None:
            check_classes(name, labels, classes.names)
        kept, held = _held_out(labels, test_fraction, groups, in_order)
        if len(held) == 0 or len(kept) == 0:
            raise DataError(
                f"{name}: {len(features)} examples are too few to hold out a test part of "
                f"{test_fraction:.3g}; bring more examples or another test_fraction"
            )
        features, test_features = features[kept], features[held]
        labels, test_labels = labels[kept], labels[held]
        weights = None if weights is None else weights[kept]
        groups = None if groups is None else groups[kept]
        folds = None if folds is None else folds[kept]
    more: dict[str, Any] = {"weights": weights, "groups": groups, "folds": folds}
    more = {key: read_only(part) for key, part in more.items() if part is not None}
    if task == "regression":
        more["task"] = task
    if np.isnan(features).any() or np.isnan(test_features).any() or are_made(whole.columns):
        more["columns"] = whole.columns
    return assemble(
        name,
        features,
        labels,
        test_features,
        test_labels,
        class_names=() if classes is None else classes.names,
        feature_names=names,
        image_shape=image_shape,
        target=target,
        described=whole.described,
        **more,
    )


def _held_out(
    labels: NDArray[Any], fraction: float, groups: NDArray[np.int32] | None, in_order: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows that stay and rows of the test part, both ascending."""
    if in_order:
        rows = np.arange(len(labels), dtype=np.int32)
        first = len(rows) - round(fraction * len(rows))
        return rows[:first], rows[first:]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_TEST_SEED)))
    if groups is not None:
        return hold_out_groups(groups, fraction, rng)
    return hold_out(strata(labels), fraction, rng)


class _Features:
    """Features as a matrix, and what its columns are where they came as a data frame."""

    def __init__(
        self, x: Any, place: str, rules: Rules | None, image_shape: tuple[int, ...] | None
    ) -> None:
        self.described: tuple[Described, ...] = ()
        self.columns: tuple[Column, ...] = ()
        is_frame = hasattr(x, "columns") and hasattr(x, "dtypes")
        if not is_frame or image_shape is not None or {str(one) for one in x.dtypes} == {"uint8"}:
            self.values, shape = as_features(x, place)
            _check_columns(x, place)
        else:
            if not len(x):
                raise DataError(f"{place}: must not be empty, but its shape is {x.shape}")
            self.described = describe(x, rules or Rules(), place)
            self.columns = tuple(column for one in self.described for column in one.columns)
            self.values = read_only(code(x, self.columns, place))
            shape = self.values.shape[1:]
        self.shape = (self.values.shape[1], shape)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def further(self, x: Any, place: str) -> NDArray[Any]:
        """Other examples in the same columns."""
        if self.columns:
            if not hasattr(x, "columns"):
                raise DataError(f"{place}: must be a data frame like the other examples")
            return read_only(code(x, self.columns, place))
        values, _ = as_features(x, place)
        if values.shape[1] != self.values.shape[1]:
            raise DataError(
                f"{place.partition(':')[0]}: the test part must have the {self.values.shape[1]} features of the "
                f"other examples, but has {values.shape[1]}; give both the same columns"
            )
        return values


def as_features(x: Any, place: str) -> tuple[NDArray[Any], tuple[int, ...]]:
    """A feature matrix, uint8 or float32, C-contiguous and read-only, and the shape of an example.

    Raises:
        DataError: no matrix of finite numbers.
    """
    array = _numeric(x, place)
    if array.ndim < 2 or array.ndim > 4:
        raise DataError(
            f"{place}: must have the shape (examples, features) or (examples, height, width[, "
            f"channels]), but got {array.shape}; reshape it"
        )
    if len(array) == 0 or math.prod(array.shape[1:]) == 0:
        raise DataError(f"{place}: must not be empty, but its shape is {array.shape}")
    shape = array.shape[1:]
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    flat = array.reshape(len(array), -1)
    if flat.dtype == np.uint8:
        # What the caller may still write to is copied: the dataset's hash must stay true.
        frozen = flat.flags.c_contiguous and not _writeable_anywhere(flat)
        return read_only(flat if frozen else flat.copy()), shape
    with np.errstate(over="ignore"):
        floats = flat.astype(np.float32, order="C")
    for start in range(0, len(floats), _CHECK_ROWS):
        chunk = floats[start : start + _CHECK_ROWS]
        if not np.isfinite(chunk).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(chunk))[0])
            value = flat[start + row, column]
            where = f"{place}[{start + row}, {_column_name(x, column)}]"
            raise DataError(
                f"{where}: features must be finite float32 numbers, but got {value}; drop the "
                "example or fill the gap"
            )
    return read_only(floats), shape


def _check_columns(x: Any, place: str) -> None:
    """DataError for a column of numbers that float32 cannot tell apart."""
    array = np.asarray(x)
    if array.ndim == 2 and array.dtype.kind in "iuf" and array.dtype.itemsize >= 4:
        sample = array[:: max(1, len(array) // 1_000)]
        for column in range(sample.shape[1]):
            check_steps(sample[:, column], f"{place}[:, {_column_name(x, column)}]")


def _numeric(x: Any, place: str) -> NDArray[Any]:
    columns = getattr(x, "columns", None)
    if columns is not None and hasattr(x, "dtypes"):  # a pandas data frame
        words = [
            str(c) for c, kind in zip(columns, x.dtypes, strict=True) if kind.kind not in "biuf"
        ]
        if words:
            raise DataError(
                f"{place}: columns must hold numbers, but these hold something else: "
                f"{some_of(words)}; encode them (pandas.get_dummies) or leave them out"
            )
        x = x.to_numpy(dtype=np.float64 if len(set(x.dtypes)) > 1 else None)
    if hasattr(x, "toarray"):  # a scipy sparse matrix
        raise DataError(f"{place}: must be a dense array, but got a sparse one; use x.toarray()")
    try:
        array = np.asarray(x)
    except ValueError as error:  # its text is NumPy's, long and about sequences
        raise DataError(
            f"{place}: rows must have one length, but have several; make it a full matrix"
        ) from error
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{place}: must hold numbers, but its type is {array.dtype}; convert it to a number array"
        )
    return array


def _column_name(x: Any, column: int) -> str:
    columns = getattr(x, "columns", None)
    return repr(str(columns[column])) if columns is not None else str(column)


def _writeable_anywhere(array: NDArray[Any]) -> bool:
    """Whether the array or any array it is a view of can be written to."""
    current: Any = array
    while isinstance(current, np.ndarray):
        if current.flags.writeable:
            return True
        current = current.base
    return current is not None and not isinstance(current, bytes)


def _same_length(name: str, first: str, num_first: int, second: str, num_second: int) -> None:
    if num_first != num_second:
        raise DataError(
            f"{name}: {first} and {second} must have one entry per example, but have {num_first:,} "
            f"and {num_second:,}; check which of them was cut"
        )


def _image_shape(
    name: str,
    num_features: int,
    found: tuple[int, ...],
    given: tuple[int, ...] | None,
) -> tuple[int, ...] | None:
    if given is None:
        return found if len(found) > 1 else None
    given = tuple(int(size) for size in given)
    if len(given) not in (2, 3) or math.prod(given) != num_features or min(given) < 1:
        raise DataError(
            f"{name}: image_shape must be (height, width) or (height, width, channels) of "
            f"{num_features} values, but got {given}"
        )
    return given


def _feature_names(
    name: str,
    num_features: int,
    given: Sequence[str] | None,
    x: Any,
    image_shape: tuple[int, ...] | None,
) -> tuple[str, ...]:
    if image_shape is not None:
        return ()
    if given is None:
        given = getattr(x, "columns", None)
        if given is None:
            return tuple(f"x{column}" for column in range(num_features))
    names = tuple(str(word) for word in given)
    if len(names) != num_features:
        raise DataError(
            f"{name}: feature_names must name the {num_features} features, but names {len(names)}"
        )
    if len(set(names)) < len(names):
        double = next(word for index, word in enumerate(names) if word in names[:index])
        raise DataError(
            f"{name}: feature names must differ, but {double!r} occurs twice; rename one"
        )
    return names

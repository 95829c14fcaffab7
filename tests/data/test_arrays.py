"""From arrays to a frozen dataset: what is accepted, what is refused and how."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import count_duplicates
from bakeoff.errors import DataError

X = np.arange(40, dtype=np.float64).reshape(20, 2)
Y = np.array([0, 1] * 10)


def test_a_stratified_sixth_is_held_out_and_every_example_is_somewhere() -> None:
    x = np.arange(120.0).reshape(60, 2)
    dataset = from_arrays(x, np.repeat([3, 7], [40, 20]), name="mine")
    test = dataset.test.open_()
    assert (dataset.num_examples, len(dataset.test)) == (50, 10)
    assert np.bincount(test.labels).tolist() in ([7, 3], [6, 4])
    together = np.concatenate([dataset.features, test.features])
    np.testing.assert_array_equal(np.sort(together.ravel()), np.arange(120))
    assert dataset.class_names == ("3", "7")
    assert dataset.name == "mine"


def test_the_held_out_part_is_the_same_for_the_same_data() -> None:
    first, second = from_arrays(X, Y), from_arrays(X, Y)
    assert first.hash == second.hash
    assert first.test.hash == second.test.hash


def test_any_change_of_any_part_changes_the_hash() -> None:
    base = from_arrays(X, Y, x_test=X[:4], y_test=Y[:4])
    changed = X.copy()
    changed[3, 1] += 1
    others = [
        from_arrays(changed, Y, x_test=X[:4], y_test=Y[:4]),
        from_arrays(X, 1 - Y, x_test=X[:4], y_test=Y[:4]),
        from_arrays(X, Y, x_test=changed[:4], y_test=Y[:4]),
        from_arrays(X, Y, x_test=X[:4], y_test=1 - Y[:4]),
        from_arrays(X.astype(np.uint8), Y, x_test=X[:4].astype(np.uint8), y_test=Y[:4]),
    ]
    assert len({base.hash, *(other.hash for other in others)}) == 6


def test_bytes_stay_bytes_and_everything_else_becomes_float32() -> None:
    assert from_arrays(X.astype(np.uint8), Y).features.dtype == np.uint8
    assert from_arrays(X > 5, Y).features.dtype == np.uint8
    for dtype in (np.int64, np.float16, np.float64, np.int8, np.uint16):
        assert from_arrays(X.astype(dtype), Y).features.dtype == np.float32


def test_bytes_beside_a_test_part_of_floats_become_floats_on_both_sides() -> None:
    dataset = from_arrays(X.astype(np.uint8), Y, x_test=X[:4] / 2, y_test=Y[:4])
    assert dataset.features.dtype == dataset.test.open_().features.dtype == np.float32


def test_nothing_of_the_dataset_can_be_written_to_nor_changed_through_the_callers_array() -> None:
    x = X.astype(np.uint8)
    dataset = from_arrays(x, Y, x_test=x[:4], y_test=Y[:4])
    test = dataset.test.open_()
    for array in (dataset.features, dataset.labels, test.features, test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    before = dataset.features.copy()
    x[:] = 99
    np.testing.assert_array_equal(dataset.features, before)
    np.testing.assert_array_equal(test.features, before[:4])


def test_images_are_flattened_and_remember_their_shape() -> None:
    dataset = from_arrays(np.zeros((20, 4, 3), np.uint8), Y)
    assert dataset.image_shape == (4, 3)
    assert dataset.features.shape[1] == 12
    assert dataset.feature_names == ()
    assert from_arrays(np.zeros((20, 4, 3, 3), np.uint8), Y).image_shape == (4, 3, 3)
    assert from_arrays(np.zeros((20, 12)), Y, image_shape=(3, 4)).image_shape == (3, 4)


def test_a_data_frame_gives_the_features_their_names() -> None:
    frame = pd.DataFrame({"age": np.arange(20) % 7, "height": np.arange(20) / 3})
    dataset = from_arrays(frame, pd.Series(["no", "yes"] * 10))
    assert dataset.feature_names == ("age", "height")
    assert dataset.class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("y", "names"),
    [
        ([10, 9] * 10, ("9", "10")),
        ([-1, 1] * 10, ("-1", "1")),
        ([1.0, 2.0] * 10, ("1", "2")),
        ([True, False] * 10, ("False", "True")),
        (["b", "a"] * 10, ("a", "b")),
        (np.array(["b", "a"] * 10, object), ("a", "b")),
        (np.array([[1], [2]] * 10), ("1", "2")),
    ],
)
def test_classes_are_the_distinct_labels_in_ascending_order(y, names) -> None:
    assert from_arrays(X, y).class_names == names


def test_given_class_names_name_the_integers_from_zero() -> None:
    dataset = from_arrays(X, Y, class_names=["cat", "dog", "never seen"])
    assert dataset.class_names == ("cat", "dog", "never seen")


@given(st.lists(st.integers(-3, 3), min_size=12, max_size=60))
def test_labels_and_class_names_always_lead_back_to_what_was_given(values) -> None:
    y = np.array([*values, *values, -3, -3, 3, 3])
    x = np.arange(len(y), dtype=float)[:, None]
    dataset = from_arrays(x, y, x_test=x[:5], y_test=y[:5])
    assert [int(dataset.class_names[k]) for k in dataset.labels] == y.tolist()
    assert [int(dataset.class_names[k]) for k in dataset.test.open_().labels] == y[:5].tolist()


def test_duplicates_across_the_parts_are_counted_by_test_example() -> None:
    x = np.arange(40.0).reshape(20, 2)
    x_test = np.array([x[3], x[3], [-1.0, -1.0]])
    dataset = from_arrays(x, Y, x_test=x_test, y_test=[0, 1, 0])
    assert dataset.duplicates_across_splits == 2


@given(
    st.tuples(st.sampled_from([np.uint8, np.float32]), st.integers(1, 17)).flatmap(
        lambda kind: st.tuples(
            *(
                # Few values and many rows: copies, and rows that differ in their order alone.
                hnp.arrays(kind[0], (rows, kind[1]), elements=st.integers(0, 1))
                for rows in (12, 9)
            )
        )
    )
)
def test_only_rows_equal_in_every_byte_are_duplicates(arrays) -> None:
    features, test_features = arrays
    wanted = sum(any((row == other).all() for other in features) for row in test_features)
    assert count_duplicates(features, test_features) == wanted


def _with(value: float, row: int = 7, column: int = 1) -> np.ndarray:
    x = X.copy()
    x[row, column] = value
    return x


BROKEN = [
    ((_with(np.nan), Y), {}, r"x\[7, 1\]: features must be finite .* but got nan"),
    ((_with(np.inf), Y), {}, r"x\[7, 1\]: .* but got inf"),
    ((_with(1e300), Y), {}, r"x\[7, 1\]: features must be finite float32 .* but got 1e\+300"),
    ((X.astype(str), Y), {}, "x: must hold numbers, but its type is <U"),
    ((X.astype(complex), Y), {}, "x: must hold numbers"),
    ((X.astype(object), Y), {}, "x: must hold numbers, but its type is object"),
    (([[1, 2], [3]], [0, 1]), {}, "x: rows must have one length"),
    ((X[:, 0], Y), {}, r"x: must have the shape \(examples, features\)"),
    ((np.zeros((20, 2, 2, 2, 2)), Y), {}, "x: must have the shape"),
    ((X[:0], Y[:0]), {}, "x: must not be empty"),
    ((X[:, :0], Y), {}, "x: must not be empty"),
    ((X, Y[:-1]), {}, "one entry per example, but have 20 and 19"),
    ((X, np.zeros(20, int)), {}, "at least 2 classes must occur, but found only '0'"),
    (
        (X, [0] * 19 + [1]),
        {},
        "every class needs at least 2 examples .* '1' has 1; .* or say task = 'regression'",
    ),
    ((X, np.arange(20)), {}, "20 examples hold 20 different values"),
    ((X, Y + 0.5), {"task": "classification"}, r"y\[0\]: labels must be classes .* 'regression'"),
    ((X, Y), {"task": "ranking"}, "task must be classification or regression, but got 'ranking'"),
    ((X, ["a", "b"] * 10), {"task": "regression"}, "y: must hold numbers to predict"),
    ((X, [0.5] * 19 + [np.inf]), {"task": "regression"}, r"y\[19\]: must be a finite float32"),
    ((X, [0.5] * 19 + [1e39]), {"task": "regression"}, r"y\[19\]: must be a finite float32"),
    (
        (np.zeros((80, 1)), np.arange(80) % 40),
        {},
        "40 different whole numbers .* task = 'regression'",
    ),
    ((X, [*([0.0, 1.0] * 9), np.nan, 1.0]), {}, r"y\[18\]: the label is missing"),
    ((X, [*(["a", "b"] * 9), None, "a"]), {}, r"y\[18\]: the label is missing"),
    ((X, [*(["a", "b"] * 9), " ", "a"]), {}, r"y\[18\]: the label is missing"),
    ((X, [*(["a", "b"] * 9), [1], "a"]), {}, r"y"),
    ((X, np.eye(2)[Y]), {}, r"one-hot labels become classes with y.argmax"),
    ((X, Y.astype(complex)), {}, "labels must be integers, booleans or text"),
    ((X, Y), {"class_names": ["only"]}, "2 to 65,535 class names, but got 1"),
    ((X, Y), {"class_names": ["a", "a"]}, "'a' occurs twice"),
    ((X, Y + 1), {"class_names": ["a", "b"]}, r"y\[1\]: labels must lie in 0 … 1, but got 2"),
    ((X, Y - 1), {"class_names": ["a", "b"]}, r"y\[0\]: labels must lie in 0 … 1, but got -1"),
    ((X, ["a", "b"] * 10), {"class_names": ["a", "b"]}, "labels must be integers 0 … 1"),
    ((X, Y), {"feature_names": ["a"]}, "must name the 2 features, but names 1"),
    ((X, Y), {"feature_names": ["a", "a"]}, "'a' occurs twice"),
    ((X, Y), {"image_shape": (3, 3)}, r"image_shape must be .* of 2 values, but got \(3, 3\)"),
    ((X, Y), {"image_shape": (-1, -2)}, "image_shape"),
    ((X, Y), {"test_fraction": 0.0}, "0 < test_fraction < 1"),
    ((X, Y), {"test_fraction": 1.5}, "0 < test_fraction < 1"),
    ((X, Y), {"test_fraction": 0.001}, "too few to hold out"),
    ((X, Y), {"x_test": X}, "needs both x_test and y_test"),
    ((X, Y), {"x_test": X[:, :1], "y_test": Y}, "the 2 features of the other examples, but has 1"),
    ((X, Y), {"x_test": X[:3], "y_test": Y[:2]}, "have 3 and 2"),
    ((X, Y), {"x_test": X[:2], "y_test": [0, 5]}, r"y_test\[1\]: must be one of the 2 classes"),
    ((X, Y), {"x_test": X[:2], "y_test": ["a", "b"]}, r"y_test\[0\]: must be one of the 2"),
    ((X, ["a", "b"] * 10), {"x_test": X[:2], "y_test": [0, 1]}, r"y_test\[0\]: must be one of"),
    ((X, Y), {"x_test": _with(np.nan)[:9], "y_test": Y[:9]}, r"x_test\[7, 1\]"),
    (
        (pd.DataFrame({"a": [1] * 20, "b": ["x"] * 20}), Y),
        {},
        "has none .'a': the same in every row",
    ),
    ((pd.DataFrame({"a": [1.0] * 19 + [np.inf]}), Y), {}, "row 20, column 'a': .* is inf"),
]


@pytest.mark.parametrize(("arrays", "options", "message"), BROKEN)
def test_broken_arrays_say_in_one_line_what_is_wrong(arrays, options, message) -> None:
    with pytest.raises(DataError, match=message) as caught:
        from_arrays(*arrays, name="mine", **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("mine")

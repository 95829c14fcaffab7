"""Scaling is fitted on the training part and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.dense.scaling import fit_scaling
from bakeoff.errors import UsageError

MATRICES = st.one_of(
    hnp.arrays(np.uint8, st.tuples(st.integers(2, 40), st.integers(1, 6))),
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 40), st.integers(1, 6)),
        elements=st.floats(-1000, 1000, width=32),
    ),
)


def _train_rows(features: np.ndarray) -> np.ndarray:
    return np.arange(0, len(features), 2, dtype=np.int32)


@given(MATRICES)
def test_standard_gives_the_training_part_mean_zero_and_sd_one(features) -> None:
    rows = _train_rows(features)
    scaling = fit_scaling(features, rows, "standard")
    part = features[rows].astype(np.float64)
    np.testing.assert_allclose(scaling.shift, part.mean(axis=0), rtol=1e-6, atol=1e-30)
    varies = part.min(axis=0) < part.max(axis=0)
    np.testing.assert_array_equal(scaling.factor[~varies], 1.0)
    np.testing.assert_allclose(
        scaling.factor[varies].astype(float) * part.std(axis=0)[varies], 1.0, rtol=1e-5
    )


@given(MATRICES, st.sampled_from(["none", "unit", "standard"]), st.integers(0, 2**32))
def test_examples_outside_the_training_part_change_nothing(features, scale, seed) -> None:
    rows = _train_rows(features)
    before = fit_scaling(features, rows, scale)
    changed = features.copy()
    other = np.setdiff1d(np.arange(len(features)), rows)
    changed[other] = np.random.default_rng(seed).integers(0, 255, changed[other].shape)
    after = fit_scaling(changed, rows, scale)
    np.testing.assert_array_equal(before.shift, after.shift)
    np.testing.assert_array_equal(before.factor, after.factor)


@given(MATRICES)
def test_scalings_are_finite_float32_of_the_promised_shapes_and_frozen(features) -> None:
    rows = _train_rows(features)
    unit = (1,) if features.dtype == np.uint8 else (features.shape[1],)
    for scale, shape in (("none", (1,)), ("unit", unit), ("standard", (features.shape[1],))):
        scaling = fit_scaling(features, rows, scale)
        for array in (scaling.shift, scaling.factor):
            assert array.dtype == np.float32
            assert array.shape == shape
            assert np.isfinite(array).all()
            assert not array.flags.writeable


def test_none_is_the_identity() -> None:
    scaling = fit_scaling(np.ones((3, 2), np.float32), np.arange(3, dtype=np.int32), "none")
    assert scaling.shift == 0.0
    assert scaling.factor == 1.0


def test_unit_divides_bytes_by_255_whatever_the_largest_byte_is() -> None:
    scaling = fit_scaling(np.full((3, 2), 7, np.uint8), np.arange(3, dtype=np.int32), "unit")
    assert scaling.factor == np.float32(1 / 255)


def test_unit_divides_columns_by_their_largest_absolute_training_value() -> None:
    features = np.array([[1.0, -8.0, 0.0], [2.0, 3.0, 0.0], [100.0, 0.0, 9.0]], np.float32)
    rows = np.array([0, 1], np.int32)
    assert fit_scaling(features, rows, "unit").factor.tolist() == [0.5, 0.125, 1.0]
    assert fit_scaling(features, rows, "unit", pictures=True).factor.tolist() == [0.125]


@pytest.mark.parametrize("scale", ["unit", "standard"])
@pytest.mark.parametrize("value", [0.0, 1e-45])
def test_values_that_cannot_be_divided_by_keep_factor_one(scale, value) -> None:
    features = np.array([[value], [0.0]], np.float32)
    assert fit_scaling(features, np.arange(2, dtype=np.int32), scale).factor == 1.0


def test_a_constant_feature_far_from_zero_is_only_shifted() -> None:
    # 0.1 has no exact sum in binary: a naive variance would be tiny instead of zero.
    features = np.full((3000, 1), 0.1, np.float32)
    scaling = fit_scaling(features, np.arange(3000, dtype=np.int32), "standard")
    assert scaling.shift == np.float32(0.1)
    assert scaling.factor == 1.0


def test_long_matrices_are_summed_over_all_their_chunks() -> None:
    rng = np.random.default_rng(0)
    for features in (
        rng.integers(0, 256, (5000, 3)).astype(np.uint8),
        rng.normal(5, 2, (5000, 3)).astype(np.float32),
    ):
        rows = rng.permutation(5000)[:4001].astype(np.int32)
        scaling = fit_scaling(features, rows, "standard")
        part = features[rows].astype(np.float64)
        np.testing.assert_allclose(scaling.shift, part.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(scaling.factor, 1 / part.std(axis=0), rtol=1e-6)


def test_unknown_words_and_empty_training_parts_are_errors() -> None:
    features = np.ones((2, 2), np.float32)
    with pytest.raises(UsageError, match="none, unit or standard, but got 'minmax'"):
        fit_scaling(features, np.arange(2, dtype=np.int32), "minmax")
    with pytest.raises(UsageError, match="needs a training part"):
        fit_scaling(features, np.empty(0, np.int32), "standard")

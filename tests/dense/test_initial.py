"""Initial weights: Keras's distributions, from streams that no other setting enters."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, norm, truncnorm

from bakeoff.dense.jobs import initial_layers, kernel_from_uniform
from bakeoff.dense.settings import KERNEL_INITIALIZERS, DenseSettings

FAN_IN, FAN_OUT = 300, 200
VARIANCES = {"glorot": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "lecun": 1 / FAN_IN}


def first_kernel(initializer: str) -> np.ndarray:
    settings = DenseSettings(hidden=(FAN_OUT,), kernel_initializer=initializer)
    return initial_layers(settings, FAN_IN, 10, study_seed=3, replicate=0)[0].kernel


def test_layers_have_the_shapes_of_the_network_and_biases_of_zero() -> None:
    layers = initial_layers(DenseSettings(hidden=(5, 4)), 7, 3, study_seed=0, replicate=0)
    assert [layer.kernel.shape for layer in layers] == [(7, 5), (5, 4), (4, 3)]
    assert [layer.bias.shape for layer in layers] == [(5,), (4,), (3,)]
    for layer in layers:
        assert layer.kernel.dtype == layer.bias.dtype == np.float32
        assert layer.kernel.flags.c_contiguous
        assert not layer.bias.any()


def test_without_hidden_layers_there_is_one_kernel_from_features_to_classes() -> None:
    (layer,) = initial_layers(DenseSettings(hidden=()), 7, 3, study_seed=0, replicate=0)
    assert layer.kernel.shape == (7, 3)


@pytest.mark.parametrize("family", VARIANCES)
def test_uniform_initializers_follow_their_distribution(family: str) -> None:
    limit = math.sqrt(3 * VARIANCES[family])
    kernel = first_kernel(f"{family}_uniform")
    assert np.abs(kernel).max() <= limit * (1 + 1e-6)
    assert kstest((kernel.ravel() + limit) / (2 * limit), "uniform").pvalue > 0.001


@pytest.mark.parametrize("family", VARIANCES)
def test_normal_initializers_are_cut_at_two_sd_and_keep_their_variance(family: str) -> None:
    kernel = first_kernel(f"{family}_normal")
    variance = VARIANCES[family]
    uncut = math.sqrt(variance) / truncnorm(-2, 2).std()
    assert np.abs(kernel).max() <= 2 * uncut * (1 + 1e-6)
    assert kernel.var() == pytest.approx(variance, rel=0.02)
    assert kstest(kernel.ravel() / uncut, truncnorm(-2, 2).cdf).pvalue > 0.001


def test_random_initializers_ignore_the_shape() -> None:
    uniform, normal = first_kernel("random_uniform"), first_kernel("random_normal")
    assert kstest((uniform.ravel() + 0.05) / 0.1, "uniform").pvalue > 0.001
    assert kstest(normal.ravel() / 0.05, norm.cdf).pvalue > 0.001


@pytest.mark.parametrize("initializer", KERNEL_INITIALIZERS)
def test_spread_and_range_are_those_that_keras_draws(
    initializer: str, keras_golden: dict[str, np.ndarray]
) -> None:
    index = json.loads(str(keras_golden["about"]))["initializers"].index(initializer)
    keras_sd, keras_max = keras_golden["initializer_moments"][index]
    kernel = first_kernel(initializer)
    assert kernel.std() == pytest.approx(keras_sd, rel=0.02)
    # The largest of 60,000 uncut normals scatters; the ends of the other distributions do not.
    assert np.abs(kernel).max() == pytest.approx(
        keras_max, rel=0.2 if initializer == "random_normal" else 0.01
    )


@pytest.mark.parametrize("initializer", KERNEL_INITIALIZERS)
def test_the_ends_of_the_uniform_numbers_give_finite_weights(initializer: str) -> None:
    ends = np.array([[0.0, 1.0 - 2.0**-53]])
    assert np.isfinite(kernel_from_uniform(initializer, ends)).all()  # type: ignore[arg-type]


@given(
    learning_rate=st.floats(1e-5, 10.0),
    batch_size=st.integers(1, 1000),
    activation=st.sampled_from(["relu", "tanh", "gelu"]),
    optimizer=st.sampled_from(["sgd", "adam"]),
)
def test_no_other_setting_changes_the_initial_weights(
    learning_rate: float, batch_size: int, activation: str, optimizer: str
) -> None:
    plain = initial_layers(DenseSettings(hidden=(4,)), 5, 3, study_seed=1, replicate=2)
    other = initial_layers(
        DenseSettings(
            hidden=(4,),
            learning_rate=learning_rate,
            batch_size=batch_size,
            activation=activation,
            optimizer=optimizer,
        ),
        5,
        3,
        study_seed=1,
        replicate=2,
    )
    for a, b in zip(plain, other, strict=True):
        np.testing.assert_array_equal(a.kernel, b.kernel)


def test_replicates_seeds_and_layers_start_differently() -> None:
    settings = DenseSettings(hidden=(6, 6))

    def kernels(study_seed: int, replicate: int) -> list[bytes]:
        layers = initial_layers(settings, 6, 6, study_seed=study_seed, replicate=replicate)
        return [layer.kernel.tobytes() for layer in layers]

    different = {*kernels(0, 0), *kernels(0, 1), *kernels(1, 0)}
    assert len(different) == 9
    assert kernels(0, 0) == kernels(0, 0)

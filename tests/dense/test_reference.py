"""The reference engine against real Keras, numeric derivatives and the contract of ``Engine``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import golden_cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.dense.base import Engine, Job, Layer, Watch
from bakeoff.dense.network import Network, activate, keep_mask, slope
from bakeoff.dense.reference import ReferenceEngine, scaled
from bakeoff.dense.settings import ACTIVATIONS, OPTIMIZERS, DenseSettings

CASES = golden_cases.cases()
ENGINE: Engine = ReferenceEngine()


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def flat(weights: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.concatenate([part.ravel() for pair in weights for part in pair])


def tiny(**values: Any) -> Job:
    return golden_cases.job(DenseSettings(**{**golden_cases.BASE, **values}))


# --- against Keras -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_weights_are_those_that_keras_trains(
    name: str, keras_golden: dict[str, np.ndarray]
) -> None:
    """Three epochs, smaller last batch; what is left is the order of additions in float64."""
    weights = flat(ReferenceEngine().weights(golden_cases.job(CASES[name])))
    assert relative_difference(weights, keras_golden[f"{name}:weights"]) < 1e-7


@pytest.mark.parametrize("name", CASES)
def test_curves_are_those_that_keras_prints(name: str, keras_golden: dict[str, np.ndarray]) -> None:
    history = ENGINE.train(golden_cases.job(CASES[name]), Watch()).history
    curves = [history.train_loss, history.train_accuracy, history.val_loss, history.val_accuracy]
    np.testing.assert_allclose(curves, keras_golden[f"{name}:curves"], rtol=1e-6, atol=1e-7)


def test_the_golden_numbers_belong_to_todays_cases(keras_golden: dict[str, np.ndarray]) -> None:
    """A case that is changed must be trained by Keras again."""
    about = json.loads(str(keras_golden["about"]))
    # What is left out has its default: a setting that came later.
    theirs = {
        name: DenseSettings.model_validate(values) for name, values in about["settings"].items()
    }
    assert theirs == CASES


def test_every_activation_and_optimizer_has_a_golden_case() -> None:
    assert {settings.activation for settings in CASES.values()} == set(ACTIVATIONS)
    assert {settings.optimizer for settings in CASES.values()} == set(OPTIMIZERS)


# --- equations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_are_the_derivatives_of_the_activations(activation: str) -> None:
    settings = DenseSettings(activation=activation, negative_slope=0.3)
    z = np.concatenate([np.linspace(-6.0, -0.01, 200), np.linspace(0.01, 6.0, 200)])
    step = 1e-6
    numeric = (activate(settings, z + step) - activate(settings, z - step)) / (2 * step)
    np.testing.assert_allclose(slope(settings, z), numeric, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_slopes_stay_finite_far_out(activation: str) -> None:
    settings = DenseSettings(activation=activation)
    z = np.array([-1e4, -800.0, -30.0, 0.0, 30.0, 800.0, 1e4])
    assert np.isfinite(activate(settings, z)).all()
    assert np.isfinite(slope(settings, z)).all()


def test_gradients_are_the_derivatives_of_the_loss() -> None:
    """Plain SGD with rate 1 moves each weight by its gradient: compare with differences."""
    settings = DenseSettings(
        hidden=(4, 3), activation="tanh", l2=0.01, label_smoothing=0.1, dropout=0.25
    )
    rng = np.random.Generator(np.random.PCG64(0))
    sizes = [(5, 4), (4, 3), (3, 3)]
    layers = tuple(
        Layer(rng.normal(size=size).astype(np.float32), rng.normal(size=size[1]).astype(np.float32))
        for size in sizes
    )
    x, labels = rng.normal(size=(6, 5)), rng.integers(0, 3, 6).astype(np.int32)

    def objective(network: Network) -> float:
        """Loss with smoothing and penalty, written down a second time, from the definitions."""
        h = x
        for index in (0, 1):
            h = np.tanh(h @ network.kernels[index].value + network.biases[index].value)
            mask = keep_mask((3, 4), step=7, layer=index, num_rows=6, width=h.shape[1], rate=0.25)
            h = h * mask / 0.75
        z = h @ network.kernels[2].value + network.biases[2].value
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        target = 0.9 * np.eye(3)[labels] + 0.1 / 3
        penalty = 0.01 * sum(float((k.value**2).sum()) for k in network.kernels)
        return float(-(target * np.log(p)).sum(axis=1).mean()) + penalty

    stepped = Network(settings, layers)
    stepped.train_step(x, labels, 1.0, 7, (3, 4))
    network = Network(settings, layers)
    for kind in ("kernels", "biases"):
        for weight, after in zip(getattr(network, kind), getattr(stepped, kind), strict=True):
            for place in np.ndindex(weight.value.shape):
                before = weight.value[place]
                values = []
                for change in (1e-6, -1e-6):
                    weight.value[place] = before + change
                    values.append(objective(network))
                weight.value[place] = before
                gradient = (values[0] - values[1]) / 2e-6
                assert before - after.value[place] == pytest.approx(gradient, abs=1e-7)


# --- the contract ------------------------------------------------------------------------------


def test_final_weights_are_the_float64_ones_rounded() -> None:
    job = tiny(activation="elu")
    trained = ENGINE.train(job, Watch())
    for layer, (kernel, bias) in zip(trained.layers, ReferenceEngine().weights(job), strict=True):
        assert layer.kernel.dtype == layer.bias.dtype == np.float32
        np.testing.assert_array_equal(layer.kernel, kernel.astype(np.float32))
        np.testing.assert_array_equal(layer.bias, bias.astype(np.float32))


def test_nothing_is_written_into_the_job() -> None:
    job = tiny(optimizer="adamw")
    before = [job.features.copy(), *(layer.kernel.copy() for layer in job.layers)]
    ENGINE.train(job, Watch())
    after = [job.features, *(layer.kernel for layer in job.layers)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_same_job_gives_the_same_bits() -> None:
    runs = [ENGINE.train(tiny(dropout=0.2), Watch()) for _ in range(2)]
    for a, b in zip(runs[0].layers, runs[1].layers, strict=True):
        np.testing.assert_array_equal(a.kernel, b.kernel)
    np.testing.assert_array_equal(runs[0].history.train_loss, runs[1].history.train_loss)


def test_history_and_watch_tell_the_same_curve() -> None:
    seen: list[tuple[float, ...]] = []
    trained = ENGINE.train(tiny(epochs=4), Watch(lambda *values: seen.append(values)))
    history = trained.history
    assert history.num_epochs == 4
    assert [values[0] for values in seen] == [0, 1, 2, 3]
    columns = [history.train_loss, history.train_accuracy, history.val_loss, history.val_accuracy]
    np.testing.assert_array_equal(np.array(seen)[:, 1:].T, columns)


def test_last_validation_values_belong_to_predictions_and_logits() -> None:
    job = tiny(activation="gelu", learning_rate=0.3)
    trained = ENGINE.train(job, Watch())
    labels = job.labels[job.val_rows]
    assert trained.val_predictions.dtype == np.uint16
    assert (trained.val_predictions == labels).mean() == trained.history.val_accuracy[-1]
    logits = ENGINE.logits(job.settings, trained.layers, job.scaling, job.features, job.val_rows)
    assert logits.shape == (len(labels), 3)
    np.testing.assert_array_equal(logits.argmax(axis=1), trained.val_predictions)
    z = logits.astype(np.float64)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]
    assert losses.mean() == pytest.approx(trained.history.val_loss[-1], rel=1e-5)


def test_logits_of_all_rows_are_in_their_order() -> None:
    job = tiny()
    every = ENGINE.logits(job.settings, job.layers, job.scaling, job.features)
    rows = np.array([5, 0, 5], np.int32)
    some = ENGINE.logits(job.settings, job.layers, job.scaling, job.features, rows)
    np.testing.assert_allclose(some, every[rows], rtol=1e-6)


def test_bytes_and_the_same_numbers_as_floats_train_alike() -> None:
    job = tiny(activation="tanh")
    floats = dataclasses.replace(job, features=job.features.astype(np.float32))
    a, b = (flat(ReferenceEngine().weights(each)) for each in (job, floats))
    np.testing.assert_array_equal(a, b)


def test_scaling_is_the_affine_map_of_the_record() -> None:
    job = tiny()
    x = scaled(job.features, np.array([2], np.int32), job.scaling)
    np.testing.assert_allclose(x[0], (job.features[2].astype(float) - 64.0) / 128.0)


def test_without_validation_rows_the_validation_history_is_nan() -> None:
    job = dataclasses.replace(tiny(), val_rows=np.zeros(0, np.int32))
    trained = ENGINE.train(job, Watch())
    assert np.isnan(trained.history.val_loss).all()
    assert np.isnan(trained.history.val_accuracy).all()
    assert np.isfinite(trained.history.train_loss).all()
    assert len(trained.val_predictions) == 0
    assert trained.health == ()


def test_a_diverging_run_stops_and_says_so() -> None:
    job = tiny(activation="linear", learning_rate=1e6, epochs=50)
    trained = ENGINE.train(job, Watch())
    assert trained.stopped == "diverged"
    assert trained.history.num_epochs < 50
    assert np.isfinite(trained.history.train_loss).all()


def test_a_weight_beyond_float32_is_divergence_though_the_loss_is_finite() -> None:
    """The layers are handed out in float32, where such a weight would be infinite."""
    job = tiny(hidden=[], epochs=2, learning_rate=1e-3)
    huge = tuple(Layer(np.full_like(layer.kernel, 3e38), layer.bias) for layer in job.layers)
    features = np.zeros_like(job.features, np.float32)
    still = dataclasses.replace(
        job,
        layers=huge,
        features=features + 64.0,  # scaled to exact zeros: the kernel gets L2's gradient alone
        settings=DenseSettings(hidden=(), batch_size=8, epochs=2, learning_rate=1.0, l2=2.0),
        learning_rates=lambda _: np.ones(5),
    )
    trained = ENGINE.train(still, Watch())
    assert trained.stopped == "diverged"
    assert trained.history.num_epochs == 0


def test_a_cancelled_run_keeps_its_finished_epochs() -> None:
    watch = Watch()
    watch.on_epoch = lambda epoch, *_: watch.cancel() if epoch == 1 else None
    trained = ENGINE.train(tiny(epochs=9), watch)
    assert trained.stopped == "cancelled"
    assert trained.history.num_epochs == 2
    assert len(trained.val_predictions) == 0


@given(
    num_train=st.integers(1, 12),
    batch_size=st.integers(1, 20),
    hidden=st.lists(st.integers(1, 4), max_size=3),
    optimizer=st.sampled_from(OPTIMIZERS),
    dropout=st.sampled_from([0.0, 0.4]),
)
def test_every_small_shape_trains(
    num_train: int, batch_size: int, hidden: list[int], optimizer: str, dropout: float
) -> None:
    job = tiny(batch_size=batch_size, hidden=hidden, optimizer=optimizer, dropout=dropout, epochs=2)
    rows = job.train_rows[:num_train]
    small = dataclasses.replace(
        job,
        train_rows=rows,
        order=lambda epoch: np.roll(np.arange(num_train, dtype=np.int32), epoch),
    )
    trained = ENGINE.train(small, Watch())
    assert trained.stopped is None
    assert trained.history.num_epochs == 2
    assert [layer.kernel.shape for layer in trained.layers] == [
        layer.kernel.shape for layer in job.layers
    ]
    assert len(trained.health) == len(hidden)


def test_training_learns_what_can_be_learned() -> None:
    history = ENGINE.train(tiny(hidden=[16], epochs=60, activation="tanh"), Watch()).history
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]


# --- health ------------------------------------------------------------------------------------


def with_first_layer(job: Job, kernel_scale: float, bias: list[float]) -> Job:
    first, *others = job.layers
    changed = Layer(np.full_like(first.kernel, kernel_scale), np.array(bias, np.float32))
    return dataclasses.replace(job, layers=(changed, *others), learning_rates=lambda _: np.zeros(5))


def test_dead_units_are_counted_for_relu_only() -> None:
    for activation, dead in (("relu", 0.5), ("leaky_relu", 0.0), ("silu", 0.0)):
        job = tiny(hidden=[4], activation=activation, epochs=1)
        job = with_first_layer(job, 0.0, [-1.0, 1.0, -2.0, 3.0])
        (health,) = ENGINE.train(job, Watch()).health
        assert (health.dead, health.saturated) == (dead, 0.0)


def test_saturated_units_are_counted_for_sigmoid_and_tanh() -> None:
    expected = {"sigmoid": 0.5, "tanh": 0.75, "relu": 0.0}
    for activation, saturated in expected.items():
        job = tiny(hidden=[4], activation=activation, epochs=1)
        # sigmoid(4) = .982 is not within 1 % of the end, tanh(4) is.
        job = with_first_layer(job, 0.0, [-5.0, 4.0, 0.0, 8.0])
        (health,) = ENGINE.train(job, Watch()).health
        assert health.saturated == saturated


def test_a_network_without_hidden_layers_has_no_health() -> None:
    assert ENGINE.train(tiny(hidden=[]), Watch()).health == ()

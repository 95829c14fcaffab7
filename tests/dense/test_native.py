"""The native engine against the reference engine, under every instruction set of this machine."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pickle
from typing import Any

import golden_cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from native_samples import KINDS, flat, relative_difference, run_settings, sample_job

from bakeoff.dense.base import Engine, Job, Layer, Scaling, TrainedRun, Watch
from bakeoff.dense.native import NativeEngine, available_instruction_sets
from bakeoff.dense.reference import ReferenceEngine
from bakeoff.dense.settings import ACTIVATIONS, DenseSettings
from bakeoff.errors import EngineError

REFERENCE: Engine = ReferenceEngine()
SETS = available_instruction_sets()
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam", "learning_rate": 0.005},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.005},
    "rmsprop": {"optimizer": "rmsprop"},
}
EXTRAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "l2": {"l2": 0.01},
    "schedules": {"schedule": "cosine", "warmup_epochs": 0.5, "label_smoothing": 0.1},
    "dropout": {"dropout": 0.3, "schedule": "exponential"},
}


@pytest.fixture(scope="module", params=SETS)
def engine(request: pytest.FixtureRequest) -> NativeEngine:
    engine = NativeEngine(request.param)
    assert engine.name == f"native/2/{request.param}"
    return engine


@functools.cache
def reference_run(settings: DenseSettings, kind: str, **sizes: int) -> tuple[Job, TrainedRun]:
    """A job and what the reference makes of it, once for all instruction sets."""
    job = sample_job(settings, kind, **sizes)
    return job, REFERENCE.train(job, Watch())


def assert_same_run(
    engine: Engine, settings: DenseSettings, kind: str = "sparse bytes", **sizes: int
) -> None:
    job, theirs = reference_run(settings, kind, **sizes)
    ours = engine.train(job, Watch())
    assert ours.stopped is theirs.stopped is None
    assert relative_difference(ours.layers, theirs.layers) < 1e-4
    for curve in ("train_loss", "val_loss"):
        np.testing.assert_allclose(
            getattr(ours.history, curve), getattr(theirs.history, curve), rtol=1e-4
        )
    # A prediction may flip where two logits are equal to rounding; none does on this data.
    for curve in ("train_accuracy", "val_accuracy"):
        np.testing.assert_array_equal(getattr(ours.history, curve), getattr(theirs.history, curve))
    np.testing.assert_array_equal(ours.val_predictions, theirs.val_predictions)
    assert ours.val_predictions.dtype == np.uint16
    for layer, expected in zip(ours.health, theirs.health, strict=True):
        assert layer.dead == pytest.approx(expected.dead, abs=1e-12)
        assert layer.saturated == pytest.approx(expected.saturated, abs=2e-3)


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_three_epochs_match_the_reference(
    engine: NativeEngine, activation: str, optimizer: str, extra: str
) -> None:
    """Every activation with every optimizer, each kind of data in turn."""
    number = ACTIVATIONS.index(activation) + list(OPTIMIZERS).index(optimizer)
    values = {"activation": activation, **OPTIMIZERS[optimizer], **EXTRAS[extra]}
    assert_same_run(engine, run_settings(**values), KINDS[number % len(KINDS)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_size", [1, 7, 32, 150, 1_000_000_000])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batch_sizes(engine: NativeEngine, kind: str, batch_size: int, optimizer: str) -> None:
    """One example per step, a last smaller batch, and more than there are examples."""
    assert_same_run(engine, run_settings(batch_size=batch_size, optimizer=optimizer), kind)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("kind", ["sparse bytes", "full floats"])
def test_steps_of_several_chunks(engine: NativeEngine, kind: str, optimizer: str) -> None:
    """A batch larger than what the kernels take at once gives one step, not several."""
    settings = run_settings(batch_size=700, l2=0.001, dropout=0.2, **OPTIMIZERS[optimizer])
    assert_same_run(engine, settings, kind, num_train=1500, num_validation=300)


@pytest.mark.parametrize("kind", ["sparse bytes", "full floats"])
@pytest.mark.parametrize(
    ("hidden", "num_features", "num_classes"),
    [
        ((), 37, 5),
        ((1,), 1, 2),
        ((3,), 1, 2),
        ((13, 1, 17), 7, 3),
        ((31, 37), 65, 11),
        ((64, 128), 64, 10),
        ((127, 16), 129, 17),
        ((257,), 130, 33),
        ((2,) * 6, 5, 2),
        ((33,), 300, 70),
    ],
)
def test_shapes(
    engine: NativeEngine, kind: str, hidden: tuple[int, ...], num_features: int, num_classes: int
) -> None:
    """No hidden layer, prime widths, one feature, two classes, more classes than lanes."""
    settings = run_settings(hidden=hidden, activation="tanh", momentum=0.5)
    assert_same_run(engine, settings, kind, num_features=num_features, num_classes=num_classes)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    hidden=st.lists(st.integers(1, 70), max_size=3),
    num_features=st.integers(1, 140),
    num_classes=st.integers(2, 20),
    num_train=st.integers(1, 90),
    batch_size=st.integers(1, 100),
    kind=st.sampled_from(KINDS),
    activation=st.sampled_from(ACTIVATIONS),
    optimizer=st.sampled_from(["sgd", "momentum", "nesterov", "adamw"]),
    extra=st.sampled_from(list(EXTRAS)),
    instruction_set=st.sampled_from(SETS),
)
def test_any_shape_matches_the_reference(
    hidden: list[int],
    num_features: int,
    num_classes: int,
    num_train: int,
    batch_size: int,
    kind: str,
    activation: str,
    optimizer: str,
    extra: str,
    instruction_set: str,
) -> None:
    """Whatever the shape, three epochs stay within 1e-4 of the reference."""
    settings = run_settings(
        hidden=tuple(hidden),
        batch_size=batch_size,
        activation=activation,
        **OPTIMIZERS[optimizer],
        **EXTRAS[extra],
    )
    job = sample_job(
        settings,
        kind,
        num_train=num_train,
        num_validation=9,
        num_features=num_features,
        num_classes=num_classes,
    )
    ours = NativeEngine(instruction_set).train(job, Watch())
    theirs = REFERENCE.train(job, Watch())
    # One class in a small batch, an entry of exactly 0: kernels may lie near zero as a whole, so
    # the weights are compared all together.
    a, b = flat(ours.layers), flat(theirs.layers)
    assert np.linalg.norm(a - b) / np.linalg.norm(b) < 1e-4
    np.testing.assert_allclose(ours.history.val_loss, theirs.history.val_loss, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", golden_cases.cases())
def test_weights_are_those_that_keras_trains(
    engine: NativeEngine, name: str, keras_golden: dict[str, np.ndarray]
) -> None:
    """Every configuration that real Keras trained in float64, within 1e-4."""
    ours = flat(engine.train(golden_cases.job(golden_cases.cases()[name]), Watch()).layers)
    keras = keras_golden[f"{name}:weights"]
    assert np.linalg.norm(ours - keras) / np.linalg.norm(keras) < 1e-4


def test_the_widest_layer_trains(engine: NativeEngine) -> None:
    """65,536 units, the most that settings allow."""
    settings = run_settings(hidden=(65_536,), epochs=1, batch_size=8, learning_rate=1e-3)
    sizes = {"num_train": 24, "num_validation": 8, "num_features": 3, "num_classes": 2}
    assert_same_run(engine, settings, **sizes)


def test_same_job_same_bits(engine: NativeEngine) -> None:
    """Two runs of one job give the same bytes, dropout and all."""
    job = sample_job(run_settings(dropout=0.5, activation="gelu", optimizer="adam"))
    first, second = (flat(engine.train(job, Watch()).layers).tobytes() for _ in range(2))
    assert first == second


def test_sparse_and_dense_first_layers_agree(engine: NativeEngine) -> None:
    """The sparse path computes what the dense path computes, to rounding."""
    nonzero = sample_job(run_settings(activation="sigmoid"), "sparse floats")
    # A shift that rounds away in every product, but forbids the sparse path.
    shift = np.full(nonzero.features.shape[1], 1e-30, np.float32)
    dense = dataclasses.replace(nonzero, scaling=Scaling(shift, nonzero.scaling.factor))
    assert nonzero.scaling.keeps_zeros and not dense.scaling.keeps_zeros
    ours, theirs = engine.train(nonzero, Watch()), engine.train(dense, Watch())
    assert relative_difference(ours.layers, theirs.layers) < 1e-5
    assert not np.array_equal(flat(ours.layers), flat(theirs.layers))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [(), (19, 33)])
def test_logits(engine: NativeEngine, kind: str, hidden: tuple[int, ...]) -> None:
    """Logits of chosen rows and of all rows equal the reference's; dropout is off."""
    settings = run_settings(hidden=hidden, activation="selu", dropout=0.4)
    job = sample_job(settings, kind, num_train=290)
    for rows in (None, job.val_rows, np.array([3, 3, 0], np.int32), np.zeros(0, np.int32)):
        ours = engine.logits(settings, job.layers, job.scaling, job.features, rows)
        theirs = REFERENCE.logits(settings, job.layers, job.scaling, job.features, rows)
        assert ours.dtype == np.float32
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_refit_without_validation_has_no_validation_history(engine: NativeEngine) -> None:
    job = sample_job(run_settings(), num_validation=0)
    run = engine.train(job, Watch())
    assert np.isnan(run.history.val_loss).all() and np.isnan(run.history.val_accuracy).all()
    assert np.isfinite(run.history.train_loss).all()
    assert run.health == () and run.val_predictions.shape == (0,)


def test_a_diverging_run_stops_and_says_so(engine: NativeEngine) -> None:
    """A learning rate that explodes ends as the reference's does: diverged, finished epochs kept."""
    settings = run_settings(learning_rate=1e6, activation="linear", epochs=5)
    for kind in KINDS:
        run = engine.train(sample_job(settings, kind), Watch())
        assert run.stopped == "diverged"
        assert run.history.num_epochs < 5
        assert run.health == () and run.val_predictions.shape == (0,)


def test_history_reaches_the_watch(engine: NativeEngine) -> None:
    """on_epoch hears every epoch with the numbers that the history keeps."""
    heard: list[tuple[float, ...]] = []
    run = engine.train(sample_job(run_settings()), Watch(lambda *values: heard.append(values)))
    assert [epoch for epoch, *_ in heard] == [0, 1, 2]
    columns = [
        run.history.train_loss,
        run.history.train_accuracy,
        run.history.val_loss,
        run.history.val_accuracy,
    ]
    np.testing.assert_array_equal(np.array(heard)[:, 1:], np.array(columns).T)


def test_nothing_is_written_into_the_job(engine: NativeEngine) -> None:
    job = sample_job(run_settings(optimizer="adamw"))
    before = flat(job.layers).tobytes()
    for array in (job.labels, job.train_rows, job.val_rows):
        array.setflags(write=False)
    engine.train(job, Watch())
    assert flat(job.layers).tobytes() == before


def test_results_are_the_callers_own(engine: NativeEngine) -> None:
    """Two runs share no memory, and a result outlives its engine's run."""
    job = sample_job(run_settings())
    first = engine.train(job, Watch())
    kept = flat(first.layers)
    second = engine.train(job, Watch())
    for a, b in itertools.product(first.layers, second.layers):
        assert not np.shares_memory(a.kernel, b.kernel)
    second.layers[0].kernel[:] = 0
    np.testing.assert_array_equal(flat(first.layers), kept)


def test_zero_weights_stay_exact(engine: NativeEngine) -> None:
    """All-zero kernels of a relu network: units are dead, and the health says all of them."""
    settings = run_settings(hidden=(7,), epochs=1, learning_rate=1e-30)
    job = sample_job(settings)
    layers = tuple(Layer(np.zeros_like(x.kernel), np.zeros_like(x.bias)) for x in job.layers)
    run = engine.train(dataclasses.replace(job, layers=layers), Watch())
    assert run.health[0].dead == 1.0
    assert run.history.val_loss[0] == pytest.approx(np.log(5), rel=1e-6)


def test_unknown_settings_do_not_exist(engine: NativeEngine) -> None:
    """The engine refuses nothing that DenseSettings allows."""
    for activation, optimizer in itertools.product(
        ACTIVATIONS, ("sgd", "adam", "adamw", "rmsprop")
    ):
        assert engine.refuses(DenseSettings(activation=activation, optimizer=optimizer)) is None


def test_on_another_machine_it_is_the_same_engine_or_none(monkeypatch) -> None:
    engine = NativeEngine("baseline")
    sent = pickle.dumps(engine)
    assert pickle.loads(sent).name == engine.name
    with pytest.raises(
        EngineError, match=r"does not have the instruction set of native/\d/baselin_"
    ):
        pickle.loads(sent.replace(b"baseline", b"baselin_"))
    monkeypatch.setattr("bakeoff.dense.native.NUMERIC_VERSION", 9)
    with pytest.raises(EngineError, match="its engine is native/9/baseline, the driver's native/"):
        pickle.loads(sent)

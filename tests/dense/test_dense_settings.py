"""What can be set of a dense network: Keras's names and defaults, the counting formulas, what trains the same."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bakeoff.dense.settings import (
    ACTIVATIONS,
    DEFAULT_LEARNING_RATE,
    DENSE_SPACE,
    KERNEL_INITIALIZERS,
    MAX_DEPTH,
    MAX_WIDTH,
    OPTIMIZERS,
    DenseSettings,
)
from bakeoff.settings import Settings
from strategies import VALUES, full_settings_records, settings_dicts


def test_the_names_are_those_of_the_design() -> None:
    assert DENSE_SPACE.names == (
        "scale",
        "hidden",
        "activation",
        "negative_slope",
        "kernel_initializer",
        "dropout",
        "l2",
        "optimizer",
        "momentum",
        "nesterov",
        "weight_decay",
        "learning_rate",
        "schedule",
        "decay_rate",
        "warmup_epochs",
        "batch_size",
        "epochs",
        "patience",
        "label_smoothing",
        "class_weight",
    )
    assert set(VALUES) == set(DENSE_SPACE.names)


def test_the_choices_carry_the_names_keras_gives_them() -> None:
    assert ACTIVATIONS == (
        "linear",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "softplus",
    )
    assert OPTIMIZERS == ("sgd", "adam", "adamw", "rmsprop")
    families = [name.rsplit("_", 1) for name in KERNEL_INITIALIZERS]
    assert families == [
        [family, shape]
        for family in ("glorot", "he", "lecun", "random")
        for shape in ("uniform", "normal")
    ]


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("kernel_initializer", "glorot_uniform"),  # keras.layers.Dense
        ("negative_slope", 0.2),  # keras.activations.leaky_relu
        ("momentum", 0.0),  # keras.optimizers.SGD
        ("nesterov", False),
        ("learning_rate", 0.01),  # keras.optimizers.SGD
        ("weight_decay", 0.004),  # keras.optimizers.AdamW
        ("batch_size", 32),  # keras.Model.fit
        ("label_smoothing", 0.0),  # keras.losses.CategoricalCrossentropy
        ("dropout", 0.0),
        ("l2", 0.0),
        ("scale", "none"),
        ("optimizer", "sgd"),
        ("schedule", "constant"),
        ("warmup_epochs", 0.0),
    ],
)
def test_defaults_are_those_of_keras(name: str, default: object) -> None:
    assert getattr(DenseSettings(), name) == default


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_default_learning_rate_is_that_of_the_optimizer_in_keras(optimizer: Any) -> None:
    expected = {"sgd": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001}
    assert expected == DEFAULT_LEARNING_RATE
    assert DenseSettings(optimizer=optimizer).learning_rate == expected[optimizer]
    assert DenseSettings(optimizer=optimizer, learning_rate=0.5).learning_rate == 0.5


@pytest.mark.parametrize(
    ("hidden", "count"),
    [
        ((32,), 25_450),
        ((64, 64), 55_050),
        ((64, 64, 64), 59_210),
        ((128, 64), 109_386),
        ((64, 128), 59_850),
        ((), 7_850),
    ],
)
def test_parameters_are_counted_as_the_notebook_prints_them(
    hidden: tuple[int, ...], count: int
) -> None:
    assert DenseSettings(hidden=hidden).num_parameters(784, 10) == count


@given(st.lists(st.integers(1, 50), max_size=4), st.integers(1, 40), st.integers(2, 12))
def test_parameters_and_operations_follow_their_formulas(
    hidden: list[int], num_features: int, num_classes: int
) -> None:
    settings = DenseSettings(hidden=tuple(hidden))
    sizes = [num_features, *hidden, num_classes]
    assert settings.layer_sizes(num_features, num_classes) == tuple(sizes)
    parameters = operations = 0
    for number, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        parameters += fan_in * fan_out + fan_out
        operations += (4 if number == 0 else 6) * fan_in * fan_out
    assert settings.num_parameters(num_features, num_classes) == parameters
    assert settings.operations_per_epoch(num_features, num_classes, 100) == 100 * operations


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"optimizer": "adam", "momentum": 0.5}, {"optimizer": "adam"}),
        ({"optimizer": "adam", "nesterov": True}, {"optimizer": "adam"}),
        ({"activation": "relu", "negative_slope": 0.5}, {"activation": "relu"}),
        ({"nesterov": True}, {}),
        ({"weight_decay": 0.5}, {}),
        ({"decay_rate": 0.5, "schedule": "cosine"}, {"schedule": "cosine"}),
        ({"hidden": [], "activation": "tanh"}, {"hidden": [], "activation": "relu"}),
        ({"hidden": [], "dropout": 0.5}, {"hidden": []}),
        ({"hidden": [], "activation": "leaky_relu", "negative_slope": 0.7}, {"hidden": []}),
        ({"learning_rate": 0.01}, {}),
        ({"learning_rate": 1}, {"learning_rate": 1.0}),
        ({"hidden": [32]}, {"hidden": (32,)}),
    ],
)
def test_settings_that_train_the_same_network_have_one_fingerprint(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    one, other = DENSE_SPACE.complete(first), DENSE_SPACE.complete(second)
    assert one.effective() == other.effective()
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"momentum": 0.5}, {}),
        ({"momentum": 0.5, "nesterov": True}, {"momentum": 0.5}),
        ({"activation": "leaky_relu", "negative_slope": 0.5}, {"activation": "leaky_relu"}),
        ({"optimizer": "adamw", "weight_decay": 0.5}, {"optimizer": "adamw"}),
        ({"schedule": "exponential", "decay_rate": 0.5}, {"schedule": "exponential"}),
        ({"hidden": [64, 32]}, {"hidden": [32, 64]}),
        ({"scale": "unit"}, {}),
        ({"epochs": 11}, {}),
        ({"batch_size": 64}, {}),
        ({"label_smoothing": 0.1}, {}),
        ({"warmup_epochs": 0.5}, {}),
        ({"l2": 1e-9}, {}),
        ({"dropout": 0.1}, {}),
        ({"kernel_initializer": "he_normal"}, {}),
    ],
)
def test_settings_that_train_otherwise_have_different_fingerprints(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    one, other = DENSE_SPACE.complete(first), DENSE_SPACE.complete(second)
    assert one.fingerprint() != other.fingerprint()


@given(full_settings_records())
def test_effective_settings_say_the_same_as_all_of_them(settings: Settings) -> None:
    """What ``effective`` leaves out has no effect: filled up with defaults, nothing changes."""
    effective = settings.effective()
    assert DENSE_SPACE.complete(effective).fingerprint() == settings.fingerprint()
    assert set(effective) <= set(DENSE_SPACE.names)


@given(settings_dicts())
def test_settings_survive_json(values: dict[str, Any]) -> None:
    settings = DENSE_SPACE.complete(values)
    again = DENSE_SPACE.complete(json.loads(json.dumps(settings.plain())))
    assert again == settings
    assert hash(again) == hash(settings)


@given(settings_dicts())
def test_the_typed_view_has_the_same_values(values: dict[str, Any]) -> None:
    view = DenseSettings.of(DENSE_SPACE.complete(values))
    assert view == DenseSettings.model_validate(values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", "minmax"),
        ("hidden", 32),
        ("hidden", [0]),
        ("hidden", [32.0]),
        ("hidden", [True]),
        ("hidden", "64"),
        ("hidden", [MAX_WIDTH + 1]),
        ("hidden", [1] * (MAX_DEPTH + 1)),
        ("activation", "Relu"),
        ("negative_slope", -0.1),
        ("negative_slope", 1.1),
        ("dropout", 1.0),
        ("dropout", -1e-9),
        ("l2", -1.0),
        ("optimizer", "SGD"),
        ("momentum", 1.0),
        ("nesterov", 1),
        ("weight_decay", -0.1),
        ("learning_rate", 0.0),
        ("learning_rate", "0.1"),
        ("learning_rate", True),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("schedule", "linear"),
        ("decay_rate", 0.0),
        ("decay_rate", 1.5),
        ("warmup_epochs", -1.0),
        ("warmup_epochs", 11.0),
        ("batch_size", 0),
        ("batch_size", 32.0),
        ("epochs", 0),
        ("epochs", "10"),
        ("label_smoothing", 1.0),
        ("unknown", 1),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        DenseSettings.model_validate({name: value})
    assert caught.value.error_count() == 1


def test_the_coupled_settings_are_exactly_those_that_break_a_rule_together() -> None:
    assert DENSE_SPACE.coupled == ("warmup_epochs", "epochs")
    with pytest.raises(ValidationError, match="`warmup_epochs <= epochs` must hold, but got 5 > 4"):
        DenseSettings(warmup_epochs=5.0, epochs=4)
    assert DenseSettings(warmup_epochs=4.0, epochs=4).warmup_epochs == 4.0


def test_what_is_inert_hangs_on_the_switches_alone() -> None:
    values = DENSE_SPACE.complete({}).plain()
    for name in set(DENSE_SPACE.names) - DENSE_SPACE.switches:
        other = {**values, name: object()}
        assert DENSE_SPACE.inert(other) == DENSE_SPACE.inert(values)


def test_numbers_and_whole_numbers_are_told_by_the_space() -> None:
    assert DENSE_SPACE.integers == {"batch_size", "epochs", "patience"}
    assert DENSE_SPACE.numeric - DENSE_SPACE.integers == {
        "negative_slope",
        "dropout",
        "l2",
        "momentum",
        "weight_decay",
        "learning_rate",
        "decay_rate",
        "warmup_epochs",
        "label_smoothing",
    }

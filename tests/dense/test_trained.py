"""Trained models: prediction against the reference engine, and files that can be trusted."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_samples import examples, sample_model
from safetensors.numpy import save
from scipy.special import softmax

from bakeoff.data.encoding import Encoding
from bakeoff.dense.base import Layer, Scaling
from bakeoff.dense.model import TrainedModel
from bakeoff.dense.reference import ReferenceEngine
from bakeoff.dense.settings import ACTIVATIONS
from bakeoff.errors import BakeoffError, DataError, UsageError
from bakeoff.records import Column


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (7,), (5, 4, 3)])
def test_probabilities_are_those_of_the_reference_engine(activation, hidden) -> None:
    model = sample_model(activation=activation, hidden=hidden)
    x = examples()
    logits = ReferenceEngine().logits(model.settings, model.layers, model.scaling, x)
    probabilities = model.predict_proba(x)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(
        probabilities, softmax(logits.astype(float), axis=1), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)


def test_bytes_and_the_same_numbers_as_floats_are_predicted_alike() -> None:
    model = sample_model(scale="unit")
    x = np.random.default_rng(0).integers(0, 256, (9, 6)).astype(np.uint8)
    np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(x.astype(float)))


def test_enormous_outputs_do_not_overflow_the_softmax() -> None:
    model = sample_model(scale="none", hidden=())
    with np.errstate(over="raise", invalid="raise"):
        probabilities = model.predict_proba(examples() * 1e6)
    assert np.isfinite(probabilities).all()


def test_many_examples_are_predicted_as_each_alone() -> None:
    model = sample_model()
    x = examples(5000)
    together = model.predict_proba(x)
    np.testing.assert_allclose(together[4999:], model.predict_proba(x[4999:]), rtol=1e-5)
    assert model.predict_proba(x[:0]).shape == (0, 3)


def test_classes_come_back_as_the_data_names_them() -> None:
    words = sample_model(class_names=("cat", "dog", "3"))
    assert set(words.predict(examples())) <= {"cat", "dog", "3"}
    numbers = sample_model(class_names=("-1", "0", "10"))
    assert numbers.predict(examples()).dtype == np.int64
    assert set(numbers.predict(examples()).tolist()) <= {-1, 0, 10}
    for odd in ("01", "1.0", " 1", "99999999999999999999"):
        assert sample_model(class_names=("0", "2", odd)).classes.dtype.kind == "U"


def test_images_can_be_given_in_their_shape() -> None:
    model = sample_model(image_shape=(2, 3))
    x = examples()
    np.testing.assert_array_equal(model.predict(x), model.predict(x.reshape(-1, 2, 3)))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 5)), "must have the 6 features of the training data, but has 5"),
        (np.zeros(6), r"is one-dimensional; use x\[None\]"),
        (np.full((2, 6), np.nan), r"x\[0, 0\]: features must be finite"),
        (np.array([["a"] * 6]), "must hold numbers"),
    ],
)
def test_features_that_do_not_fit_are_data_errors(x, message) -> None:
    with pytest.raises(DataError, match=message):
        sample_model().predict(x)


NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=3, max_size=3, unique=True)


@given(NAMES, st.sampled_from(["none", "unit", "standard"]), st.booleans(), st.integers(0, 99))
def test_what_is_saved_comes_back_to_the_bit(tmp_path_factory, names, scale, image, seed) -> None:
    model = sample_model(
        scale=scale,
        seed=seed,
        class_names=tuple(names),
        image_shape=(3, 2) if image else None,
        feature_names=() if image else tuple(f"f{i}" for i in range(6)),
        provenance={"data": names[0], "test_accuracy": 0.5, "nested": {"a": [1, None]}},
    )
    folder = tmp_path_factory.mktemp("models")
    model.save(folder / "m.safetensors")
    loaded = TrainedModel.load(folder / "m.safetensors")
    for name in ("settings", "class_names", "feature_names", "image_shape", "provenance"):
        assert getattr(loaded, name) == getattr(model, name)
    np.testing.assert_array_equal(loaded.predict_proba(examples()), model.predict_proba(examples()))
    loaded.save(folder / "again.safetensors")
    assert (folder / "m.safetensors").read_bytes() == (folder / "again.safetensors").read_bytes()


def test_saving_leaves_nothing_else_and_says_where_it_cannot(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    sample_model().save(path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="cannot be written"):
        sample_model().save(path / "m.safetensors")


def test_its_words_say_what_it_is() -> None:
    assert repr(sample_model()) == ("TrainedModel(6-5-4-3, relu, 74 parameters, data 'made up')")


LAYERS = sample_model().layers
SCALING = sample_model().scaling


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ()}, "at least one layer"),
        ({"layers": LAYERS[:2]}, "do not have the widths"),
        ({"layers": (LAYERS[0], LAYERS[2])}, "takes 4 inputs, but gets another number"),
        ({"class_names": ("a", "b")}, "3 outputs need as many class names, but got 2"),
        ({"feature_names": ("a",)}, "6 features need as many names, but got 1"),
        ({"image_shape": (3, 3)}, "do not have 6 values"),
        ({"encoding": Encoding((Column("a"),) * 6, ())}, "its columns become no inputs"),
        ({"scaling": Scaling(SCALING.shift[:2], SCALING.factor)}, "scaling must be float32"),
        ({"scaling": Scaling(SCALING.shift, SCALING.factor * np.inf)}, "scaling must be finite"),
        (
            {"layers": (*LAYERS[:2], Layer(LAYERS[2].kernel * np.nan, LAYERS[2].bias))},
            "layer 2: the kernel must be finite",
        ),
        (
            {"layers": (*LAYERS[:2], Layer(LAYERS[2].kernel, LAYERS[2].bias.astype(float)))},
            "layer 2: the bias must be a float32 array",
        ),
    ],
)
def test_parts_that_do_not_fit_together_make_no_model(changes, message) -> None:
    with pytest.raises(DataError, match=message):
        replace(sample_model(), **changes)


def _file(tmp_path, *, tensors=None, **metadata):
    """The sample model's file with some of its description or tensors changed."""
    model = sample_model()
    arrays = {"scaling.shift": model.scaling.shift, "scaling.factor": model.scaling.factor}
    for k, layer in enumerate(model.layers):
        arrays |= {f"layers.{k}.kernel": layer.kernel, f"layers.{k}.bias": layer.bias}
    for name, value in (tensors or {}).items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value
    description = {
        "format": 1,
        "settings": model.settings.model_dump(mode="json"),
        "class_names": list(model.class_names),
        "feature_names": [],
        "image_shape": None,
        "provenance": {},
    } | metadata
    path = tmp_path / "m.safetensors"
    path.write_bytes(save(arrays, {"bakeoff": json.dumps(description)}))
    return path


def test_the_helper_above_makes_a_good_file(tmp_path) -> None:
    assert TrainedModel.load(_file(tmp_path)).num_features == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 3}, "has format 3, which a newer bakeoff wrote"),
        ({"format": "1"}, "`format` must be a whole number"),
        ({"format": True}, "`format` must be a whole number"),
        ({"settings": {"hidden": [5, 4], "activation": "magic"}}, "settings are not valid"),
        ({"settings": {"hidden": [5, 4], "new": 1}}, "settings are not valid .new"),
        ({"settings": None}, "settings are not valid"),
        ({"settings": {"hidden": [9]}}, "do not have the widths"),
        ({"class_names": "abc"}, "`class_names` must be a list of text"),
        ({"class_names": [1, 2, 3]}, "`class_names` must be a list of text"),
        ({"class_names": ["a"]}, "3 outputs need"),
        ({"feature_names": None}, "`feature_names` must be a list of text"),
        ({"image_shape": [2.0, 3.0]}, "`image_shape` must be 2 or 3 sizes"),
        ({"image_shape": [-2, -3]}, "`image_shape` must be 2 or 3 sizes"),
        ({"image_shape": [10**12, 10**12]}, "do not have 6 values"),
        ({"provenance": []}, "`provenance` must be a JSON object"),
        ({"tensors": {"scaling.shift": None}}, "tensor 'scaling.shift' is missing"),
        ({"tensors": {"layers.1.bias": None}}, "tensor 'layers.1.bias' is missing"),
        ({"tensors": {"layers.1.kernel": None}}, "does not know what to do with the tensor"),
        ({"tensors": {"virus": np.ones(3)}}, "does not know what to do with the tensor 'virus'"),
        ({"tensors": {"layers.0.kernel": np.ones((6, 5))}}, "kernel must be a float32 array"),
    ],
)
def test_files_that_break_the_format_are_refused_in_one_line(tmp_path, changes, message) -> None:
    path = _file(tmp_path, **changes)
    with pytest.raises(DataError, match=message) as caught:
        TrainedModel.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def _raw(header: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if size is None else size) + header + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 7,
        b"\x80\x04\x95pickle, not tensors",
        _raw(b"{}", size=2**63),
        _raw(b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'),
        _raw(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', b"\0" * 4),
        _raw(b"[" * 5000),
        _raw(b'{"__metadata__":{"bakeoff":"{"}}'),
        _raw(b'{"__metadata__":{"bakeoff":"[1]"}}'),
        _raw(b'{"__metadata__":{"other":"1"}}'),
        _raw(json.dumps({"__metadata__": {"bakeoff": "[" * 100_000}}).encode()),
        _raw(b"{}"),
    ],
)
def test_hostile_files_are_data_errors(tmp_path, content) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"m\.safetensors: "):
        TrainedModel.load(path)


@given(st.integers(0, 5000), st.integers(0, 255))
def test_no_changed_byte_makes_anything_but_a_model_or_a_bakeoff_error(
    tmp_path_factory, position, value
) -> None:
    folder = tmp_path_factory.mktemp("models")
    path = folder / "m.safetensors"
    sample_model().save(path)
    raw = bytearray(path.read_bytes())
    raw[position % len(raw)] = value
    path.write_bytes(raw)
    try:
        assert TrainedModel.load(path).num_classes == 3
    except BakeoffError as error:
        assert str(error).startswith(str(path))


def test_a_missing_file_is_a_data_error(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        TrainedModel.load(tmp_path / "none.safetensors")


def test_a_data_frame_is_taken_by_the_names_of_its_columns() -> None:
    model = sample_model()
    names = [f"c{number}" for number in range(model.num_features)]
    model = replace(model, feature_names=tuple(names), image_shape=None)
    frame = pd.DataFrame(examples(), columns=names)
    expected = model.predict_proba(frame)
    np.testing.assert_array_equal(
        model.predict_proba(frame[names[::-1]].assign(more="x")), expected
    )
    np.testing.assert_array_equal(model.predict_proba(pd.DataFrame(examples())), expected)
    with pytest.raises(DataError, match="'c0' is missing; add it"):
        model.predict_proba(frame.rename(columns={"c0": "q"}))

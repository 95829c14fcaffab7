"""Keras and ONNX files give the same probabilities as the model they were made from."""

from __future__ import annotations

import builtins
import json

import numpy as np
import pytest
from model_samples import examples, sample_model

from bakeoff.dense.export import to_keras, to_onnx
from bakeoff.dense.settings import ACTIVATIONS
from bakeoff.errors import UsageError

CASES = [(activation, "standard", (5, 4)) for activation in ACTIVATIONS]
CASES += [("relu", "none", ()), ("leaky_relu", "unit", (3,))]


@pytest.mark.parametrize(("activation", "scale", "hidden"), CASES)
def test_onnx_gives_the_same_probabilities(tmp_path, activation, scale, hidden) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    model = sample_model(activation=activation, scale=scale, hidden=hidden, negative_slope=0.13)
    to_onnx(model, tmp_path / "m.onnx")
    x = examples()
    graph = onnx.load(tmp_path / "m.onnx")
    probabilities, label = ReferenceEvaluator(graph).run(None, {"features": x})
    np.testing.assert_allclose(probabilities, model.predict_proba(x), rtol=2e-5, atol=1e-6)
    np.testing.assert_array_equal(label, model.predict_proba(x).argmax(axis=1))
    properties = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(properties["class_names"]) == list(model.class_names)


@pytest.mark.parametrize(("activation", "scale", "hidden"), CASES)
def test_onnxruntime_gives_the_same_probabilities(tmp_path, activation, scale, hidden) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = sample_model(activation=activation, scale=scale, hidden=hidden, negative_slope=0.13)
    to_onnx(model, tmp_path / "m.onnx")
    x = examples()
    session = runtime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    probabilities, label = session.run(None, {"features": x})
    np.testing.assert_allclose(probabilities, model.predict_proba(x), rtol=2e-5, atol=1e-6)
    np.testing.assert_array_equal(label, model.predict_proba(x).argmax(axis=1))


def test_the_same_model_gives_the_same_onnx_bytes(tmp_path) -> None:
    pytest.importorskip("onnx")
    for name in ("a", "b"):
        to_onnx(sample_model(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.filterwarnings("ignore")  # what Keras and its backend warn of is their business
@pytest.mark.parametrize(("activation", "scale", "hidden"), CASES)
def test_keras_gives_the_same_probabilities(tmp_path, activation, scale, hidden) -> None:
    pytest.importorskip("keras")
    model = sample_model(activation=activation, scale=scale, hidden=hidden, negative_slope=0.13)
    to_keras(model, tmp_path / "m.keras")
    import keras

    network = keras.saving.load_model(tmp_path / "m.keras")
    x = examples()
    probabilities = np.asarray(network.predict(x, verbose=0))
    np.testing.assert_allclose(probabilities, model.predict_proba(x), rtol=1e-4, atol=1e-6)
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trainable == model.num_parameters


@pytest.mark.parametrize(
    ("package", "write", "extra"), [("onnx", to_onnx, "onnx"), ("keras", to_keras, "keras")]
)
def test_without_the_extra_the_message_names_it(
    tmp_path, monkeypatch, package, write, extra
) -> None:
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(f"No module named {package!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=rf"pip install 'bakeoff\[{extra}\]'"):
        write(sample_model(), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []

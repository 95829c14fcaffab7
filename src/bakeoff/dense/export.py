"""Trained models for other programs: Keras and ONNX; knows nothing of studies.

Both carry the scaling and the softmax, so they take raw features and give probabilities.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.dense.model import TrainedModel
from bakeoff.dense.network import SELU_ALPHA, SELU_SCALE
from bakeoff.errors import UsageError
from bakeoff.files import write_whole
from bakeoff.trainables.keras import keras_bytes

# What onnxruntime 1.12 (2022) and everything since reads; gelu and silu are written out for it.
ONNX_OPSET = 17
ONNX_IR_VERSION = 8


def to_keras(model: TrainedModel, path: str | Path) -> None:
    """Writes a ``.keras`` file: input (num_features,), output probabilities.

    Raises:
        UsageError: Keras or its backend is not installed, or the file cannot be written.
        StoreFullError: no space for it.
    """
    write_whole(path, keras_bytes(keras_model(model)))


def keras_model(model: TrainedModel) -> Any:
    """The model as a ``keras.Sequential``.

    Raises:
        UsageError: Keras or its backend is not installed.
    """
    _must_be_plain(model)
    _choose_backend()
    try:
        import keras
    except ImportError as error:
        raise UsageError(
            f"export: writing .keras needs Keras and a backend ({error}); pip install 'bakeoff[keras]'"
        ) from error
    layers = [keras.Input((model.num_features,), name="features")]
    shift, factor = model.scaling.shift, model.scaling.factor
    if shift.shape == (1,):
        layers.append(keras.layers.Rescaling(float(factor[0]), offset=-float(shift[0] * factor[0])))
    else:
        variance = 1.0 / np.square(factor.astype(np.float64))
        layers.append(keras.layers.Normalization(mean=shift, variance=variance))
    activation: Any = model.settings.activation
    for layer in model.layers[:-1]:
        layers.append(keras.layers.Dense(layer.kernel.shape[1], activation=_linear_if(activation)))
        if activation == "leaky_relu":
            layers.append(keras.layers.LeakyReLU(negative_slope=model.settings.negative_slope))
    if model.class_names:
        layers.append(keras.layers.Dense(model.num_classes, activation="softmax"))
    else:
        layers.append(keras.layers.Dense(1))
    result = keras.Sequential(layers, name="bakeoff")
    dense = [layer for layer in result.layers if isinstance(layer, keras.layers.Dense)]
    for layer, weights in zip(dense, model.layers, strict=True):
        layer.set_weights([weights.kernel, weights.bias])
    return result


def _must_be_plain(model: TrainedModel) -> None:
    """Raises UsageError for a network whose inputs are made from a table's words and gaps."""
    if model.encoding is not None:
        raise UsageError(
            "export: this model encodes the columns of a table (words, dates, gaps), which other formats "
            "do not hold; keep the .safetensors file and use `bakeoff predict` or TrainedModel.load"
        )


def _choose_backend() -> None:
    """Points Keras to JAX, which the extra brings, where it would ask for a missing TensorFlow."""
    if "keras" not in sys.modules and find_spec("tensorflow") is None and find_spec("jax"):
        os.environ.setdefault("KERAS_BACKEND", "jax")


def _linear_if(activation: str) -> str | None:
    """leaky_relu has a slope that only its own layer can hold."""
    return None if activation in ("leaky_relu", "linear") else activation


def to_onnx(model: TrainedModel, path: str | Path) -> None:
    """Writes an ONNX file: ``features`` in, ``probabilities`` and ``label`` (or ``values``) out.

    Raises:
        UsageError: onnx is not installed, or the file cannot be written.
        StoreFullError: no space for it.
    """
    write_whole(path, onnx_model(model).SerializeToString(deterministic=True))


def onnx_model(model: TrainedModel) -> Any:
    """The model as a checked ``onnx.ModelProto``.

    Raises:
        UsageError: onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise UsageError(
            f"export: writing .onnx needs onnx ({error}); pip install 'bakeoff[onnx]'"
        ) from error
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    _must_be_plain(model)
    h = add("Sub", ["features", constant("shift", model.scaling.shift)], "shifted")
    h = add("Mul", [h, constant("factor", model.scaling.factor)], "scaled")
    for number, layer in enumerate(model.layers):
        names = [
            constant(f"kernel_{number}", layer.kernel),
            constant(f"bias_{number}", layer.bias),
        ]
        h = add("Gemm", [h, *names], f"sum_{number}")
        if number < len(model.layers) - 1:
            h = _activation(model, h, f"layer_{number}", add, constant)
    outputs = [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["n", 1])]
    if model.class_names:
        add("Softmax", [h], "probabilities", axis=1)
        add("ArgMax", [h], "label", axis=1, keepdims=0)
        shape: list[str | int | None] = ["n", model.num_classes]
        outputs = [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        ]
    else:
        add("Identity", [h], "values")
    graph = helper.make_graph(
        nodes,
        "bakeoff",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", model.num_features])],
        outputs,
        initializer=constants,
    )
    result = helper.make_model(
        graph,
        producer_name="bakeoff",
        opset_imports=[helper.make_opsetid("", ONNX_OPSET)],
        ir_version=ONNX_IR_VERSION,
    )
    helper.set_model_props(
        result,
        {
            "class_names": json.dumps(list(model.class_names)),
            "feature_names": json.dumps(list(model.feature_names)),
            "provenance": json.dumps(dict(model.provenance), sort_keys=True),
        },
    )
    onnx.checker.check_model(result, full_check=True)
    return result


def _activation(
    model: TrainedModel,
    z: str,
    name: str,
    add: Callable[..., str],
    constant: Callable[[str, Any], str],
) -> str:
    """Adds the nodes of one activation; returns the name of its output."""
    match model.settings.activation:
        case "linear":
            return z
        case "leaky_relu":
            return add("LeakyRelu", [z], name, alpha=model.settings.negative_slope)
        case "selu":
            return add("Selu", [z], name, alpha=SELU_ALPHA, gamma=SELU_SCALE)
        case "silu":
            return add("Mul", [z, add("Sigmoid", [z], f"{name}_sigmoid")], name)
        case "gelu":  # ½ · z · (1 + erf(z / √2)); a Gelu node came with opset 20 only
            inner = add("Mul", [z, constant(f"{name}_root", 1.0 / np.sqrt(2.0))], f"{name}_inner")
            erf = add("Erf", [inner], f"{name}_erf")
            plus = add("Add", [erf, constant(f"{name}_one", 1.0)], f"{name}_plus")
            half = add("Mul", [z, constant(f"{name}_half", 0.5)], f"{name}_z")
            return add("Mul", [half, plus], name)
        case other:
            kinds = {
                "sigmoid": "Sigmoid",
                "tanh": "Tanh",
                "relu": "Relu",
                "elu": "Elu",
                "softplus": "Softplus",
            }
            return add(kinds[other], [z], name)

"""A trained network to take away: predict, save, load; knows no engine that could train it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.arrays import as_features
from bakeoff.data.cells import code
from bakeoff.data.encoding import Encoding
from bakeoff.data.reading import read_file
from bakeoff.dense.base import Layer, Scaling, is_network, layers_of, scaling_of
from bakeoff.dense.model_file import decode, encode
from bakeoff.dense.network import activate
from bakeoff.dense.settings import DenseSettings
from bakeoff.errors import DataError, UsageError
from bakeoff.files import write_whole
from bakeoff.records import Column, Final, StudyResult

_CHUNK_ROWS = 2048  # keeps the activations of a chunk in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """The weights of one trained network with everything that prediction needs.

    Attributes:
        settings: the hyperparameters it was trained with.
        scaling: the map of the features before the first layer.
        layers: float32 weights, output layer last.
        class_names: shape (num_classes,).
        feature_names: shape (num_features,); empty for images.
        image_shape: (height, width) or (height, width, channels) for images, else None.
        encoding: how the columns of a table become the network's inputs; None where they are.
        provenance: where it came from, plain JSON values: study, data, data_hash, engine, seed,
            test_accuracy, test_loss, largest_value, as far as they are known.
    """

    settings: DenseSettings
    scaling: Scaling
    layers: tuple[Layer, ...]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    provenance: Mapping[str, Any]
    encoding: Encoding | None = None

    def __post_init__(self) -> None:
        problem = _shape_problem(self)
        if problem is not None:
            raise DataError(f"model: {problem}")

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in (self.num_inputs, *map(_width, self.layers)))
        return (
            f"TrainedModel({sizes}, {self.settings.activation}, {self.num_parameters:,} parameters, "
            f"data {self.provenance.get('data', 'unknown')!r})"
        )

    @classmethod
    def from_result(cls, result: StudyResult) -> TrainedModel:
        """The delivered model of a finished study.

        Raises:
            UsageError: the study has no final step (a replication, or it is unfinished).
        """
        final, data = result.final, result.data
        # In a stage of several kinds a network may have been chosen as well.
        if final is None or not is_network(final.model):
            raise UsageError(
                f"{result.name}: a {result.kind} without a final step has no model to take away; run a "
                "study to its end"
            )
        delivered = final.runs[final.delivered]
        provenance: dict[str, Any] = {
            "bakeoff": result.environment.bakeoff,
            "study": result.name,
            "seed": result.seed,
            "engine": result.engine,
            "data": data.name,
            "data_hash": data.hash,
            "test_accuracy": delivered.value("test_accuracy"),
            "test_loss": delivered.value("test_loss"),
        }
        largest = _largest_value(final)
        if largest is not None and math.isfinite(largest):
            provenance["largest_value"] = largest
        return cls(
            settings=DenseSettings.of(final.settings),
            scaling=scaling_of(final.model),
            layers=layers_of(final.model),
            class_names=tuple(data.class_names),
            feature_names=tuple(data.feature_names),
            image_shape=data.image_shape,
            provenance=provenance,
            encoding=Encoding.of(final.model),
        )

    @property
    def num_inputs(self) -> int:
        """What the first layer takes."""
        return int(self.layers[0].kernel.shape[0])

    @property
    def num_features(self) -> int:
        """What is given for each example: the columns of a table, else the inputs themselves."""
        return self.num_inputs if self.encoding is None else len(self.encoding.columns)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_parameters(self) -> int:
        return sum(layer.kernel.size + layer.bias.size for layer in self.layers)

    @property
    def classes(self) -> NDArray[Any]:
        """What ``predict`` answers with: integers or booleans where all names are some, else text."""
        if all(_is_whole(name) for name in self.class_names):
            return np.array([int(name) for name in self.class_names], np.int64)
        if set(self.class_names) <= {"False", "True"}:
            return np.array([name == "True" for name in self.class_names])
        return np.array(self.class_names)

    def predict(self, x: Any) -> NDArray[Any]:
        """The most probable class of every example, or its value in a regression.

        Args:
            x: see ``predict_proba``.

        Returns:
            entries of ``classes``, or float32 values, shape (num_examples,).
        """
        if not self.class_names:
            return self.logits(x)[:, 0]
        return cast("NDArray[Any]", self.classes[self.logits(x).argmax(axis=1)])

    def predict_proba(self, x: Any) -> NDArray[np.float32]:
        """The probability of every class.

        Args:
            x: unscaled features, shape (num_examples, num_features), or images (num_examples,
                height, width[, channels]); a data frame with the columns of the training table, in
                any order, where it had words, dates or gaps.

        Returns:
            float32, shape (num_examples, num_classes); rows sum to 1.

        Raises:
            DataError: not numbers, not finite, or another number of features.
            UsageError: a regression has no probabilities.
        """
        if not self.class_names:
            raise UsageError("model: predicts a number, which has no probability; use predict")
        z = self.logits(x)
        # Subtracting the largest output changes nothing and keeps exp from overflowing.
        weights = np.exp(z - z.max(axis=1, keepdims=True))
        return cast("NDArray[np.float32]", weights / weights.sum(axis=1, keepdims=True))

    def logits(self, x: Any) -> NDArray[np.float32]:
        """The outputs before the softmax, float32, shape (num_examples, num_classes).

        Raises:
            DataError: as ``predict_proba``.
        """
        features = self._features(x)
        out = np.empty((len(features), _width(self.layers[-1])), np.float32)
        for start in range(0, len(features), _CHUNK_ROWS):
            chunk = features[start : start + _CHUNK_ROWS].astype(np.float32)
            h = (chunk - self.scaling.shift) * self.scaling.factor
            for layer in self.layers[:-1]:
                # ``activate`` keeps the type it is given; only its annotation says float64.
                h = cast("Any", activate(self.settings, cast("Any", h @ layer.kernel + layer.bias)))
            out[start : start + _CHUNK_ROWS] = h @ self.layers[-1].kernel + self.layers[-1].bias
        return out

    def _features(self, x: Any) -> NDArray[Any]:
        if getattr(x, "ndim", None) == 1:
            raise DataError(
                "x: must have one row per example, but is one-dimensional; use x[None] for one example"
            )
        if hasattr(x, "__len__") and len(x) == 0:
            return np.empty((0, self.num_features), np.float32)
        if self.encoding is not None:
            if hasattr(x, "columns"):
                x = code(x, self.encoding.columns, "x")
            if np.ndim(x) != 2 or np.shape(x)[1] != self.num_features:
                raise DataError(
                    f"x: must be a data frame with the columns {', '.join(self.feature_names[:5])} …"
                )
            given: NDArray[Any] = self.encoding.apply(np.asarray(x, np.float32))
            return given
        # A data frame whose columns have names, not numbers as a matrix's have, is taken by them.
        if self.feature_names and any(isinstance(one, str) for one in getattr(x, "columns", ())):
            x = code(x, [Column(name, source=name) for name in self.feature_names], "x")
        features, _ = as_features(x, "x")
        if features.shape[1] != self.num_features:
            raise DataError(
                f"x: must have the {self.num_features} features of the training data, but has "
                f"{features.shape[1]}; give the same columns or pixels"
            )
        return features

    def save(self, path: str | Path) -> None:
        """Writes a safetensors file, whole or not at all; equal models give equal bytes.

        Raises:
            UsageError: the file cannot be written.
            StoreFullError: no space for it.
        """
        write_whole(path, encode(self))

    @classmethod
    def load(cls, path: str | Path) -> TrainedModel:
        """Reads a file that ``save`` wrote; runs nothing from it and trusts none of its sizes.

        Raises:
            DataError: missing, damaged, from a newer bakeoff, or no model of bakeoff's.
        """
        path = Path(path)
        attributes = decode(read_file(path), str(path))
        try:
            return cls(**attributes)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def _largest_value(final: Final) -> float | None:
    """The largest value a feature can have, so that pictures can be given in the data's units.

    For images no statistics are kept; full ink or light occurs among any few real examples.
    """
    if final.feature_stats is not None:
        return float(np.max(final.feature_stats[:, 1]))
    if final.exam is None:
        return None
    samples = [one.features for one in final.exam.examples]
    samples += [one.features for one in final.exam.mistakes]
    if not samples:
        return None
    if all(sample.dtype == np.uint8 for sample in samples):
        return 255.0
    return max(float(sample.max()) for sample in samples)


def _width(layer: Layer) -> int:
    return int(layer.kernel.shape[1])


def _is_whole(name: str) -> bool:
    """Whether the text is how Python writes an int64, so that nothing is lost either way."""
    try:
        return str(int(name)) == name and -(2**63) <= int(name) < 2**63
    except ValueError:
        return False


def _shape_problem(model: TrainedModel) -> str | None:
    """The first way in which the parts do not fit together, or None."""
    if not model.layers:
        return "must have at least one layer, but has none"
    for number, layer in enumerate(model.layers):
        for name, array, ndim in (("kernel", layer.kernel, 2), ("bias", layer.bias, 1)):
            if array.dtype != np.float32 or array.ndim != ndim or array.size == 0:
                return (
                    f"layer {number}: the {name} must be a float32 array of {ndim} dimension(s), but is "
                    f"{array.dtype} of shape {array.shape}"
                )
            if not np.isfinite(array).all():
                return f"layer {number}: the {name} must be finite, but holds NaN or infinity"
        if layer.bias.shape[0] != layer.kernel.shape[1]:
            return f"layer {number}: kernel {layer.kernel.shape} and bias {layer.bias.shape} do not fit"
        if number and model.layers[number - 1].kernel.shape[1] != layer.kernel.shape[0]:
            return f"layer {number}: takes {layer.kernel.shape[0]} inputs, but gets another number"
    num_features = model.layers[0].kernel.shape[0]
    if tuple(_width(layer) for layer in model.layers[:-1]) != model.settings.hidden:
        return f"its layers do not have the widths {model.settings.hidden} of its settings"
    if (len(model.class_names) or 1) != _width(model.layers[-1]):
        return f"{_width(model.layers[-1])} outputs need as many class names, but got {len(model.class_names)}"
    if model.encoding is not None and not model.encoding.parts:
        return "its columns become no inputs"
    if model.encoding is not None and model.encoding.width != num_features:
        return f"its columns make {model.encoding.width} inputs, but it takes {num_features}"
    if model.feature_names and len(model.feature_names) != model.num_features:
        return (
            f"{model.num_features} features need as many names, but got {len(model.feature_names)}"
        )
    if model.image_shape is not None and math.prod(model.image_shape) != num_features:
        return f"images of shape {model.image_shape} do not have {num_features} values"
    for array in (model.scaling.shift, model.scaling.factor):
        if array.dtype != np.float32 or array.shape not in ((1,), (num_features,)):
            return (
                f"scaling must be float32 of shape (1,) or ({num_features},), but is {array.shape}"
            )
        if not np.isfinite(array).all():
            return "scaling must be finite, but holds NaN or infinity"
    return None

"""A trained network to take away: predict, save, load; knows no engine that could train it."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bakeoff.data.assemble import as_features
from bakeoff.data.bounded import read_file
from bakeoff.engines.network import activate
from bakeoff.errors import DataError, UsageError
from bakeoff.records import Layer, Scaling, StudyResult
from bakeoff.settings import MAX_DEPTH, Settings

FORMAT = 1
_METADATA_KEY = "bakeoff"
_CHUNK_ROWS = 2048  # keeps the activations of a chunk in the processor's cache
_MAX_METADATA_BYTES = 64 * 2**20


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
        provenance: where it came from, plain JSON values: study, data, data_hash, engine, seed,
            test_accuracy, test_loss, largest_value, as far as they are known.
    """

    settings: Settings
    scaling: Scaling
    layers: tuple[Layer, ...]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    provenance: Mapping[str, Any]

    def __post_init__(self) -> None:
        problem = _shape_problem(self)
        if problem is not None:
            raise DataError(f"model: {problem}")

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in (self.num_features, *map(_width, self.layers)))
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
        if final is None or not final.layers:
            raise UsageError(
                f"{result.name}: a {result.kind} without a final step has no model to take away; run a "
                "study to its end"
            )
        test = final.runs[0].test if final.runs else None
        provenance: dict[str, Any] = {
            "bakeoff": result.environment.bakeoff,
            "study": result.name,
            "seed": result.seed,
            "engine": result.engine,
            "data": data.name,
            "data_hash": data.hash,
            "test_accuracy": None if test is None else test.accuracy,
            "test_loss": None if test is None else test.loss,
        }
        if final.feature_stats is not None:
            provenance["largest_value"] = float(np.max(final.feature_stats[:, 1]))
        return cls(
            settings=final.settings,
            scaling=final.scaling,
            layers=final.layers,
            class_names=tuple(data.class_names),
            feature_names=tuple(data.feature_names),
            image_shape=data.image_shape,
            provenance=provenance,
        )

    @property
    def num_features(self) -> int:
        return int(self.layers[0].kernel.shape[0])

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_parameters(self) -> int:
        return sum(layer.kernel.size + layer.bias.size for layer in self.layers)

    @property
    def classes(self) -> NDArray[Any]:
        """What ``predict`` answers with: integers where all names are whole numbers, else text."""
        if all(_is_whole(name) for name in self.class_names):
            return np.array([int(name) for name in self.class_names], np.int64)
        return np.array(self.class_names)

    def predict(self, x: Any) -> NDArray[Any]:
        """The most probable class of every example.

        Args:
            x: see ``predict_proba``.

        Returns:
            entries of ``classes``, shape (num_examples,).
        """
        return cast("NDArray[Any]", self.classes[self.logits(x).argmax(axis=1)])

    def predict_proba(self, x: Any) -> NDArray[np.float32]:
        """The probability of every class.

        Args:
            x: unscaled features, shape (num_examples, num_features), or images (num_examples,
                height, width[, channels]).

        Returns:
            float32, shape (num_examples, num_classes); rows sum to 1.

        Raises:
            DataError: not numbers, not finite, or another number of features.
        """
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
        out = np.empty((len(features), self.num_classes), np.float32)
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
            DataError: the file cannot be written.
        """
        from safetensors.numpy import save

        metadata = {
            "format": FORMAT,
            "settings": self.settings.model_dump(mode="json"),
            "class_names": list(self.class_names),
            "feature_names": list(self.feature_names),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "provenance": dict(self.provenance),
        }
        tensors = {"scaling.shift": self.scaling.shift, "scaling.factor": self.scaling.factor}
        for index, layer in enumerate(self.layers):
            tensors[f"layers.{index}.kernel"] = layer.kernel
            tensors[f"layers.{index}.bias"] = layer.bias
        text = json.dumps(metadata, sort_keys=True, allow_nan=False)
        contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        write_whole(Path(path), save(contiguous, {_METADATA_KEY: text}))

    @classmethod
    def load(cls, path: str | Path) -> TrainedModel:
        """Reads a file that ``save`` wrote; runs nothing from it and trusts none of its sizes.

        Raises:
            DataError: missing, damaged, from a newer bakeoff, or no model of bakeoff's.
        """
        path = Path(path)
        return _decode(read_file(path), str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that it is there completely or, if anything fails, as it was before.

    Raises:
        DataError: it cannot be written.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)  # mkstemp lets nobody else read
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place or free space"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


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
    if len(model.class_names) != _width(model.layers[-1]):
        return f"{_width(model.layers[-1])} outputs need as many class names, but got {len(model.class_names)}"
    if model.feature_names and len(model.feature_names) != num_features:
        return (
            f"{num_features} inputs need as many feature names, but got {len(model.feature_names)}"
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


def _decode(data: bytes, place: str) -> TrainedModel:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{place}: is no undamaged safetensors file ({error}); give the .safetensors file that bakeoff "
            "wrote"
        ) from error
    metadata = _metadata(data, place)
    arrays = dict(tensors)
    layers: list[Layer] = []
    try:
        scaling = Scaling(arrays.pop("scaling.shift"), arrays.pop("scaling.factor"))
        while f"layers.{len(layers)}.kernel" in arrays and len(layers) <= MAX_DEPTH:
            number = len(layers)
            layers.append(
                Layer(arrays.pop(f"layers.{number}.kernel"), arrays.pop(f"layers.{number}.bias"))
            )
    except KeyError as error:
        raise DataError(
            f"{place}: the tensor {error} is missing; export the model again"
        ) from error
    if arrays:
        raise DataError(f"{place}: does not know what to do with the tensor {min(arrays)!r}")
    try:
        return TrainedModel(
            settings=Settings.model_validate(metadata.get("settings")),
            scaling=scaling,
            layers=tuple(layers),
            class_names=_words(metadata, "class_names", place),
            feature_names=_words(metadata, "feature_names", place),
            image_shape=_image_shape(metadata, place),
            provenance=_provenance(metadata, place),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise DataError(
            f"{place}: its settings are not valid ({where}: {first['msg']}); export the model again"
        ) from error
    except DataError as error:
        text = str(error)
        raise DataError(text if text.startswith(place) else f"{place}: {text}") from error


def _metadata(data: bytes, place: str) -> dict[str, Any]:
    """The JSON that ``save`` put into the header of the file, whose frame was checked before."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + min(size, _MAX_METADATA_BYTES)])
        text = header.get("__metadata__", {}).get(_METADATA_KEY)
        metadata = None if text is None else json.loads(text)
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise DataError(f"{place}: its description is damaged; export the model again") from error
    if not isinstance(metadata, dict):
        raise DataError(
            f"{place}: is a safetensors file, but not a model of bakeoff's; give the file that `bakeoff "
            "run` wrote"
        )
    version = metadata.get("format")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise DataError(f"{place}: `format` must be a whole number from 1, but is {version!r}")
    if version > FORMAT:
        raise DataError(
            f"{place}: has format {version}, which a newer bakeoff wrote (this one reads {FORMAT}); upgrade "
            "bakeoff"
        )
    return metadata


def _words(metadata: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    words = metadata.get(key)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DataError(f"{place}: `{key}` must be a list of text; export the model again")
    return tuple(words)


def _image_shape(metadata: Mapping[str, Any], place: str) -> tuple[int, ...] | None:
    shape = metadata.get("image_shape")
    if shape is None:
        return None
    whole = isinstance(shape, list) and len(shape) in (2, 3)
    if not whole or not all(type(size) is int and size > 0 for size in shape):
        raise DataError(f"{place}: `image_shape` must be 2 or 3 sizes, but is {str(shape)[:40]}")
    return tuple(shape)


def _provenance(metadata: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    provenance = metadata.get("provenance")
    if not isinstance(provenance, dict):
        raise DataError(f"{place}: `provenance` must be a JSON object; export the model again")
    return provenance

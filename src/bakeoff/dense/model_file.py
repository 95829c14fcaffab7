"""The model file: safetensors and a JSON description; knows bytes and parts, not prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from bakeoff.data.encoding import Encoding
from bakeoff.dense.base import Layer, Scaling
from bakeoff.dense.settings import MAX_DEPTH, DenseSettings
from bakeoff.errors import DataError

if TYPE_CHECKING:
    from bakeoff.dense.model import TrainedModel

FORMAT = 2
"""1 is written where nothing needs 2, which knows of encoded columns and of regressions."""
_METADATA_KEY = "bakeoff"
_MAX_METADATA_BYTES = 64 * 2**20


def encode(model: TrainedModel) -> bytes:
    """The bytes of a model's file; equal models give equal bytes."""
    from safetensors.numpy import save

    metadata = {
        "format": FORMAT if model.encoding is not None or not model.class_names else 1,
        "settings": model.settings.model_dump(mode="json"),
        "class_names": list(model.class_names),
        "feature_names": list(model.feature_names),
        "image_shape": None if model.image_shape is None else list(model.image_shape),
        "provenance": dict(model.provenance),
    }
    if model.encoding is not None:
        metadata["encoding"] = model.encoding.to_plain()
    tensors = {"scaling.shift": model.scaling.shift, "scaling.factor": model.scaling.factor}
    for index, layer in enumerate(model.layers):
        tensors[f"layers.{index}.kernel"] = layer.kernel
        tensors[f"layers.{index}.bias"] = layer.bias
    text = json.dumps(metadata, sort_keys=True, allow_nan=False)
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return save(contiguous, {_METADATA_KEY: text})


def decode(data: bytes, place: str) -> dict[str, Any]:
    """The attributes of a ``TrainedModel`` from the bytes of its file.

    Raises:
        DataError: damaged, from a newer bakeoff, or no model of bakeoff's.
    """
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
        settings = DenseSettings.model_validate(metadata.get("settings"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise DataError(
            f"{place}: its settings are not valid ({where}: {first['msg']}); export the model again"
        ) from error
    return {
        "settings": settings,
        "scaling": scaling,
        "layers": tuple(layers),
        "class_names": _words(metadata, "class_names", place),
        "feature_names": _words(metadata, "feature_names", place),
        "image_shape": _image_shape(metadata, place),
        "provenance": _provenance(metadata, place),
        "encoding": Encoding.from_plain(metadata["encoding"]) if "encoding" in metadata else None,
    }


def _metadata(data: bytes, place: str) -> dict[str, Any]:
    """The JSON that ``save`` put into the header of the file, whose frame was checked before."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + min(size, _MAX_METADATA_BYTES)])
        text = header.get("__metadata__", {}).get(_METADATA_KEY)
        metadata = (
            None if text is None else json.loads(text, parse_float=_finite, parse_constant=_finite)
        )
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


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


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

"""``bakeoff predict``: the classes of the examples in files; knows tables, archives and pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.catalogue import CATALOGUE
from bakeoff.dense.model import TrainedModel
from bakeoff.errors import DataError

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
)
_NPZ_NAMES = ("x", "X", "x_test", "X_test", "features", "data")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one example.

    Attributes:
        file: it came from, as given.
        row: counted from 1 within the file; 1 for a picture.
        predicted: name of the most probable class.
        probability: that the model gives it.
    """

    file: str
    row: int
    predicted: str
    probability: float


def predict_files(
    model: TrainedModel, paths: Sequence[str | os.PathLike[str]]
) -> tuple[Prediction, ...]:
    """Predicts every example in tables (CSV, TSV, Parquet), NPZ archives and pictures.

    Columns of a table are matched by name and others ignored; a picture that has not the
    model's size is prepared as ``docs/models.md`` says.

    Raises:
        DataError: a file that is missing, damaged, or does not fit the model.
    """
    predictions: list[Prediction] = []
    for given in paths:
        path = Path(given)
        probabilities = model.predict_proba(read_features(model, path))
        best = probabilities.argmax(axis=1)
        predictions.extend(
            Prediction(str(given), row + 1, model.class_names[int(k)], float(probabilities[row, k]))
            for row, k in enumerate(best)
        )
    return tuple(predictions)


def read_features(model: TrainedModel, path: Path) -> NDArray[Any]:
    """The examples of a file as the model wants them, shape (num_examples, num_features).

    Raises:
        DataError: as ``predict_files``.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path")
    if suffix in (".csv", ".tsv", ".parquet", ".pq"):
        features = _from_table(model, path)
    elif suffix == ".npz":
        features = _from_npz(path)
    elif suffix in PICTURES:
        features = _from_picture(model, path)
    else:
        raise DataError(
            f"{path}: the name must end in .csv, .tsv, .parquet, .npz or a picture's ending, but ends in "
            f"{suffix or 'nothing'!r}; rename or convert it"
        )
    flat = features.reshape(len(features), -1)
    if flat.shape[1] != model.num_features:
        raise DataError(
            f"{path}: must have the {model.num_features} features of the model per example, but has "
            f"{flat.shape[1]}; give the same columns or pixels"
        )
    return flat


def _from_table(model: TrainedModel, path: Path) -> NDArray[Any]:
    from bakeoff.data.tables import csv_columns, parquet_columns, read_csv, read_parquet

    is_text = path.suffix.lower() in (".csv", ".tsv")
    read, columns = (read_csv, csv_columns) if is_text else (read_parquet, parquet_columns)
    wanted: tuple[str, ...] | None = model.feature_names or None
    if wanted is not None and _are_made_up(wanted) and not set(wanted) <= set(columns(path)):
        wanted = None  # trained on plain arrays: columns can only be matched by their order
    return read(path, needs_target=False, columns=wanted).features


def _are_made_up(names: tuple[str, ...]) -> bool:
    """Whether these are the names that data without column names gets."""
    return names == tuple(f"x{column}" for column in range(len(names)))


def _from_npz(path: Path) -> NDArray[Any]:
    from bakeoff.data.archives import read_npz

    arrays = read_npz(path)
    name = next((name for name in _NPZ_NAMES if name in arrays), None)
    if name is None and len(arrays) == 1:
        name = next(iter(arrays))
    if name is None:
        raise DataError(
            f"{path}: must hold one array or one called {', '.join(_NPZ_NAMES)}, but holds "
            f"{', '.join(sorted(arrays)[:8])}; save it with numpy.savez(path, x=…)"
        )
    array = arrays[name]
    if array.ndim < 2:
        raise DataError(
            f"{path}: {name} must have one row per example, but its shape is {array.shape}; reshape it"
        )
    return array


def _from_picture(model: TrainedModel, path: Path) -> NDArray[Any]:
    from bakeoff.data.images import read_picture
    from bakeoff.dense.preprocess import as_grey, drawing_features, read_ink

    shape = model.image_shape
    if shape is None:
        raise DataError(
            f"{path}: is a picture, but the model was trained on a table; give a CSV or NPZ file"
        )
    picture = read_picture(path)
    colour = len(shape) == 3 and shape[2] == 3
    fits = picture.shape[:2] == shape[:2]
    data = str(model.provenance.get("data", ""))
    largest = _largest_value(model)
    if fits and colour:
        pixels = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        return _with_largest(pixels.reshape(1, -1), largest)
    if fits:
        return _with_largest(as_grey(picture).reshape(1, -1), largest)
    entry = CATALOGUE.get(data)
    if colour or entry is None or not entry.drawings:
        raise DataError(
            f"{path}: must have the {shape[1]} × {shape[0]} pixels of the model's images, but has "
            f"{picture.shape[1]} × {picture.shape[0]}; resize it"
        )
    return drawing_features(read_ink(path), shape, largest)


def _largest_value(model: TrainedModel) -> float:
    """Full ink in the data the model was trained on; bytes unless the model says otherwise."""
    value = model.provenance.get("largest_value")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    return 255.0


def _with_largest(pixels: NDArray[np.uint8], largest: float) -> NDArray[Any]:
    if largest == 255.0:
        return pixels
    return (pixels.astype(np.float64) * (largest / 255.0)).astype(np.float32)

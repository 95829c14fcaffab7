"""``bakeoff predict``: the classes of the examples in files; knows tables, archives and pictures.

A drawing becomes an example the way MNIST's were made, as LeCun, Cortes and Burges describe it
(http://yann.lecun.com/exdb/mnist/): digits were "size normalized to fit in a 20x20 pixel box while
preserving their aspect ratio", with grey levels from anti-aliasing, and "centered in a 28x28 image by
computing the center of mass of the pixels". ``docs/models.md`` fixes every step in whole numbers, so
that a twin in another language (the report's drawing pad is one) gives the same bytes.
"""

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
from bakeoff.data.frames import TARGET_NAMES
from bakeoff.data.images import read_picture
from bakeoff.dense.model import TrainedModel
from bakeoff.errors import DataError
from bakeoff.records import Column
from bakeoff.trainables.files import SavedModel

PICTURES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
)
_NPZ_NAMES = ("x", "X", "x_test", "X_test", "features", "data")

MNIST_SHAPE = (28, 28)
MNIST_BOX = 20
# In pixel indices. The centre of mass of every MNIST training image lies within 14 ± 0.52.
MNIST_CENTRE = 14

# Beyond this a sum of step 2 might leave the whole numbers that float64 and JavaScript hold.
_MAX_SIDE = 4096
# A picture's grey that differs from its paper by less than an eighth is noise or shadow.
_NOISE = 32


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one example.

    Attributes:
        file: it came from, as given.
        row: counted from 1 within the file; 1 for a picture.
        predicted: name of the most probable class, or the value in a regression.
        probability: that the model gives it; None in a regression.
    """

    file: str
    row: int
    predicted: str
    probability: float | None


def predict_files(
    model: TrainedModel | SavedModel, paths: Sequence[str | os.PathLike[str]]
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
        features = read_features(model, path)
        if not model.class_names:
            values = (
                model.predict(features)
                if isinstance(model, TrainedModel)
                else model.predict_proba(features)
            )
            predictions.extend(
                Prediction(str(given), row + 1, f"{value:.9g}", None)
                for row, value in enumerate(values)
            )
            continue
        probabilities = model.predict_proba(features)
        best = probabilities.argmax(axis=1)
        predictions.extend(
            Prediction(str(given), row + 1, model.class_names[int(k)], float(probabilities[row, k]))
            for row, k in enumerate(best)
        )
    return tuple(predictions)


def read_features(model: TrainedModel | SavedModel, path: Path) -> NDArray[Any]:
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


def _from_table(model: TrainedModel | SavedModel, path: Path) -> NDArray[Any]:
    from bakeoff.data.cells import code
    from bakeoff.data.tables import read_csv, read_parquet

    columns = () if model.encoding is None else model.encoding.columns
    if path.suffix.lower() in (".csv", ".tsv"):
        words = {one.source for one in columns if one.kind == "category"}
        frame = read_csv(path, needs_target=False, text=words).frame
    else:
        frame = read_parquet(path, needs_target=False).frame
    if model.encoding is not None:
        return code(frame, model.encoding.columns, str(path))
    names = [str(name) for name in frame.columns]
    wanted = list(model.feature_names)
    if not wanted or (_are_made_up(tuple(wanted)) and not set(wanted) & set(names)):
        # Trained on plain arrays: columns can only be matched by their order.
        wanted = [name for name in names if name.lower() not in TARGET_NAMES]
    features = code(frame, [Column(name, source=name) for name in wanted], str(path))
    gaps = np.argwhere(np.isnan(features))
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"{path}: row {row + 1}, column {wanted[column]!r}: must be a number, but is empty; the model was "
            "trained on data without gaps"
        )
    return features


def _are_made_up(names: tuple[str, ...]) -> bool:
    """Whether these are the names that data without column names gets."""
    return names == tuple(f"x{column}" for column in range(len(names)))


def _from_npz(path: Path) -> NDArray[Any]:
    from bakeoff.data.array_files import read_npz

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


def _from_picture(model: TrainedModel | SavedModel, path: Path) -> NDArray[Any]:
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


def _largest_value(model: TrainedModel | SavedModel) -> float:
    """Full ink in the data the model was trained on; bytes unless the model says otherwise."""
    value = model.provenance.get("largest_value")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    return 255.0


def _with_largest(pixels: NDArray[np.uint8], largest: float) -> NDArray[Any]:
    if largest == 255.0:
        return pixels
    return (pixels.astype(np.float64) * (largest / 255.0)).astype(np.float32)


def centre_drawing(
    ink: NDArray[np.uint8], shape: tuple[int, int] = MNIST_SHAPE
) -> NDArray[np.uint8]:
    """Cuts out the drawing, fits it into the box and centres it.

    For 28 × 28 exactly as MNIST: a box of 20 × 20 and the centre of mass at pixel (14, 14). For
    any other shape the box is the whole image and the drawing's frame is centred in it, which is
    how scikit-learn's 8 × 8 digits lie.

    Args:
        ink: shape (height, width), 0 is paper, 255 is ink; sides of at most 4096.
        shape: (height, width) of the result.

    Returns:
        uint8, shape ``shape``; all zeros where there is no ink.

    Raises:
        DataError: ``ink`` is not such a picture.
    """
    if ink.ndim != 2 or ink.dtype != np.uint8 or max(ink.shape, default=0) > _MAX_SIDE:
        raise DataError(
            f"drawing: must be bytes of shape (height, width) with sides of at most {_MAX_SIDE}, but "
            f"got {ink.dtype} of shape {ink.shape}"
        )
    result = np.zeros(shape, np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        return result
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    as_mnist = shape == MNIST_SHAPE
    box = (MNIST_BOX, MNIST_BOX) if as_mnist else shape
    small = _average(cut, _fitted(cut.shape, box))
    top, left = (
        _offset(small, axis, shape[axis]) if as_mnist else (shape[axis] - small.shape[axis]) // 2
        for axis in (0, 1)
    )
    result[top : top + small.shape[0], left : left + small.shape[1]] = small
    return result


def drawing_features(
    ink: NDArray[np.uint8], image_shape: tuple[int, ...], largest: float = 255.0
) -> NDArray[Any]:
    """The features of one drawing, as the data of the model holds them.

    Args:
        ink: see ``centre_drawing``.
        image_shape: (height, width) or (height, width, 1) of the model's images.
        largest: the value of full ink in the model's data; 255 gives bytes.

    Returns:
        shape (1, height · width), uint8 where ``largest`` is 255, else float32.
    """
    grey = centre_drawing(ink, (image_shape[0], image_shape[1])).reshape(1, -1)
    return _with_largest(grey, largest)


def read_ink(path: Path) -> NDArray[np.uint8]:
    """The ink of a picture file, dark on light or light on dark.

    The paper is the median of the picture's edge; ink is the distance from it, what differs by
    less than 32 is paper, and the strongest ink becomes 255.

    Raises:
        DataError: no picture, or nothing drawn on it.
    """
    grey = as_grey(read_picture(path)).astype(np.int16)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = int(np.median(edge))
    ink = grey - paper if paper < 128 else paper - grey
    ink = np.where(ink < _NOISE, 0, ink)
    strongest = int(ink.max())
    if strongest == 0:
        raise DataError(
            f"{path}: nothing is drawn on it (no pixel differs from the edge by {_NOISE} of 255); give a "
            "picture with a dark drawing on light paper or the reverse"
        )
    return ((2 * 255 * ink.astype(np.int64) + strongest) // (2 * strongest)).astype(np.uint8)


def as_grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey values of a picture by ITU-R 601: (299 R + 587 G + 114 B + 500) // 1000."""
    if picture.ndim == 2:
        return picture
    weights = np.array([299, 587, 114], np.int64)
    return ((picture.astype(np.int64) @ weights + 500) // 1000).astype(np.uint8)


def _fitted(size: tuple[int, ...], box: tuple[int, int]) -> tuple[int, int]:
    """Largest size of the same aspect ratio in the box; halves are rounded up."""
    height, width = size
    if height * box[1] >= width * box[0]:  # the height is what limits
        return box[0], max(1, (2 * width * box[0] + height) // (2 * height))
    return max(1, (2 * height * box[1] + width) // (2 * width)), box[1]


def _overlaps(num_source: int, num_target: int) -> NDArray[np.float64]:
    """How much of each source pixel each target pixel covers, in units of 1/num_target.

    Target pixel i spans i·s/t … (i+1)·s/t of the source; times t these are whole numbers. Each
    row sums to ``num_source``.

    Returns:
        shape (num_target, num_source).
    """
    target = np.arange(num_target)[:, None] * num_source
    source = np.arange(num_source)[None, :] * num_target
    high = np.minimum(target + num_source, source + num_target)
    return np.asarray(np.maximum(high - np.maximum(target, source), 0), np.float64)


def _average(cut: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Area average, halves rounded up. All numbers are whole and below 2⁵³, hence exact."""
    height, width = cut.shape
    total = _overlaps(height, size[0]) @ cut.astype(np.float64) @ _overlaps(width, size[1]).T
    area = height * width
    return np.asarray((2 * total.astype(np.int64) + area) // (2 * area), np.uint8)


def _offset(small: NDArray[np.uint8], axis: int, side: int) -> int:
    """Where the drawing begins so that its centre of mass lies at 14, kept inside the image."""
    mass = small.astype(np.int64).sum(axis=1 - axis)
    total = int(mass.sum())
    moment = int((mass * np.arange(len(mass))).sum())
    if total == 0:  # a stroke so thin that it averaged away
        return (side - len(mass)) // 2
    offset = math.floor((2 * MNIST_CENTRE * total - 2 * moment + total) / (2 * total))
    return min(max(offset, 0), side - len(mass))

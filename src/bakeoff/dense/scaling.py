"""How the features of a network are shifted and scaled, told by the training part alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.base import Scaling
from bakeoff.errors import UsageError

# 256 bytes squared sum to at most 256 · 255² = 16,646,400 < 2²⁴, so float32 holds them exactly.
_EXACT_ROWS = 256
_CHUNK_ROWS = 1024
_BYTE_MAX = 255.0


def fit_scaling(
    features: NDArray[Any], train_rows: NDArray[np.int32], scale: str, *, pictures: bool = False
) -> Scaling:
    """Shift and factor such that the network sees ``(x - shift) * factor``.

    - ``none``: the features as they are; shapes (1,).
    - ``unit``: bytes divided by 255, shapes (1,); else every feature by its largest absolute
      value in the training part, shapes (num_features,), or all pixels of pictures by one, shapes
      (1,); a feature that is 0 everywhere stays so.
    - ``standard``: mean 0 and standard deviation 1 (ddof 0) per feature over the training part,
      computed in float64; a constant feature is only shifted; shapes (num_features,).

    Args:
        features: shape (num_examples, num_features), uint8 or float32, finite.
        train_rows: rows of the training part, not empty.
        scale: none, unit or standard.
        pictures: whether the features are the pixels of pictures.

    Raises:
        UsageError: another word for ``scale``, or no training rows.
    """
    if scale == "none":
        return _scaling(np.zeros(1), np.ones(1))
    if len(train_rows) == 0:
        raise UsageError(f"scale: {scale!r} needs a training part, but got no rows")
    if scale == "unit":
        largest = np.array([_BYTE_MAX])
        if features.dtype != np.uint8:
            largest = _largest(features, train_rows)
            largest = largest.max(keepdims=True) if pictures else largest
        return _scaling(np.zeros(len(largest)), _reciprocal(largest))
    if scale == "standard":
        moments = _byte_moments if features.dtype == np.uint8 else _float_moments
        mean, sd = moments(features, train_rows)
        return _scaling(mean, _reciprocal(sd))
    raise UsageError(f"scale: must be none, unit or standard, but got {scale!r}")


def _scaling(shift: NDArray[np.float64], factor: NDArray[np.float64]) -> Scaling:
    arrays = shift.astype(np.float32), factor.astype(np.float32)
    for array in arrays:
        array.setflags(write=False)
    return Scaling(*arrays)


def _reciprocal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1/x, and 1 where x is zero or so small that float32 cannot hold its reciprocal."""
    smallest = 1.0 / float(np.finfo(np.float32).max)
    return np.divide(1.0, values, out=np.ones_like(values), where=values > smallest)


def _chunks(features: NDArray[Any], rows: NDArray[np.int32], size: int) -> Iterator[NDArray[Any]]:
    """The training rows, a few at a time: the matrix is never copied as a whole."""
    for start in range(0, len(rows), size):
        yield features[rows[start : start + size]]


def _largest(features: NDArray[Any], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Of the absolute values of every feature, shape (num_features,)."""
    largest = np.zeros(features.shape[1])
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        np.maximum(largest, np.abs(chunk).max(axis=0), out=largest)
    return largest


def _byte_moments(
    features: NDArray[Any], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sd of bytes from exact integer sums.

    Each chunk's sums are whole numbers below 2²⁴, so a float32 matrix product, the fastest way
    through the bytes, rounds nothing in whatever order it adds.
    """
    num_features = features.shape[1]
    total, squares = np.zeros(num_features), np.zeros(num_features)
    for chunk in _chunks(features, rows, _EXACT_ROWS):
        values = chunk.astype(np.float32)
        ones = np.ones(len(values), np.float32)
        total += ones @ values
        squares += ones @ np.square(values, out=values)
    count = len(rows)
    # n·Σx² - (Σx)² is the variance times n², in whole numbers below 2⁵³ up to 370,000 rows.
    variance = np.maximum(count * squares - np.square(total), 0.0) / float(count) ** 2
    return total / count, np.sqrt(variance)


def _float_moments(
    features: NDArray[Any], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sd in two passes; exact constants get an sd of exactly zero."""
    num_features = features.shape[1]
    total = np.zeros(num_features)
    low, high = np.full(num_features, np.inf), np.full(num_features, -np.inf)
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        total += chunk.sum(axis=0, dtype=np.float64)
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
    # A rounded mean must not make a constant feature look as if it varied.
    mean = np.where(low == high, low, total / len(rows))
    squares = np.zeros(num_features)
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        squares += np.square(chunk - mean).sum(axis=0)
    return mean, np.sqrt(squares / len(rows))

"""Examples as one small PNG that a page can hold; knows only arrays and Pillow."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Sprite:
    """Many images of one size in one PNG, left to right, top to bottom.

    Attributes:
        uri: ``data:image/png;base64,…``.
        size: (columns, rows) of the grid.
    """

    uri: str
    size: tuple[int, int]


def as_bytes(features: NDArray[Any], shape: tuple[int, ...], peak: float) -> NDArray[np.uint8]:
    """One example as bytes of shape (height, width) or (height, width, 3), ``peak`` as white."""
    values = np.nan_to_num(np.asarray(features, np.float64).reshape(shape))
    bytes_ = np.clip(np.rint(values * (255 / peak)), 0, 255).astype(np.uint8)
    if bytes_.ndim == 3 and bytes_.shape[2] != 3:
        bytes_ = bytes_[:, :, 0]
    return bytes_


def sprite(
    examples: Sequence[NDArray[Any]],
    shape: tuple[int, ...] | None,
    *,
    peak: float | None = None,
    columns: int = COLUMNS,
) -> Sprite | None:
    """The examples as one PNG, or None where they are no images or there are none.

    Args:
        examples: each of shape (num_features,).
        shape: (height, width) or (height, width, channels).
        peak: the value that is white; None for the largest there is. Bytes always have 255.
        columns: images per row of the grid.
    """
    if shape is None or len(shape) not in (2, 3) or not examples:
        return None
    from PIL import Image  # for pages with pictures only

    white = 255.0
    if examples[0].dtype != np.uint8:
        white = peak or max(float(np.nanmax(np.abs(example))) for example in examples) or 1.0
    images = [as_bytes(example, shape, white) for example in examples]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = shape[:2]
    sheet = np.zeros((rows * height, columns * width, *images[0].shape[2:]), np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG", optimize=True)
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Sprite(uri, (columns, rows))

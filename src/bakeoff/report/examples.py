"""Test examples: as tables in the words of their owner, and as one small PNG that a page can hold."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.summary import Summary
from bakeoff.records import Column, DataSummary, RegressionExam
from bakeoff.report.tables import Table
from bakeoff.words import DASH, number, percent

MAX_MISSES = 12
MAX_FEATURES = 8  # of a test example
COLUMNS = 8  # of a picture of several


def examples(
    data: DataSummary, told: Sequence[tuple[tuple[str, ...], NDArray[Any]]], head: tuple[str, ...]
) -> Table:
    """Test examples in the words of their table: categories, dates and gaps as its owner knows them.

    Args:
        told: what is said of each, and its features, shape (num_features,).
        head: names what is said.
    """
    columns = data.columns or tuple(Column(name) for name in data.feature_names)
    # A date became several numbers, the days among them.
    shown = [i for i, one in enumerate(columns) if one.part in ("", "days")][:MAX_FEATURES]
    names = tuple(columns[i].source if columns[i].part else columns[i].name for i in shown)
    rows = [(*said, *(_cell(columns[i], float(row[i])) for i in shown)) for said, row in told]
    return Table((*head, *names), tuple(rows))


def _cell(column: Column, value: float) -> str:
    if math.isnan(value):
        return DASH
    if column.part:
        when = datetime(2000, 1, 1) + timedelta(minutes=round(value * 1440))
        return f"{when:%Y-%m-%d}" if value == int(value) else f"{when:%Y-%m-%d %H:%M}"
    if column.kind == "category":
        return column.categories[int(value)] if value >= 0 else "another word"
    return f"{value:.0f}" if abs(value) >= 1_000 else number(value)


def mistakes(summary: Summary, final: FinalSummary) -> Table:
    """The worst mistakes of a classifier."""
    data = summary.result.data
    told = [
        (
            (
                str(one.row),
                data.class_names[one.predicted],
                data.class_names[one.actual],
                percent(one.probability),
            ),
            one.features,
        )
        for one in final.mistakes
    ]
    return examples(data, told, ("row", "predicted", "is", "probability"))


def misses(summary: Summary, exam: RegressionExam) -> Table:
    """The largest errors of a regression."""
    told = [
        ((str(one.row), number(one.predicted), number(one.actual)), one.features)
        for one in exam.worst[:MAX_MISSES]
    ]
    return examples(summary.result.data, told, ("row", "predicted", "is"))


@dataclass(frozen=True, slots=True)
class Sprite:
    """Many images of one size in one PNG, left to right, top to bottom.

    Attributes:
        uri: ``data:image/png;base64,…``.
        size: (columns, rows) of the grid.
    """

    uri: str
    size: tuple[int, int]


def _as_bytes(features: NDArray[Any], shape: tuple[int, ...], peak: float) -> NDArray[np.uint8]:
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
) -> Sprite | None:
    """The examples as one PNG, or None where they are no images or there are none.

    Args:
        examples: each of shape (num_features,).
        shape: (height, width) or (height, width, channels).
        peak: the value that is white; None for the largest there is. Bytes always have 255.
    """
    if shape is None or len(shape) not in (2, 3) or not examples:
        return None
    from PIL import Image  # for pages with pictures only

    white = 255.0
    if examples[0].dtype != np.uint8:
        white = peak or max(float(np.nanmax(np.abs(example))) for example in examples) or 1.0
    images = [_as_bytes(example, shape, white) for example in examples]
    columns = min(COLUMNS, len(images))
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

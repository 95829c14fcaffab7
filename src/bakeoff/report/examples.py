"""Test examples as tables, in the words of their owner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from numpy.typing import NDArray

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.summary import Summary
from bakeoff.records import Column, DataSummary, RegressionExam
from bakeoff.report.tables import Table
from bakeoff.words import (
    DASH,
    number,
    percent,
)

MAX_MISSES = 12
MAX_FEATURES = 8  # of a test example


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

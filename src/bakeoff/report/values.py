"""Charts of a regression: predicted against actual values, and how far off they are."""

from __future__ import annotations

import numpy as np

from bakeoff import words
from bakeoff.records import RegressionExam
from bakeoff.report import axes, svg
from bakeoff.report.svg import Picture
from bakeoff.report.tables import Table

SIDE = 260.0
MOST_DOTS = 500
NUM_GROUPS = 10


def _dots(exam: RegressionExam) -> list[int]:
    """Which of the values are drawn: at most 500, evenly over the actual ones."""
    count = len(exam.actual)
    return [int(i) for i in np.linspace(0, count - 1, min(count, MOST_DOTS))]


def predicted(exam: RegressionExam) -> Picture:
    """Predicted against actual values; on the dashed line a prediction is right."""
    picture = Picture(SIDE, SIDE, "Predicted against actual values of test examples.")
    ends = axes.padded([*exam.actual, *exam.predicted])
    x = axes.linear("actual", ends, SIDE)
    picture.x_axis(x)
    picture.y_axis(axes.linear("predicted", ends, SIDE))
    picture.add([svg.line([(0, SIDE), (SIDE, 0)])], stroke="muted", dash="3,3")
    picture.add(
        [
            svg.mark(
                x(exam.actual[i]),
                SIDE - x(exam.predicted[i]),
                2.5,
                f"{words.number(exam.predicted[i])} predicted, is {words.number(exam.actual[i])}",
            )
            for i in _dots(exam)
        ],
        fill="accent",
        opacity=0.6,
    )
    return picture


def residuals(exam: RegressionExam) -> Picture:
    """Predicted minus actual against predicted values; nothing should be seen but noise."""
    picture = Picture(SIDE, SIDE, "Predicted minus actual against predicted values.")
    errors = exam.predicted - exam.actual
    x = axes.linear("predicted", axes.padded(exam.predicted), SIDE)
    y = axes.linear("predicted − actual", axes.padded([*errors, 0.0]), SIDE)
    picture.x_axis(x)
    picture.y_axis(y)
    picture.add([svg.line([(0, SIDE - y(0.0)), (SIDE, SIDE - y(0.0))])], stroke="muted", dash="3,3")
    picture.add(
        [
            svg.mark(
                x(exam.predicted[i]),
                SIDE - y(errors[i]),
                2.5,
                f"{words.number(errors[i], sign=True)} off at {words.number(exam.predicted[i])}",
            )
            for i in _dots(exam)
        ],
        fill="accent",
        opacity=0.6,
    )
    return picture


def table(exam: RegressionExam) -> Table:
    """Of ten groups by the actual value: how many, their means, how far off."""
    rows = []
    for group in np.array_split(np.arange(len(exam.actual)), NUM_GROUPS):
        if len(group):
            actual, guess = exam.actual[group], exam.predicted[group]
            off = float(np.sqrt(np.mean(np.square(guess - actual))))
            told = (float(actual.mean()), float(guess.mean()), off)
            rows.append((str(len(group)), *map(words.number, told)))
    return Table(("examples", "mean actual", "mean predicted", "rmse"), tuple(rows))

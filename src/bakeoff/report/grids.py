"""The charts with two directions: tuned values, confusions, reliability, predicted values.

Each function gives None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.records import RegressionExam, TuningPoint
from bakeoff.report import axes, svg
from bakeoff.report.axes import text_width
from bakeoff.report.svg import WIDTH, Picture
from bakeoff.words import clip, level, number, percent, setting

SERIES = ("s1", "s2", "s3", "s4", "s5", "s6")
MOST_POINTS = 300
"""Of a search that a page shows."""

SIDE = 260.0  # of a chart of a regression
MOST_DOTS = 500


def tuned_names(stage: StageSummary) -> list[str]:
    """The nuisance hyperparameters that the stage tuned, in order of appearance."""
    return list(dict.fromkeys(name for point, _ in stage.tuning for name in point.values))


_Profile = dict[tuple[str, Any], tuple[TuningPoint, float]]


def _profile(stage: StageSummary, name: str) -> _Profile:
    """Per candidate and value of ``name`` the point with the best mean over the other nuisances."""
    best: _Profile = {}
    for point, mean in stage.points(MOST_POINTS):
        if name not in point.values or mean is None:
            continue
        value = point.values[name]
        key = (stage.name(point.candidate), tuple(value) if isinstance(value, list) else value)
        known = best.get(key)
        better = known is None or stage.metric.sign * (mean - known[1]) > 0
        if point.chosen or (better and not (known and known[0].chosen)):
            best[key] = point, mean
    return best


def _in_order(profile: _Profile) -> list[Any]:
    """The values tried: numbers by size, then names."""
    values = {value for _, value in profile}
    return sorted(values, key=lambda v: (0, v, "") if _is_number(v) else (1, 0, setting(v)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _says(candidate: str, name: str, value: Any, point: TuningPoint, mean: str) -> str:
    return f"{candidate}, {name} {setting(value)}: {mean}{', taken' if point.chosen else ''}"


def tuned(stage: StageSummary, name: str | None = None) -> Picture | None:
    """The metric along one tuned hyperparameter, one line per candidate."""
    metric = stage.metric
    name = name or next(iter(tuned_names(stage)), "")
    profile = _profile(stage, name)
    if not profile:
        return None
    width, height = WIDTH - 44, 200.0
    values, candidates = _in_order(profile), list(dict.fromkeys(c for c, _ in profile))
    y = axes.linear(
        f"validation {metric.words}{' (%)' if metric.share else ''}",
        axes.padded([mean for _, mean in profile.values()]),
        height,
        factor=100 if metric.share else 1,
    )
    picture = Picture(
        width,
        height,
        f"Validation {metric.words} on the screening replicates along {name}, "
        + (
            f"one dot per point of the search of stage {stage.stage.name}; the ring marks what competes."
            if stage.searched
            else f"one line per candidate of stage {stage.stage.name}; the ring marks the value each "
            "candidate was given."
        ),
    )
    places = {value: float(index) for index, value in enumerate(values)}
    if all(map(_is_number, values)):
        x = axes.spaced(name, [float(value) for value in values], width)
        places = {value: float(value) for value in values}
    else:
        named = tuple((float(i), setting(value)) for i, value in enumerate(values))
        x = axes.Axis(name, -0.5, len(values) - 0.5, width, named)
    picture.x_axis(x)
    picture.y_axis(y)
    few = len(candidates) <= len(SERIES)
    for index, candidate in enumerate(candidates):
        role = SERIES[index] if few else "other"
        path, dots, rings = [], [], []
        for value in values:
            if (candidate, value) not in profile:
                continue
            point, mean = profile[candidate, value]
            at = x(places[value]), height - y(mean)
            says = _says(candidate, name, value, point, level(mean, metric))
            path.append(at)
            dots.append(svg.mark(*at, 3, says))
            rings += [svg.mark(*at, 6, says)] if point.chosen else []
        if len(path) > 1:
            picture.add([svg.line(path)], stroke=role, width=1.5)
        picture.add(dots, fill=role)
        picture.add(rings, stroke=role, width=1.5)
    if few:
        picture.legend(list(zip(SERIES, candidates, strict=False)))
    return picture


def heatmap(stage: StageSummary, name: str | None = None) -> Picture | None:
    """Tuned hyperparameter × candidate as a heat map (learning rate first)."""
    metric, names = stage.metric, tuned_names(stage)
    name = name or ("learning_rate" if "learning_rate" in names else next(iter(names), ""))
    profile = _profile(stage, name)
    if not profile:
        return None
    values, candidates = _in_order(profile), list(dict.fromkeys(c for c, _ in profile))
    means = [mean for _, mean in profile.values()]
    low, high = min(means), max(means)
    left = min(130.0, max(text_width(candidate, svg.SIZE) for candidate in candidates))
    width, step = (WIDTH - left) / len(values), 34.0
    picture = Picture(
        WIDTH - left,
        step * len(candidates),
        f"Validation {metric.words} on the screening replicates for each candidate of stage "
        f"{stage.stage.name} and each {name}.",
    )
    cells, numbers = [], []
    for (candidate, value), (point, mean) in profile.items():
        shade = (mean - low) / (high - low) if high > low else 0.5
        shade = shade if metric.higher_is_better else 1 - shade
        shade = 0.06 + 0.84 * shade**2  # squared: the differences that matter are at the top
        x, y = values.index(value) * width, candidates.index(candidate) * step
        says = _says(candidate, name, value, point, level(mean, metric))
        cells.append(svg.cell(x + 1, y + 1, width - 2, step - 2, shade, says))
        label = f"{100 * mean:.1f}" if metric.share else f"{mean:.3g}"
        numbers.append((x + width / 2, y + step / 2, label, shade))
    picture.add(cells, fill="accent")
    if width >= 30:
        _on_cells(picture, numbers)
    named = [(-6.0, (i + 0.5) * step, label) for i, label in enumerate(candidates)]
    picture.words(named, anchor="end", limit=left)
    ticks = tuple((i + 0.5, setting(value)) for i, value in enumerate(values))
    picture.x_axis(axes.Axis(name, 0, len(values), picture.width, ticks), grid=False)
    return picture


def _on_cells(picture: Picture, numbers: Sequence[tuple[float, float, str, float]]) -> None:
    """Words in the middle of cells, light on dark ones."""
    for role, dark in (("ink", False), ("on-accent", True)):
        own = [(x, y, label) for x, y, label, shade in numbers if (shade >= 0.45) == dark]
        picture.words(own, role=role, anchor="middle")


def confusion(final: FinalSummary, class_names: Sequence[str]) -> Picture | None:
    """The confusion matrix; None where the test set was not opened."""
    if final.confusion is None:
        return None
    names = [clip(name, 14) for name in class_names]
    left = min(90.0, max(text_width(name, svg.SIZE) for name in names))
    step = min(32.0, max(14.0, (WIDTH - left - 20) / len(names)))
    picture = Picture(
        step * len(names),
        step * len(names),
        "Confusion matrix on the test set: rows are the true class, columns the predicted one.",
    )
    cells, numbers = [], []
    for actual, row in enumerate(final.confusion.tolist()):
        for predicted, count in enumerate(row):
            if count == 0:
                continue
            right, share = actual == predicted, count / sum(row)
            # Mistakes are rare: their shade grows with the square root, so that one shows.
            shade = 0.12 + 0.7 * (share if right else min(1.0, share**0.5 * 1.6))
            says = f"{count} of {sum(row)} examples of class {class_names[actual]} " + (
                "recognised" if right else f"taken for {class_names[predicted]}"
            )
            x, y = predicted * step, actual * step
            role = "accent" if right else "bad"
            cells.append(svg.cell(x + 1, y + 1, step - 2, step - 2, shade, says, role=role))
            numbers.append((x + step / 2, y + step / 2, str(count), shade))
    picture.add(cells)
    if step >= 22:
        _on_cells(picture, numbers)
    picture.words(
        [(-6.0, (i + 0.5) * step, name) for i, name in enumerate(names)], anchor="end", limit=left
    )
    if max(map(len, names)) < 4:
        picture.words([((i + 0.5) * step, -12.0, n) for i, n in enumerate(names)], anchor="middle")
        top = -28.0
    else:
        turned = [svg.text((i + 0.5) * step, -6.0, n, turn=-60) for i, n in enumerate(names)]
        picture.add(turned, fill="muted")
        top = -0.87 * max(text_width(name, svg.SIZE) for name in names) - 24
        picture.reach(0, top, picture.width + 0.5 * text_width(names[-1], svg.SIZE) - step / 2, 0)
    picture.words([(picture.width / 2, top, "predicted")], anchor="middle")
    actual_at = svg.text(-left - 16, picture.height / 2, "actual", turn=-90)
    picture.add([actual_at], fill="muted", anchor="middle")
    picture.reach(-left - 22, 0, 0, 0)
    return picture


def reliability(final: FinalSummary) -> Picture | None:
    """Accuracy against confidence; on the diagonal the model knows how sure it may be."""
    if not final.reliability:
        return None
    most = max(count for count, _, _ in final.reliability)
    side = WIDTH - 50
    picture = Picture(
        side,
        side,
        "Reliability: share of right predictions against the model's confidence, in 15 bins; the "
        "area of a dot grows with the number of predictions.",
    )
    x = axes.linear("mean confidence (%)", (0, 1), side, factor=100)
    picture.x_axis(x)
    picture.y_axis(axes.linear("share that was right (%)", (0, 1), side, factor=100))
    picture.add([svg.line([(0, side), (side, 0)])], stroke="muted", dash="3,3")
    rules, dots = [], []
    for count, confidence, accuracy in final.reliability:
        at, right = x(confidence), side - x(accuracy)
        says = (
            f"{count:.0f} predictions at {percent(confidence, 1)} mean confidence: "
            f"{percent(accuracy, 1)} right"
        )
        rules.append(svg.line([(at, right), (at, side - at)]))
        dots.append(svg.mark(at, right, (30 + 250 * (count / most) ** 0.5) ** 0.5 / 2, says))
    picture.add(rules, stroke="other")
    picture.add(dots, fill="accent", opacity=0.9)
    return picture


def predicted_values(exam: RegressionExam) -> Picture:
    """Predicted against actual values; on the dashed line a prediction is right."""
    picture = Picture(SIDE, SIDE, "Predicted against actual values of test examples.")
    ends = axes.padded([*exam.actual, *exam.predicted])
    x = axes.linear("actual", ends, SIDE)
    picture.x_axis(x)
    picture.y_axis(axes.linear("predicted", ends, SIDE))
    picture.add([svg.line([(0, SIDE), (SIDE, 0)])], stroke="muted", dash="3,3")

    def dot(i: int) -> str:
        actual, guess = exam.actual[i], exam.predicted[i]
        says = f"{number(guess)} predicted, is {number(actual)}"
        return svg.mark(x(actual), SIDE - x(guess), 2.5, says)

    _add_dots(picture, exam, dot)
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

    def dot(i: int) -> str:
        guess = exam.predicted[i]
        says = f"{number(errors[i], sign=True)} off at {number(guess)}"
        return svg.mark(x(guess), SIDE - y(errors[i]), 2.5, says)

    _add_dots(picture, exam, dot)
    return picture


def _add_dots(picture: Picture, exam: RegressionExam, dot: Callable[[int], str]) -> None:
    """A dot for at most 500 of the values, evenly over the actual ones."""
    count = len(exam.actual)
    drawn = np.linspace(0, count - 1, min(count, MOST_DOTS))
    picture.add([dot(int(i)) for i in drawn], fill="accent", opacity=0.6)

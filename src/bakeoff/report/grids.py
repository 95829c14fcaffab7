"""The charts with two directions: training curves, tuned values, confusions, reliability.

Each function gives None (or no panels) where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.report import svg
from bakeoff.report.svg import WIDTH, Picture
from bakeoff.report.text_width import text_width
from bakeoff.report.view_final import FinalView
from bakeoff.report.view_runs import CandidateView
from bakeoff.report.view_stages import StageView, TuningView
from bakeoff.report.words import Metric, clip, fixed, metric, percent, setting

SERIES = ("s1", "s2", "s3", "s4", "s5", "s6")
PANEL = (176.0, 112.0)
CURVES: Mapping[str, tuple[str, str]] = {
    "accuracy": ("train_accuracy", "val_accuracy"),
    "loss": ("train_loss", "val_loss"),
}


def _curve_limits(stage: StageView, what: str) -> tuple[float, float] | None:
    """The range that all panels of a stage share; None without curves.

    The first fifth of each curve and the worst 2 % of the rest may run out of it: what differs
    between candidates is at the end, and one bad epoch would flatten it.
    """
    values = []
    for candidate in stage.candidates:
        for run in candidate.finished:
            for name in CURVES[what]:
                known = [value for value in getattr(run.curve, name) if value is not None]
                values += known[len(known) // 5 :]
    values.sort()
    cut = len(values) // 50
    if not values:
        return None
    if what == "accuracy":
        return svg.padded(values[cut:], 0.03)
    return svg.padded(values[: len(values) - cut], 0.03)


def _entered(points: list[tuple[int, float]], low: float, high: float) -> list[tuple[int, float]]:
    """The points from the last one before the curve comes into the picture."""
    inside = next((i for i, (_, value) in enumerate(points) if low <= value <= high), None)
    return points[max(0, (inside or 0) - 1) :]


def curves(
    stage: StageView, what: str = "accuracy", *, size: tuple[float, float] = PANEL
) -> list[tuple[str, Picture]]:
    """A label and a small chart per candidate with curves, all on the same scales.

    Args:
        what: ``accuracy`` or ``loss``.
        size: width and height of a panel's plot in pixels.
    """
    limits = _curve_limits(stage, what)
    if limits is None:
        return []
    panels = []
    for candidate in stage.candidates:
        panel = _panel(candidate, what, limits, size, candidate.label == stage.chosen)
        if panel is not None:
            panels.append((candidate.label, panel))
    return panels


def _panel(
    candidate: CandidateView,
    what: str,
    limits: tuple[float, float],
    size: tuple[float, float],
    chosen: bool,
) -> Picture | None:
    lines: list[tuple[str, str, int, list[tuple[int, float]]]] = []
    for run in candidate.runs:
        for part, name in zip(("train", "validation"), CURVES[what], strict=True):
            values: Sequence[float | None] = getattr(run.curve, name)
            points = [
                (epoch, value)
                for epoch, value in zip(run.curve.epochs, values, strict=True)
                if value is not None
            ]
            if points:
                last = points[-1][1]
                says = (
                    f"{candidate.label}, replicate {run.replicate + 1}, {part} {what} "
                    f"{percent(last) if what == 'accuracy' else fixed(last, 4)} at the end"
                    + (f"; {run.reason}" if run.reason else "")
                )
                lines.append((part, says, run.replicate, _entered(points, *limits)))
    if not lines:
        return None
    width, height = size
    ends = (1, max(points[-1][0] for *_, points in lines))
    y = svg.linear("", limits, height, factor=100 if what == "accuracy" else 1, count=4)
    x = svg.linear("epoch", ends, width, count=max(1, min(4, ends[1] - ends[0])), whole=True)
    picture = Picture(
        width,
        height,
        f"Training curves of {candidate.label}: {what} after each epoch, train and validation, "
        "one line per replicate and part.",
    )
    picture.x_axis(x, grid=False)
    picture.y_axis(y)
    for wanted, role in (("train", "train"), ("validation", "accent" if chosen else "other")):
        picture.add(
            [
                svg.line(
                    [(x(epoch), height - y(value)) for epoch, value in points],
                    says,
                    replicate=replicate,
                )
                for part, says, replicate, points in lines
                if part == wanted
            ],
            stroke=role,
            width=1.1,
            opacity=0.85,
        )
    return picture


def sheet(panels: Sequence[tuple[str, Picture]], columns: int = 3) -> Picture | None:
    """Panels of one size side by side, each under its label; None without any."""
    if not panels:
        return None
    across, down = PANEL[0] + 50, PANEL[1] + 66
    num_rows = -(-len(panels) // columns)
    width = min(len(panels), columns) * across - 50
    description = " ".join(panel.description for _, panel in panels)
    picture = Picture(width, num_rows * down - 66, description)
    for index, (label, panel) in enumerate(panels):
        x, y = index % columns * across, index // columns * down
        picture.hold(panel, x, y)
        picture.words([(x, y - 14, label)], role="ink", limit=PANEL[0])
    return picture


def tuned_names(stage: StageView) -> list[str]:
    """The nuisance hyperparameters that the stage tuned, in order of appearance."""
    return list(dict.fromkeys(name for point in stage.tuning for name, _ in point.values))


def _profile(
    points: Sequence[TuningView], name: str, measure: Metric
) -> dict[tuple[str, Any], TuningView]:
    """Per candidate and value of ``name`` the point with the best mean over the other nuisances."""
    best: dict[tuple[str, Any], TuningView] = {}
    for point in points:
        value = dict(point.values).get(name)
        if value is None or point.mean is None:
            continue
        known = best.get((point.candidate, value))
        if (
            known is None
            or known.mean is None
            or point.chosen
            or (not known.chosen and (point.mean > known.mean) == measure.higher_is_better)
        ):
            best[point.candidate, value] = point
    return best


def _in_order(values: Sequence[Any]) -> list[Any]:
    """Numbers by size, then names."""
    return sorted(set(values), key=lambda value: (isinstance(value, str), value))


def _says(candidate: str, name: str, value: Any, point: TuningView, measure: Metric) -> str:
    taken = ", taken" if point.chosen else ""
    return f"{candidate}, {name} {setting(value)}: {measure.level(point.mean)}{taken}"


def tuned(stage: StageView, name: str | None = None) -> Picture | None:
    """The metric along one tuned hyperparameter, one line per candidate."""
    measure = metric(stage.metric)
    name = name or next(iter(tuned_names(stage)), None)
    points = {} if name is None else _profile(stage.tuning, name, measure)
    if not points or name is None:
        return None
    width, height = WIDTH - 44, 200.0
    values = _in_order([value for _, value in points])
    candidates = list(dict.fromkeys(candidate for candidate, _ in points))
    means = [point.mean or 0.0 for point in points.values()]
    y = svg.linear(
        f"{measure.title}{' (%)' if measure.share else ''}",
        svg.padded(means),
        height,
        factor=100 if measure.share else 1,
    )
    picture = Picture(
        width,
        height,
        f"{measure.title} on the screening replicates along {name}, one line per candidate of stage "
        f"{stage.name}; the ring marks the value each candidate was given.",
    )
    if all(isinstance(value, float) for value in values):
        x = svg.spaced(name, values, width)
    else:
        words = tuple((float(i), setting(value)) for i, value in enumerate(values))
        x = svg.Axis(name, -0.5, len(values) - 0.5, width, words)
    picture.x_axis(x)
    picture.y_axis(y)
    few = len(candidates) <= len(SERIES)
    for index, candidate in enumerate(candidates):
        role = SERIES[index] if few else "other"
        own = [
            (value, points[candidate, value]) for value in values if (candidate, value) in points
        ]
        dots, rings = [], []
        for value, point in own:
            at = x(value if isinstance(value, float) else float(values.index(value)))
            says = _says(candidate, name, value, point, measure)
            dots.append((at, height - y(point.mean or 0.0), says))
            if point.chosen:
                rings.append(svg.ring(*dots[-1][:2], 6, says))
        picture.add([svg.line([dot[:2] for dot in dots])], stroke=role, width=1.5)
        picture.add([svg.dot(*dot[:2], 3, dot[2]) for dot in dots], fill=role)
        picture.add(rings, stroke=role, width=1.5)
    if few:
        picture.legend(list(zip(SERIES, candidates, strict=False)))
    return picture


def heatmap(stage: StageView, name: str | None = None) -> Picture | None:
    """Tuned hyperparameter × candidate as a heat map (learning rate first)."""
    measure = metric(stage.metric)
    names = tuned_names(stage)
    name = name or ("learning_rate" if "learning_rate" in names else next(iter(names), None))
    points = {} if name is None else _profile(stage.tuning, name, measure)
    if not points or name is None:
        return None
    values = _in_order([value for _, value in points])
    candidates = list(dict.fromkeys(candidate for candidate, _ in points))
    means = [point.mean or 0.0 for point in points.values()]
    low, high = min(means), max(means)
    left = min(130.0, max(text_width(candidate, svg.SIZE) for candidate in candidates))
    width, step = (WIDTH - left) / len(values), 34.0
    picture = Picture(
        WIDTH - left,
        step * len(candidates),
        f"{measure.title} on the screening replicates for each candidate of stage {stage.name} and each "
        f"{name}.",
    )
    words = []
    cells = []
    for (candidate, value), point in points.items():
        mean = point.mean or 0.0
        shade = (mean - low) / (high - low) if high > low else 0.5
        shade = shade if measure.higher_is_better else 1 - shade
        shade = 0.06 + 0.84 * shade**2  # squared: the differences that matter are at the top
        x, y = values.index(value) * width, candidates.index(candidate) * step
        says = _says(candidate, name, value, point, measure)
        cells.append(svg.cell(x + 1, y + 1, width - 2, step - 2, shade, says))
        label = f"{100 * mean:.1f}" if measure.share else f"{mean:.3g}"
        words.append((x + width / 2, y + step / 2, label, shade < 0.45))
    picture.add(cells, fill="accent")
    if width >= 30:
        for light, role in ((True, "ink"), (False, "on-accent")):
            own = [(x, y, label) for x, y, label, is_light in words if is_light == light]
            picture.words(own, role=role, anchor="middle")
    names_at = [(-6.0, (i + 0.5) * step, label) for i, label in enumerate(candidates)]
    picture.words(names_at, anchor="end", limit=left)
    ticks = tuple((i + 0.5, setting(value)) for i, value in enumerate(values))
    picture.x_axis(svg.Axis(name, 0, len(values), picture.width, ticks), grid=False)
    return picture


def confusion(final: FinalView) -> Picture | None:
    """The confusion matrix; None where the test set was not opened."""
    if final.confusion is None:
        return None
    names = [clip(name, 14) for name in final.class_names]
    left = min(90.0, max(text_width(name, svg.SIZE) for name in names))
    step = min(32.0, max(14.0, (WIDTH - left - 20) / len(names)))
    picture = Picture(
        step * len(names),
        step * len(names),
        "Confusion matrix on the test set: rows are the true class, columns the predicted one.",
    )
    words = []
    for actual, row in enumerate(final.confusion):
        total = sum(row) or 1
        for predicted, count in enumerate(row):
            if count == 0:
                continue
            right = actual == predicted
            # Mistakes are rare: their shade grows with the square root, so that one shows.
            share = count / total
            shade = 0.12 + 0.7 * (share if right else min(1.0, share**0.5 * 1.6))
            says = f"{count} of {sum(row)} examples of class {final.class_names[actual]} " + (
                "recognised" if right else f"taken for {final.class_names[predicted]}"
            )
            x, y = predicted * step, actual * step
            role = "accent" if right else "bad"
            picture.add([svg.cell(x + 1, y + 1, step - 2, step - 2, shade, says, role=role)])
            words.append((x + step / 2, y + step / 2, str(count), shade <= 0.5))
    if step >= 22:
        for light, role in ((True, "ink"), (False, "on-accent")):
            own = [(x, y, label) for x, y, label, is_light in words if is_light == light]
            picture.words(own, role=role, anchor="middle", limit=step)
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
    picture.add(
        [svg.text(-left - 16, picture.height / 2, "actual", turn=-90)],
        fill="muted",
        anchor="middle",
    )
    picture.reach(-left - 22, 0, 0, 0)
    return picture


def reliability(final: FinalView) -> Picture | None:
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
    x = svg.linear("mean confidence (%)", (0, 1), side, factor=100)
    picture.x_axis(x)
    picture.y_axis(svg.linear("share that was right (%)", (0, 1), side, factor=100))
    picture.add([svg.line([(0, side), (side, 0)])], stroke="muted", dash="3,3")
    rules, dots = [], []
    for count, confidence, accuracy in final.reliability:
        at, right = x(confidence), side - x(accuracy)
        says = (
            f"{count} predictions at {percent(confidence, 1)} mean confidence: "
            f"{percent(accuracy, 1)} right"
        )
        rules.append(svg.line([(at, right), (at, side - at)]))
        dots.append(svg.dot(at, right, (30 + 250 * (count / most) ** 0.5) ** 0.5 / 2, says))
    picture.add(rules, stroke="other")
    picture.add(dots, fill="accent", opacity=0.9)
    return picture

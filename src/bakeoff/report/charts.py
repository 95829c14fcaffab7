"""The charts of rows: one picture of labelled rows over a shared axis, with dots, bars and a band.

Paired differences, every run, the chain of decisions, published numbers and recall per class are all
that picture. Each function gives None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report import svg
from bakeoff.report.svg import WIDTH, Axis, Picture
from bakeoff.report.text_width import text_width
from bakeoff.report.view import ReportView
from bakeoff.report.view_final import FinalView
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import Metric, clip, metric, percent, plural, share_of

PLOT = WIDTH - 56  # for the marks: numbers stand at the right end of each row
LONG = 16  # rows beyond which the axis stands above them, where reading begins


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of a row.

    Attributes:
        says: its tooltip.
        replicate: 0-based, None where it belongs to none.
        shape: ``dot``, ``cross`` or ``diamond``.
        lane: 0 on the row's line, 1 below it, where a bar does not cover it.
    """

    value: float
    says: str
    replicate: int | None = None
    role: str = "accent"
    r: float = 4
    shape: str = "dot"
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a name, a number at the right end, a bar and its marks."""

    label: str
    note: str
    marks: Sequence[Mark]
    bar: tuple[float, float] | None = None
    role: str = "ink"
    bar_role: str = "accent"
    says: str = ""


def _rows(
    rows: Sequence[Row],
    axis: Axis,
    description: str,
    *,
    band: float | None = None,
    threads: bool = False,
    chained: bool = False,
) -> Picture:
    """The picture.

    Args:
        band: half width of a band around zero, with the zero line on it.
        threads: whether the dots of each replicate are joined from row to row.
        chained: whether the first mark of each row is joined to that of the next.
    """
    step = 42 if len(rows) <= 12 else 32
    picture = Picture(WIDTH, len(rows) * step + 4, description)
    if band is not None:
        picture.add(
            [svg.cell(axis(-band), 0, axis(band) - axis(-band), picture.height, 1)], fill="band"
        )
    picture.x_axis(axis, top=len(rows) > LONG)
    if band is not None:
        zero = svg.px(axis(0))
        picture.add([f'<path d="M{zero},0v{svg.px(picture.height)}"/>'], stroke="muted")
    lines = [index * step + step * 0.66 for index in range(len(rows))]
    if chained:
        points = [(axis(row.marks[0].value), y) for row, y in zip(rows, lines, strict=True)]
        picture.add([svg.line(points)], stroke="rule", width=2)
    if threads:
        picture.add(_threads(rows, lines, axis), stroke="other", opacity=0.55)
    picture.add(
        [
            svg.bar(axis(row.bar[0]), axis(row.bar[1]), y, row.says, role=row.bar_role)
            for row, y in zip(rows, lines, strict=True)
            if row.bar is not None
        ],
        width=2,
    )
    shapes: dict[str, list[str]] = {"dot": [], "diamond": [], "cross": []}
    for row, y in zip(rows, lines, strict=True):
        for mark in row.marks:
            at = axis(mark.value), y + 7 * mark.lane, mark.r
            if mark.shape == "diamond":
                shapes["diamond"].append(svg.diamond(*at, mark.says, role=mark.role))
                continue
            draw = svg.dot if mark.shape == "dot" else svg.cross
            shapes[mark.shape].append(
                draw(*at, mark.says, role=mark.role, replicate=mark.replicate)
            )
    picture.add(shapes["dot"])
    picture.add(shapes["diamond"], width=1.5)
    picture.add(shapes["cross"], width=2.5)
    for row, y in zip(rows, lines, strict=True):
        above = y - step * 0.4
        room = WIDTH - text_width(row.note, svg.SIZE) - 16
        picture.words([(0, above, row.label)], role=row.role, limit=room, halo=True)
        picture.words([(WIDTH, above, row.note)], anchor="end", halo=True)
    return picture


def _threads(rows: Sequence[Row], lines: Sequence[float], axis: Axis) -> list[str]:
    paths: dict[int, list[tuple[float, float]]] = {}
    for row, y in zip(rows, lines, strict=True):
        for mark in row.marks:
            if mark.replicate is not None and mark.shape == "dot":
                paths.setdefault(mark.replicate, []).append((axis(mark.value), y))
    return [
        svg.line(points, f"replicate {replicate + 1}", replicate=replicate)
        for replicate, points in paths.items()
    ]


def _factor(measure: Metric) -> float:
    return 100 if measure.share else 1


def forest(stage: StageView) -> Picture | None:
    """Paired differences from the chosen candidate, with the zero line and the ±δ band."""
    if not stage.differences:
        return None
    measure = metric(stage.metric)
    rows = []
    ends = [-stage.delta, stage.delta]
    for d in stage.differences:
        known = d.low is not None and d.high is not None
        span = (
            f"{share_of(d.level)} interval {measure.bare(d.low)} to {measure.bare(d.high)}"
            if known
            else "no interval"
        )
        says = (
            f"{d.label} minus {stage.chosen}: {measure.difference(d.mean, sign=True)}, {span}, "
            f"{plural(d.num_replicates, 'pair')}"
        )
        marks = [
            Mark(
                value,
                f"replicate {replicate + 1}: {d.label} minus {stage.chosen} "
                f"{measure.difference(value, sign=True)}",
                replicate,
                role="other",
                r=2.4,
                lane=1,
            )
            for replicate, value in d.pairs
        ]
        bar = (d.low or d.mean, d.high or d.mean)
        rows.append(
            Row(
                d.label,
                measure.bare(d.mean, sign=True),
                [*marks, Mark(d.mean, says)],
                bar if known else None,
                says=says,
            )
        )
        ends += [*bar, *(value for _, value in d.pairs)]
    unit = f" ({measure.unit})" if measure.unit else ""
    axis = svg.linear(
        f"difference in {measure.title} from {clip(stage.chosen, 24)}{unit}",
        svg.padded(ends),
        PLOT,
        factor=_factor(measure),
    )
    return _rows(
        rows,
        axis,
        f"Paired differences in {measure.title} of stage {stage.name}, each candidate minus "
        f"{stage.chosen}, with intervals; the band is the threshold of ±{measure.difference(stage.delta)}.",
        band=stage.delta,
    )


def replicates(stage: StageView) -> Picture | None:
    """Every run as a dot, one line per replicate across the candidates."""
    measure = metric(stage.metric)
    rows: list[Row] = []
    for candidate in stage.candidates:
        chosen = candidate.label == stage.chosen
        note = measure.level(candidate.mean)
        if candidate.num_failed:
            number = f"{candidate.num_failed} failed"
            note = number if candidate.mean is None else f"{number}, {note}"
        marks = []
        for run in candidate.runs:
            if run.value is None:
                continue
            good = run.status == "finished"
            says = f"{candidate.label}, replicate {run.replicate + 1}: {measure.level(run.value)}"
            marks.append(
                Mark(
                    run.value,
                    says + (f", {run.reason}" if run.reason else ""),
                    run.replicate,
                    role=("accent" if chosen else "other") if good else "bad",
                    r=3.3,
                    shape="dot" if good else "cross",
                )
            )
        rows.append(Row(candidate.label, note, marks, role="accent" if chosen else "ink"))
    values = [mark.value for row in rows for mark in row.marks if mark.shape == "dot"]
    if not values:
        return None
    # A failed run far away must not flatten the others: it is drawn at the edge.
    low, high = svg.padded(values, 1.0)
    shown = [m.value for row in rows for m in row.marks if low <= m.value <= high]
    axis = svg.linear(
        f"{measure.title}{' (%)' if measure.share else ''}, one line per replicate",
        svg.padded(shown),
        PLOT,
        factor=_factor(measure),
    )
    return _rows(
        rows,
        axis,
        f"{measure.title} of every run of stage {stage.name}, one row per candidate, one line per "
        "replicate.",
        threads=True,
    )


def chain(view: ReportView) -> Picture | None:
    """The incumbent of each stage with its interval, and the audit's counterfactuals."""
    links = [(link, link.mean) for link in view.chain if link.mean is not None]
    if not links:
        return None
    measure = metric(view.metric)
    rows, values = [], []
    for link, mean in links:
        low, high = link.low or mean, link.high or mean
        change = "" if link.gain is None else measure.bare(link.gain, sign=True)
        if link.kept:
            change = "kept"
        lost = link.gain is not None and link.gain < 0 and link.lost_incumbent
        role = "bad" if lost else "accent"
        says = f"stage {link.name}: {link.chosen} at {measure.level(mean)}" + (
            ""
            if link.gain is None
            else f", {measure.difference(link.gain, sign=True)} against what was carried in"
        )
        marks = [Mark(mean, says, role=role, r=4.5)]
        marks += [
            Mark(
                value,
                f"counterfactual: the final settings with stage {link.name} swapped to {label}: "
                f"{measure.level(value)}",
                role="other",
                r=5,
                shape="diamond",
            )
            for label, value in link.counterfactuals
        ]
        rows.append(
            Row(
                f"{clip(link.name, 24)} → {clip(link.chosen, 34)}",
                f"{measure.level(mean)}" + (f"   {change}" if change else ""),
                marks,
                (low, high),
                bar_role=role,
                says=says,
            )
        )
        values += [mean, low, high]
    # A counterfactual far below the chain must not flatten it: it is drawn at the edge.
    if measure.share:
        # Half an example of the validation part: below one error.
        axis = svg.shares(measure.title, values, 0.5 / max(1, view.data.num_validation), PLOT)
    else:
        axis = svg.linear(measure.title, svg.padded(values), PLOT)
    return _rows(
        rows,
        axis,
        f"The chain of decisions: {measure.title} of the chosen candidate after each stage with its "
        "95 % interval; hollow diamonds are the audit's counterfactuals.",
        chained=True,
    )


def published(view: ReportView) -> Picture | None:
    """Per model with a published test accuracy: our runs, and the author's number as a cross.

    The bar is the 95 % prediction interval of a single run, the one that the claims are held
    against.
    """
    claimed = {
        (claim.stage, claim.candidate, claim.published): (claim.low, claim.high)
        for claim in view.claims
        if claim.kind == "number"
    }
    rows: list[Row] = []
    values: list[float] = []  # few replicates make bars of any length: those end at the edge
    for stage in view.stages:
        for candidate in stage.candidates:
            theirs, ours = candidate.published_accuracy, candidate.test_mean
            if theirs is None or ours is None:
                continue
            low, high = claimed.get((stage.name, candidate.label, theirs), (None, None))
            low, high = (ours if low is None else low), (ours if high is None else high)
            outside = not low <= theirs <= high and low < high
            says = (
                f"{candidate.label}: published {percent(theirs)}; ours {percent(ours)} on average, a "
                f"single run between {percent(low)} and {percent(high)}"
            )
            marks = [
                Mark(
                    run.test_accuracy,
                    f"{candidate.label}, replicate {run.replicate + 1}: test accuracy "
                    f"{percent(run.test_accuracy)}",
                    run.replicate,
                    r=3,
                )
                for run in candidate.finished
                if run.test_accuracy is not None
            ]
            values += [theirs, *(mark.value for mark in marks)]
            marks.append(Mark(theirs, says, role="bad" if outside else "ink", r=4, shape="cross"))
            name = f"{clip(stage.name, 24)}: {clip(candidate.label, 30)}"
            rows.append(Row(name, percent(theirs), marks, (low, high), says=says))
    if not rows:
        return None
    axis = svg.shares("test accuracy", values, 0.5 / max(1, view.data.num_test), PLOT)
    return _rows(
        rows,
        axis,
        "Published against measured test accuracy: dots are our runs, bars the 95 % prediction interval of "
        "a single run, crosses the published numbers.",
    )


def recall(final: FinalView) -> Picture | None:
    """Recall per class with Wilson's interval."""
    rows, values = [], []
    for view in final.recalls:
        if view.recall is None or view.low is None or view.high is None:
            continue
        says = (
            f"class {view.name}: {percent(view.recall)} of {view.num_examples} recognised, 95 % "
            f"interval {percent(view.low)} to {percent(view.high)}"
        )
        mark = Mark(view.recall, says)
        rows.append(
            Row(view.name, percent(view.recall, 1), [mark], (view.low, view.high), says=says)
        )
        values += [view.low, view.high]
    if not rows:
        return None
    axis = svg.linear("recall (%)", svg.padded(values), PLOT, factor=100)
    return _rows(rows, axis, "Recall per class on the test set with Wilson's 95 % interval.")

"""The charts of rows: paired differences, every run, the chain, published numbers, recall.

Each function gives None where there is nothing to draw.
"""

from __future__ import annotations

from statistics import median

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.stage_summary import BaselineSummary, StageSummary
from bakeoff.evidence.summary import Summary
from bakeoff.report import axes
from bakeoff.report.rows import PLOT, Mark, Row, draw_rows
from bakeoff.report.svg import Picture
from bakeoff.tasks.base import Metric
from bakeoff.words import bare, clip, coverage, difference, level, percent, plural, unit


def _factor(metric: Metric) -> float:
    return 100 if metric.share else 1


def _both(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def forest(stage: StageSummary) -> Picture | None:
    """Paired differences from the chosen candidate, with the zero line and the ±δ band."""
    if not stage.differences and not stage.against:
        return None
    metric, delta = stage.metric, stage.stage.verdict.delta
    rows = []
    ends = [-delta, delta]
    for d in (*stage.differences, *stage.against):
        bar = _both(d.low, d.high)
        span = "no interval"
        if bar is not None:
            span = f"{coverage(d.level)} interval {bare(bar[0], metric)} to {bare(bar[1], metric)}"
        what = f"{stage.name(d.first)} minus {stage.name(d.second)}"
        says = (
            f"{what}: {difference(d.mean, metric, sign=True)}, {span}, "
            f"{plural(d.num_replicates, 'pair')}"
        )
        marks = [
            Mark(
                value,
                f"replicate {replicate + 1}: {difference(value, metric, sign=True)}",
                replicate,
                role="other",
                r=2.4,
                lane=1,
            )
            for replicate, value in (d.pairs or {}).items()
        ]
        ends += [*(bar or ()), d.mean, *(mark.value for mark in marks)]
        note = bare(d.mean, metric, sign=True)
        rows.append(Row(stage.name(d.first), note, [*marks, Mark(d.mean, says)], bar, says=says))
    in_units = f" ({unit(metric)})" if unit(metric) else ""
    chosen = stage.chosen.name
    axis = axes.linear(
        f"difference in {metric.words} from {clip(chosen, 24)}{in_units}",
        axes.padded(ends),
        PLOT,
        factor=_factor(metric),
    )
    return draw_rows(
        rows,
        axis,
        f"Paired differences in validation {metric.words} of stage {stage.stage.name}, each candidate "
        f"minus {chosen}, with intervals; the band is the threshold of ±{difference(delta, metric)}.",
        band=delta,
    )


def replicates(stage: StageSummary) -> Picture | None:
    """Every run as a dot, one line per replicate across the candidates."""
    metric = stage.metric
    rows: list[Row] = []
    for candidate in stage.candidates:
        chosen = candidate is stage.chosen
        note = level(candidate.value.mean, metric) if candidate.value else ""
        if candidate.failed:
            note = ", ".join([f"{len(candidate.failed)} failed", *([note] if note else [])])
        marks = []
        for run in candidate.runs:
            value = run.value(f"val_{metric.name}")
            if value is None:
                continue
            good = run.status == "finished"
            says = f"{candidate.name}, replicate {run.replicate + 1}: {level(value, metric)}"
            marks.append(
                Mark(
                    value,
                    says + (f", {run.reason}" if run.reason else ""),
                    run.replicate,
                    role=("accent" if chosen else "other") if good else "bad",
                    r=3.3,
                    shape="dot" if good else "cross",
                )
            )
        rows.append(Row(candidate.name, note, marks, role="accent" if chosen else "ink"))
    rows += [_baseline(one, metric) for one in stage.baselines]
    values = [mark.value for row in rows for mark in row.marks if mark.shape == "dot"]
    if not values:
        return None
    # A failed run far away must not flatten the others: it is drawn at the edge.
    low, high = axes.padded(values, 1.0)
    shown = [m.value for row in rows for m in row.marks if low <= m.value <= high]
    axis = axes.linear(
        f"validation {metric.words}{' (%)' if metric.share else ''}, one line per replicate",
        axes.padded(shown),
        PLOT,
        factor=_factor(metric),
    )
    return draw_rows(
        rows,
        axis,
        f"Validation {metric.words} of every run of stage {stage.stage.name}, one row per candidate, "
        "one line per replicate.",
        threads=True,
    )


def _baseline(one: BaselineSummary, metric: Metric) -> Row:
    """Every run of a simple model on the same folds."""
    marks = []
    for run in one.runs:
        value = run.value(f"val_{metric.name}")
        if value is not None:
            says = f"{one.label}, replicate {run.replicate + 1}: {level(value, metric)}"
            marks.append(Mark(value, says, run.replicate, role="other", r=3.3))
    return Row(one.label, "failed" if one.mean is None else level(one.mean, metric), marks)


def chain(summary: Summary) -> Picture | None:
    """The incumbent of each stage with its interval, and the audit's counterfactuals."""
    metric = summary.metric
    rows, values = [], []
    for stage in summary.stages:
        value, gain, name = stage.chosen.value, stage.gain, stage.stage.name
        if value is None:
            continue
        bar = _both(value.low, value.high)
        change = "" if gain is None else bare(gain.mean, metric, sign=True)
        if stage.carried == stage.chosen.label:
            change = "kept"
        lost = gain is not None and metric.sign * gain.mean < 0 and not stage.has_incumbent
        role = "bad" if lost else "accent"
        says = f"stage {name}: {stage.chosen.name} at {level(value.mean, metric)}"
        if gain is not None:
            says += f", {difference(gain.mean, metric, sign=True)} against what was carried in"
        marks = [Mark(value.mean, says, role=role, r=4.5)]
        marks += [
            Mark(
                mean,
                f"counterfactual: the final settings with stage {name} swapped to {label}: "
                f"{level(mean, metric)}",
                role="other",
                r=5,
                shape="diamond",
            )
            for label, mean in summary.swapped(name)
        ]
        rows.append(
            Row(
                f"{clip(name, 20)} → {clip(stage.chosen.name, 40)}",
                f"{level(value.mean, metric)}  {change}".strip(),
                marks,
                bar,
                bar_role=role,
                says=says,
            )
        )
        values += [value.mean, *(bar or ())]
    if not rows:
        return None
    num_stages = len(rows)
    for one in summary.baselines:
        if one.mean is not None:
            says = f"{one.label}, a simple model on the same folds: {level(one.mean, metric)}"
            mark = Mark(one.mean, says, role="other", r=4.5)
            rows.append(Row(one.label, level(one.mean, metric), [mark]))
            values.append(one.mean)
    # Neither a counterfactual far away nor the long bar of two replicates may flatten the chain:
    # what lies outside is drawn at the edge.
    means = [row.marks[0].value for row in rows]
    room = median([row.bar[1] - row.bar[0] for row in rows if row.bar] or [0.0]) / 2
    low, high = min(means) - 1.2 * room, max(means) + 1.2 * room
    values = [value for value in values if low <= value <= high]
    title = f"validation {metric.words}"
    if metric.share:
        # Half an example of the validation part: below one error.
        smallest = 0.5 / max(1, summary.result.data.num_validation)
        axis = axes.shares(title, values, smallest, PLOT)
    else:
        axis = axes.linear(title, axes.padded(values), PLOT)
    return draw_rows(
        rows,
        axis,
        f"The chain of decisions: {title} of the chosen candidate after each stage with its "
        "95 % interval; hollow diamonds are the audit's counterfactuals.",
        chained=num_stages,
    )


def published(summary: Summary) -> Picture | None:
    """Per model with a published test accuracy: our runs, and the author's number as a cross.

    The bar is the 95 % prediction interval of a single run, the one that the claims are held
    against.
    """
    claimed = {
        (claim.stage, claim.candidate, claim.published): (claim.low, claim.high)
        for claim in summary.result.claims
        if claim.kind == "number"
    }
    rows: list[Row] = []
    values: list[float] = []  # few replicates make bars of any length: those end at the edge
    for stage in summary.stages:
        for c in stage.candidates:
            ours = c.mean("test_accuracy")
            theirs = c.candidate.published.test_accuracy if c.candidate.published else None
            if theirs is None or ours is None:
                continue
            low, high = claimed.get((stage.stage.name, c.label, theirs), (None, None))
            bar = _both(low, high)
            span = (
                "" if bar is None else f", a single run between {percent(low)} and {percent(high)}"
            )
            says = f"{c.name}: published {percent(theirs)}; ours {percent(ours)} on average{span}"
            marks = [
                Mark(
                    value,
                    f"{c.name}, replicate {run.replicate + 1}: test accuracy {percent(value)}",
                    run.replicate,
                    r=3,
                )
                for run in c.finished
                if (value := run.value("test_accuracy")) is not None
            ]
            values += [theirs, *(mark.value for mark in marks)]
            outside = bar is not None and not bar[0] <= theirs <= bar[1]
            marks.append(Mark(theirs, says, role="bad" if outside else "ink", r=4, shape="cross"))
            name = f"{clip(stage.stage.name, 20)}: {clip(c.name, 28)}"
            rows.append(Row(name, percent(theirs), marks, bar, says=says))
    if not rows:
        return None
    smallest = 0.5 / max(1, summary.result.data.num_test)
    return draw_rows(
        rows,
        axes.shares("test accuracy", values, smallest, PLOT),
        "Published against measured test accuracy: dots are our runs, bars the 95 % prediction interval of "
        "a single run, crosses the published numbers.",
    )


def recall(final: FinalSummary) -> Picture | None:
    """Recall per class with Wilson's interval."""
    rows, values = [], []
    for one in final.recalls:
        if one.recall is None or one.low is None or one.high is None:
            continue
        says = (
            f"class {one.name}: {percent(one.recall)} of {one.num_examples} recognised, 95 % "
            f"interval {percent(one.low)} to {percent(one.high)}"
        )
        mark = Mark(one.recall, says)
        rows.append(Row(one.name, percent(one.recall, 1), [mark], (one.low, one.high), says=says))
        values += [one.low, one.high]
    if not rows:
        return None
    axis = axes.linear("recall (%)", axes.padded(values), PLOT, factor=100)
    return draw_rows(rows, axis, "Recall per class on the test set with Wilson's 95 % interval.")

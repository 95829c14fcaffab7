"""The table under every chart: the same numbers for readers who cannot or would rather not look.

A table is a head and rows of text; the first cell of each row names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.spreads import Spread
from bakeoff.evidence.stage_summary import CandidateSummary, StageSummary
from bakeoff.evidence.summary import Summary
from bakeoff.records import Claim, RegressionExam
from bakeoff.report.curves import PARTS
from bakeoff.report.grids import MOST_POINTS, tuned_names
from bakeoff.tasks.base import Metric
from bakeoff.tasks.classification import metric_named
from bakeoff.words import (
    DASH,
    bare,
    count,
    coverage,
    difference,
    duration,
    fixed,
    interval,
    level,
    number,
    percent,
    setting,
    spoken,
    unit,
)

MAX_CURVE_COLUMNS = 12
NUM_GROUPS = 10  # of the values of a regression
FATES = {
    "chosen": "carried on",
    "best": "not beaten",
    "beaten": "beaten",
    "failed": "failed",
    "": "",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Head and rows, all text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _in_units(name: str, metric: Metric) -> str:
    return f"{name} ({unit(metric)})" if unit(metric) else name


def title(metric: Metric, part: str = "validation") -> str:
    """``validation accuracy``."""
    return f"{part} {metric.words}"


def spread_of(spread: Spread | None, metric: Metric) -> str:
    """``97.12 % ± 0.30``: mean and sd over the runs."""
    if spread is None:
        return DASH
    return level(spread.mean, metric) + (
        f" ± {bare(spread.sd, metric)}" if spread.sd is not None else ""
    )


def runs_of(candidate: CandidateSummary) -> str:
    """``5``, or ``3 + 2 failed``."""
    failed = len(candidate.failed)
    return f"{len(candidate.finished)}" + (f" + {failed} failed" if failed else "")


def _value(candidate: CandidateSummary, name: str) -> str:
    return setting(candidate.values[name]) if name in candidate.values else DASH


def _declared(summary: Summary, told: set[str]) -> list[str]:
    """The metrics that a program declares, but those that have a column anyway."""
    model = summary.result.spec.get("model")
    declared = model.get("metrics", ()) if isinstance(model, Mapping) else ()
    names = dict.fromkeys(name.removeprefix("val_") for name in declared)
    return [name for name in names if name not in told]


def candidates(summary: Summary, stage: StageSummary) -> Table:
    """The candidates, the settings that differ between them, and what they reached.

    The metric that decides leads; of what else was measured, the columns that any candidate has.
    """
    metric, accuracy = stage.metric, metric_named("accuracy")
    # A column is left out where every label says its value already.
    names = [
        name for name in stage.settings if any(_value(c, name) != c.label for c in stage.candidates)
    ]
    columns: list[tuple[str, list[str]]] = [("candidate", [c.label for c in stage.candidates])]
    columns += [(name, [_value(c, name) for c in stage.candidates]) for name in names]
    columns.append((title(metric), [spread_of(c.value, metric) for c in stage.candidates]))
    with_accuracy = metric.name != "accuracy" and (summary.unbalanced or metric.name == "loss")
    for other in _declared(summary, {metric.name, "loss", "accuracy" if with_accuracy else ""}):
        of_other = metric_named(other)
        cells = [level(c.mean(f"val_{other}"), of_other) for c in stage.candidates]
        columns.append((spoken(other), cells))
    if with_accuracy:
        columns.append(("accuracy", [percent(c.mean("val_accuracy")) for c in stage.candidates]))
    tests = [spread_of(c.metrics.get("test_accuracy"), accuracy) for c in stage.candidates]
    theirs = [c.candidate.published for c in stage.candidates]
    published = [percent(one.test_accuracy) if one else DASH for one in theirs]
    columns += [("test accuracy", tests), ("published", published)]
    if metric.name != "loss":
        columns.append(("loss", [fixed(c.mean("val_loss"), 4) for c in stage.candidates]))
    train = [level(c.mean(f"train_{metric.name}"), metric) for c in stage.candidates]
    columns.append((title(metric, "training"), train))
    # Of networks that stop early: how many epochs they took.
    columns.append(("epochs", [fixed(c.mean("epochs"), 1) for c in stage.candidates]))
    columns.append(("runs", [runs_of(c) for c in stage.candidates]))
    parameters = [count(c.candidate.num_parameters) for c in stage.candidates]
    columns.append(("parameters", parameters))
    columns.append(("time per run", [duration(c.seconds) for c in stage.candidates]))
    fates = [
        ", ".join(["incumbent"] * c.candidate.incumbent + ([FATES[c.fate]] if c.fate else []))
        for c in stage.candidates
    ]
    shown = [
        (head, cells)
        for head, cells in columns
        if head == title(metric) or any(cell != DASH for cell in cells)
    ]
    shown.append(("", fates))
    return Table(
        tuple(head for head, _ in shown), tuple(zip(*(cells for _, cells in shown), strict=True))
    )


def forest(stage: StageSummary) -> Table:
    """Paired differences from the chosen candidate."""
    metric = stage.metric
    words = {True: "yes", False: "no", None: "not tested"}
    rows = tuple(
        (
            f"{d.first} − {d.second}",
            bare(d.mean, metric, sign=True),
            interval(d.low, d.high, metric, sign=True),
            coverage(d.level),
            str(d.num_replicates),
            words[d.equivalent],
        )
        for d in (*stage.differences, *stage.against)
    )
    head = ("pair", _in_units("difference", metric), "interval", "level", "pairs", "within ±δ")
    return Table(head, rows)


def replicates(stage: StageSummary) -> Table:
    """Every run: candidates down, replicates across."""
    metric = stage.metric
    everything = [(c.label, c.runs) for c in stage.candidates]
    everything += [(one.label, one.runs) for one in stage.baselines]
    numbers = sorted({run.replicate for _, runs in everything for run in runs})
    rows = []
    for label, all_runs in everything:
        runs = {run.replicate: run for run in all_runs}
        cells = []
        for index in numbers:
            run = runs.get(index)
            good = run is not None and run.status == "finished"
            value = level(run.value(f"val_{metric.name}"), metric) if run and good else DASH
            cells.append(value.removesuffix(" %") if good or run is None else run.status)
        rows.append((label, *cells))
    share = " (%)" if metric.share else ""
    return Table((f"{title(metric)}{share}", *(f"r{n + 1}" for n in numbers)), tuple(rows))


def curves(stage: StageSummary, metric: Metric) -> Table:
    """Mean training and validation values over the replicates, at a dozen epochs at most."""
    last = max((run.num_epochs for c in stage.candidates for run in c.finished), default=0)
    step = max(1, -(-last // MAX_CURVE_COLUMNS))
    epochs = [e for e in range(1, last + 1) if e in (1, last) or e % step == 0]
    rows = []
    for c in stage.candidates:
        for part, words in zip(PARTS, ("training", "validation"), strict=True):
            known = [run.curve(f"{part}_{metric.name}") for run in c.finished]
            cells = []
            for epoch in epochs:
                values = [float(curve[epoch - 1]) for curve in known if len(curve) >= epoch]
                mean = sum(values) / len(values) if values else None
                cells.append(level(mean, metric).removesuffix(" %"))
            rows.append((f"{c.label}, {words}", *cells))
    share = " (%)" if metric.share else ""
    return Table((f"mean {metric.words}{share} after epoch", *map(str, epochs)), tuple(rows))


def tuned(stage: StageSummary) -> Table:
    """The points that were tried, with their means on the screening replicates."""
    names = tuned_names(stage)
    rows = []
    for point, mean in stage.points(MOST_POINTS):
        note = ("taken" if point.chosen else "") + (", at the edge" if point.at_edge else "")
        cells = [setting(point.values[name]) if name in point.values else DASH for name in names]
        rows.append((point.candidate, *cells, level(mean, stage.metric), note.strip(", ")))
    return Table(("candidate", *names, title(stage.metric), ""), tuple(rows))


def chain(summary: Summary) -> Table:
    """The chain of decisions."""
    metric = summary.metric
    rows = []
    for stage in summary.stages:
        value = stage.chosen.value
        ends = DASH
        if value is not None and value.low is not None:
            ends = f"{level(value.low, metric)} to {level(value.high, metric)}"
        gain = DASH if stage.gain is None else bare(stage.gain.mean, metric, sign=True)
        kept = stage.carried == stage.chosen.label
        mean = level(value.mean if value else None, metric)
        rows.append((stage.stage.name, stage.chosen.name, mean, ends, "kept" if kept else gain))
    rows += [
        ("simple model", one.label, level(one.mean, metric), DASH, DASH)
        for one in summary.baselines
    ]
    head = ("stage", "carried on", title(metric), "95 % interval", _in_units("gain", metric))
    return Table(head, tuple(rows))


def audit(summary: Summary) -> Table:
    """Every swap of the chain audit."""
    metric = summary.metric
    words = {True: "beats the final", False: "does not beat it", None: "only screened"}
    rows = []
    for swap in summary.result.audit:
        pair = swap.comparison
        known = pair is not None and swap.confirmed is not None
        rows.append(
            (
                f"{swap.stage}: {swap.label}",
                bare(pair.mean if pair else None, metric, sign=True),
                interval(pair.low, pair.high, metric, sign=True) if pair and known else DASH,
                str(pair.num_replicates if pair else len(swap.runs)),
                words[swap.confirmed] if pair else "could not be compared",
            )
        )
    head = ("swapped back", _in_units("against the final", metric), "interval", "pairs", "finding")
    return Table(head, tuple(rows))


def confusion(summary: Summary, final: FinalSummary) -> Table:
    """Counts, actual down, predicted across."""
    names = summary.result.data.class_names
    counts = [] if final.confusion is None else final.confusion.tolist()
    rows = tuple((name, *map(str, row)) for name, row in zip(names, counts, strict=False))
    return Table(("actual \\ predicted", *names), rows)


def recall(final: FinalSummary) -> Table:
    """Recall and precision per class."""
    rows = tuple(
        (
            one.name,
            count(one.num_examples),
            percent(one.recall),
            f"{percent(one.low)} to {percent(one.high)}",
            percent(one.precision),
        )
        for one in final.recalls
    )
    return Table(("class", "examples", "recall", "95 % interval", "precision"), rows)


def reliability(final: FinalSummary) -> Table:
    """Bins of confidence."""
    rows = tuple(
        (percent(confidence, 1), percent(accuracy, 1), count(int(number)))
        for number, confidence, accuracy in final.reliability
    )
    return Table(("mean confidence", "right", "predictions"), rows)


def errors(exam: RegressionExam) -> Table:
    """Of ten groups by the actual value: how many, their means, how far off."""
    rows = []
    for group in np.array_split(np.arange(len(exam.actual)), NUM_GROUPS):
        if len(group):
            actual, guess = exam.actual[group], exam.predicted[group]
            off = float(np.sqrt(np.mean(np.square(guess - actual))))
            told = (float(actual.mean()), float(guess.mean()), off)
            rows.append((str(len(group)), *map(number, told)))
    return Table(("examples", "mean actual", "mean predicted", "rmse"), tuple(rows))


def published(summary: Summary) -> Table:
    """Published test accuracy beside ours, per model."""
    rows = []
    for stage in summary.stages:
        for c in stage.candidates:
            theirs, ours = c.candidate.published, c.metrics.get("test_accuracy")
            if theirs is None or theirs.test_accuracy is None or ours is None:
                continue
            numbers = map(percent, (theirs.test_accuracy, ours.mean, ours.sd))
            rows.append((f"{stage.stage.name}: {c.label}", *numbers))
    return Table(("model", "published", "measured mean", "sd over replicates"), tuple(rows))


def claims(found: Sequence[Claim], metric: Metric) -> Table:
    """Published against measured."""
    rows = []
    for claim in found:
        if claim.kind == "number":
            spread = "" if claim.measured_sd is None else f" ± {claim.measured_sd:.4f}"
            numbers = [fixed(claim.published, 4), fixed(claim.measured_mean, 4) + spread]
            ends = f"{fixed(claim.low, 4)} to {fixed(claim.high, 4)} (single run)"
            ends = DASH if claim.low is None else ends
        else:
            numbers = [
                difference(value, metric, sign=True)
                for value in (claim.published, claim.measured_mean)
            ]
            ends = interval(claim.low, claim.high, metric, sign=True)
        rows.append((claim.text, *numbers, ends, claim.outcome))
    return Table(("claim", "published", "measured", "95 % interval", "outcome"), tuple(rows))

"""The table under every chart: the same numbers for readers who cannot or would rather not look.

A table is a head and rows of text; the first cell of each row names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.report.grids import tuned_names
from bakeoff.report.view import ReportView
from bakeoff.report.view_final import FinalView
from bakeoff.report.view_runs import CandidateView
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import (
    Metric,
    count,
    duration,
    fixed,
    metric,
    percent,
    setting,
    share_of,
)

MAX_CURVE_ROWS = 12


@dataclass(frozen=True, slots=True)
class Table:
    """Head and rows, all text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _spread(measure: Metric, mean: float | None, sd: float | None) -> str:
    if mean is None:
        return "–"
    return measure.level(mean) + (f" ± {measure.bare(sd)}" if sd is not None else "")


def _fate(candidate: CandidateView) -> str:
    """What became of a candidate, in two words."""
    words = {
        "chosen": "carried on",
        "tied": "tied",
        "beaten": "beaten",
        "failed": "failed",
        "": "",
    }[candidate.state]
    parts = ["incumbent"] if candidate.incumbent else []
    return ", ".join([*parts, words] if words else parts)


def candidates(stage: StageView) -> Table:
    """The candidates, the settings that differ between them, and what they reached."""
    measure = metric(stage.metric)
    # One differing setting is what the labels already say.
    names = stage.settings_names if len(stage.settings_names) > 1 else ()
    settings = dict(stage.settings_rows)
    tests = any(c.test_mean is not None for c in stage.candidates)
    published = any(c.published_accuracy is not None for c in stage.candidates)
    head = ["candidate", *names, "parameters", measure.title, "loss", "training accuracy", "runs"]
    head += ["test accuracy"] if tests else []
    head += ["published"] if published else []
    head += ["time per run", ""]
    rows = []
    for c in stage.candidates:
        runs = str(c.num_finished) + (f" + {c.num_failed} failed" if c.num_failed else "")
        row = [c.label, *(settings[c.label] if names else ()), count(c.num_parameters)]
        row += [_spread(measure, c.mean, c.sd), fixed(c.loss_mean, 4), percent(c.train_mean), runs]
        if tests:
            row.append(
                percent(c.test_mean)
                + (f" ± {100 * c.test_sd:.2f}" if c.test_sd is not None else "")
            )
        if published:
            row.append(percent(c.published_accuracy))
        rows.append((*row, duration(c.seconds_mean), _fate(c)))
    return Table(tuple(head), tuple(rows))


def forest(stage: StageView) -> Table:
    """Paired differences from the chosen candidate."""
    measure = metric(stage.metric)
    rows = tuple(
        (
            f"{d.label} − {stage.chosen}",
            measure.bare(d.mean, sign=True),
            "–"
            if d.low is None or d.high is None
            else f"{measure.bare(d.low, sign=True)} to {measure.bare(d.high, sign=True)}",
            share_of(d.level),
            str(d.num_replicates),
            {True: "yes", False: "no", None: "not tested"}[d.equivalent],
        )
        for d in stage.differences
    )
    unit = f" ({measure.unit})" if measure.unit else ""
    return Table(
        ("pair", f"difference{unit}", "interval", "level", "pairs", "equivalent within ±δ"), rows
    )


def replicates(stage: StageView) -> Table:
    """Every run: candidates down, replicates across."""
    measure = metric(stage.metric)
    numbers = sorted({run.replicate for c in stage.candidates for run in c.runs})
    rows = []
    for c in stage.candidates:
        runs = {run.replicate: run for run in c.runs}
        cells = []
        for number in numbers:
            run = runs.get(number)
            if run is None:
                cells.append("–")
            elif run.status != "finished":
                cells.append(run.status)
            else:
                cells.append(measure.level(run.value).removesuffix(" %"))
        rows.append((c.label, *cells))
    unit = " (%)" if measure.share else ""
    return Table((f"{measure.title}{unit}", *(f"r{number + 1}" for number in numbers)), tuple(rows))


def _at(candidate: CandidateView, field: str, epoch: int) -> float | None:
    values = []
    for run in candidate.finished:
        if epoch in run.curve.epochs:
            value = getattr(run.curve, field)[run.curve.epochs.index(epoch)]
            if value is not None:
                values.append(value)
    return sum(values) / len(values) if values else None


def curves(stage: StageView) -> Table:
    """Mean training and validation accuracy over the replicates, at a dozen epochs at most."""
    last = max((run.curve.num_epochs for c in stage.candidates for run in c.runs), default=0)
    step = max(1, -(-last // MAX_CURVE_ROWS))
    # Thinned curves share only their ends; between, the epochs that some run kept do.
    kept = sorted({e for c in stage.candidates for run in c.finished for e in run.curve.epochs})
    epochs = [e for e in kept if e in (1, last) or e % step == 0]
    rows = []
    for c in stage.candidates:
        for part, field in (("train", "train_accuracy"), ("validation", "val_accuracy")):
            cells = [percent(_at(c, field, epoch)).removesuffix(" %") for epoch in epochs]
            rows.append((f"{c.label}, {part}", *cells))
    return Table(("mean accuracy (%) after epoch", *(str(e) for e in epochs)), tuple(rows))


def nuisance(stage: StageView) -> Table:
    """Every tuned point with its mean on the screening replicates."""
    measure = metric(stage.metric)
    names = tuned_names(stage)
    rows = []
    for point in stage.tuning:
        values = dict(point.values)
        note = ("taken" if point.chosen else "") + (", at the edge" if point.at_edge else "")
        cells = [setting(values.get(name, "–")) for name in names]
        rows.append((point.candidate, *cells, measure.level(point.mean), note.strip(", ")))
    return Table(("candidate", *names, measure.title, ""), tuple(rows))


def chain(view: ReportView) -> Table:
    """The chain of decisions."""
    measure = metric(view.metric)
    rows = []
    for link in view.chain:
        ends = (
            "–"
            if link.low is None or link.high is None
            else f"{measure.level(link.low)} to {measure.level(link.high)}"
        )
        swaps = "; ".join(
            f"{label}: {measure.level(value)}" for label, value in link.counterfactuals
        )
        gain = "kept" if link.kept else measure.bare(link.gain, sign=True)
        rows.append((link.name, link.chosen, measure.level(link.mean), ends, gain, swaps or "–"))
    return Table(
        ("stage", "carried on", measure.title, "95 % interval", "gain", "counterfactual"),
        tuple(rows),
    )


def audit(view: ReportView) -> Table:
    """Every swap of the chain audit."""
    measure = metric(view.metric)
    words = {True: "beats the final", False: "does not beat it", None: "no reason to go on"}
    rows = tuple(
        (
            f"{swap.stage}: {swap.label}",
            measure.bare(swap.mean, sign=True),
            "–"
            if swap.low is None or swap.high is None
            else f"{measure.bare(swap.low, sign=True)} to {measure.bare(swap.high, sign=True)}",
            str(swap.num_replicates),
            words[swap.confirmed],
        )
        for swap in view.audit
    )
    unit = f" ({measure.unit})" if measure.unit else ""
    return Table(("swapped back", f"against the final{unit}", "interval", "pairs", "finding"), rows)


def confusion(final: FinalView) -> Table:
    """Counts, actual down, predicted across."""
    rows = tuple(
        (name, *(str(n) for n in row))
        for name, row in zip(final.class_names, final.confusion or (), strict=False)
    )
    return Table(("actual \\ predicted", *final.class_names), rows)


def recall(final: FinalView) -> Table:
    """Recall and precision per class."""
    rows = tuple(
        (
            view.name,
            count(view.num_examples),
            percent(view.recall),
            f"{percent(view.low)} to {percent(view.high)}",
            percent(view.precision),
        )
        for view in final.recalls
    )
    return Table(("class", "examples", "recall", "95 % interval", "precision"), rows)


def reliability(final: FinalView) -> Table:
    """Bins of confidence."""
    rows = tuple(
        (percent(confidence, 1), percent(accuracy, 1), count(number))
        for number, confidence, accuracy in final.reliability
    )
    return Table(("mean confidence", "right", "predictions"), rows)


def published(view: ReportView) -> Table:
    """Published test accuracy beside ours, per model."""
    rows = tuple(
        (
            f"{stage.name}: {c.label}",
            percent(c.published_accuracy),
            percent(c.test_mean),
            percent(c.test_sd),
        )
        for stage in view.stages
        for c in stage.candidates
        if c.published_accuracy is not None and c.test_mean is not None
    )
    return Table(("model", "published", "measured mean", "sd over replicates"), rows)


def claims(view: ReportView) -> Table:
    """Published against measured."""
    measure = metric(view.metric)
    rows = []
    for claim in view.claims:
        if claim.kind != "number":
            rows.append(
                (
                    claim.text,
                    measure.difference(claim.published, sign=True),
                    measure.difference(claim.measured_mean, sign=True),
                    "–"
                    if claim.low is None or claim.high is None
                    else f"{measure.bare(claim.low, sign=True)} to {measure.bare(claim.high, sign=True)}",
                    claim.outcome,
                )
            )
            continue
        spread = "" if claim.measured_sd is None else f" ± {claim.measured_sd:.4f}"
        rows.append(
            (
                claim.text,
                fixed(claim.published, 4),
                fixed(claim.measured_mean, 4) + spread,
                "–"
                if claim.low is None or claim.high is None
                else f"{fixed(claim.low, 4)} to {fixed(claim.high, 4)} (single run)",
                claim.outcome,
            )
        )
    return Table(("claim", "published", "measured", "95 % interval", "outcome"), tuple(rows))

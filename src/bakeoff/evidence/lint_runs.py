"""Lint of what the runs show: curves, units, orders and the chain; knows records and arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.evidence import lint as codes
from bakeoff.evidence.intervals import compare_runs, gain, values_of
from bakeoff.evidence.lint_protocol import lint_protocol
from bakeoff.evidence.rule import SMALLEST_DELTA, sampling_of_result
from bakeoff.evidence.sentences import difference, named
from bakeoff.evidence.spreads import edge, is_number
from bakeoff.records import (
    UNKNOWN_CODE,
    Candidate,
    Comparison,
    Floats,
    LintFinding,
    Metric,
    Run,
    StageResult,
    StudyResult,
)
from bakeoff.tasks.classification import ACCURACY, LOSS, metric_of

LATE_SHARE = 5
"""The last fifth of the epochs is "late" (at least one epoch)."""

IMPROVING_SHARE = 0.02
"""Gain over the late epochs, as a share of the remaining error, from which on it matters."""

OVERFIT_RISE = 1.1
"""Validation loss at the end against its lowest point from which on it counts as overfitting."""

DEAD_SHARE = 0.25
SATURATED_SHARE = 0.5

Runs = tuple[Run, ...]


def lint_result(result: StudyResult) -> tuple[LintFinding, ...]:
    """Findings of a finished study, errors first: those of its protocol and those of its runs."""
    return codes.most_grave_first([*lint_protocol(result), *_lint_runs(result)])


def _lint_runs(result: StudyResult) -> Iterator[LintFinding]:
    yield from _reopened(result)
    yield from _regressed(result)
    yield from _no_gain(result)
    yield from _interactions(result)
    yield from _code_unknown(result)
    for stage in result.stages:
        yield from _edges(stage)
        yield from _curves(stage)
        yield from _leaders(stage, result)
        yield from _units(stage)
        yield from _failed(stage)
        yield from _learned_nothing(stage, result)


def _compete(stage: StageResult) -> Iterator[tuple[str, Runs]]:
    """Label and finished runs of those that have any."""
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        finished = tuple(run for run in runs if run.status == "finished")
        if finished:
            yield candidate.label, finished


def _compare(a: Runs, b: Runs, metric: Metric, result: StudyResult) -> Comparison | None:
    return compare_runs(a, b, metric, sampling_of_result(result, metric.name))


def _finding(
    check: codes.Check, stage: StageResult, text: str, found: Sequence[str]
) -> list[LintFinding]:
    """What was found in a stage, in one finding; none where nothing was."""
    if not found:
        return []
    return [check.finding(f"In stage {stage.name}, {text}{'; '.join(found)}.", stage.name)]


def _reopened(result: StudyResult) -> Iterator[LintFinding]:
    ordinal = max((opening.ordinal for opening in result.openings), default=0)
    if ordinal > 1:
        yield codes.TEST_REOPENED.finding(
            f"This was opening number {ordinal} of the same test data that the store knows."
        )


def _regressed(result: StudyResult) -> Iterator[LintFinding]:
    for before, after in itertools.pairwise(result.stages):
        metric = metric_of(after.verdict)
        pair = _compare(before.chosen_runs, after.chosen_runs, metric, result)
        # After a fall the error, and with it the default δ, is large: the smaller one counts.
        delta = min(before.verdict.delta, after.verdict.delta)
        if pair is not None and (fall := gain(pair, metric).mean) > delta:
            then, now = named(before, before.chosen.label), named(after, after.chosen.label)
            yield codes.REGRESSED.finding(
                f"The chain fell by {words.difference(fall, metric)} from {then} "
                f"(stage {before.name}) to {now} (stage {after.name}) on "
                f"{words.plural(pair.num_replicates, 'shared replicate')}; "
                f"{words.difference(delta, metric)} would matter.",
                after.name,
            )


def _no_gain(result: StudyResult) -> Iterator[LintFinding]:
    if len(result.stages) < 2:
        return
    last, metric = result.stages[-1], metric_of(result.stages[-1].verdict)
    final = last.chosen
    cheaper: list[tuple[tuple[float, ...], StageResult, Candidate, Comparison]] = []
    for stage in result.stages[:-1]:
        earlier = stage.chosen
        if earlier.price >= final.price:
            continue
        pair = _compare(last.chosen_runs, stage.chosen_runs, metric, result)
        low = None if pair is None else gain(pair, metric).low
        if pair is not None and low is not None and low <= 0.0:
            cheaper.append((earlier.price, stage, earlier, pair))
    if cheaper:
        _, stage, earlier, pair = min(cheaper, key=lambda item: item[0])
        yield codes.NO_GAIN.finding(
            f"{named(last, final.label)} ({final.num_parameters or 0:,} parameters) is not shown to "
            f"be better than {named(stage, earlier.label)} of stage {stage.name} "
            f"({earlier.num_parameters or 0:,}): the difference is {difference(pair, metric)}.",
            last.name,
        )


def _interactions(result: StudyResult) -> Iterator[LintFinding]:
    for swap in result.audit:
        if swap.confirmed:
            yield codes.INTERACTION.finding(swap.sentence, swap.stage)


def _code_unknown(result: StudyResult) -> Iterator[LintFinding]:
    names = {
        run.engine.removesuffix(UNKNOWN_CODE)
        for stage in result.stages
        for runs in stage.runs
        for run in runs
        if run.engine.endswith(UNKNOWN_CODE)
    }
    if names:
        listed = words.listing([words.code(name) for name in sorted(names)])
        yield codes.CODE_UNKNOWN.finding(
            f"Nothing of the code of {listed} is hashed into its name, so after a change of the code "
            "the stored runs of the code before it would be taken for its own."
        )


def _edges(stage: StageResult) -> Iterator[LintFinding]:
    leader = stage.candidate(stage.verdict.leader).settings
    for name in stage.varied:
        values: set[Any] = {candidate.settings.get(name) for candidate in stage.candidates}
        # What a search tried and left counts too.
        tried = [point.values[name] for point in stage.tuning if name in point.values]
        values |= {tuple(value) if isinstance(value, list) else value for value in tried}
        best = leader.get(name)
        end = edge(best, values) if all(map(is_number, values)) else None
        if end is None:
            continue
        yield codes.EDGE.finding(
            f"In stage {stage.name} the best {words.spoken(name)}, {best:g}, is the {end} of "
            f"{len(values)} values tried ({min(values):g} to {max(values):g}).",
            stage.name,
        )
    for point in stage.tuning:
        if point.chosen and point.at_edge:
            names = [f"{words.spoken(name)} {point.values[name]:g}" for name in point.at_edge]
            yield codes.EDGE.finding(
                f"In stage {stage.name} {named(stage, point.candidate)} was tuned to "
                f"{words.listing(names)}, at the edge of the values tried.",
                stage.name,
            )


def _mean_curve(runs: Runs, name: str) -> Floats:
    """Mean of one curve over runs, shape (epochs,)."""
    curves = [run.curve(name) for run in runs]
    epochs = min(map(len, curves))
    return np.asarray(np.mean([curve[:epochs] for curve in curves], axis=0), np.float64)


def _curves(stage: StageResult) -> Iterator[LintFinding]:
    improving, overfitting, noisy = [], [], []
    delta = stage.verdict.delta if metric_of(stage.verdict).share else SMALLEST_DELTA
    for label, runs in _compete(stage):
        accuracy, loss, train = (
            _mean_curve(runs, name) for name in ("val_accuracy", "val_loss", "train_loss")
        )
        epochs = len(loss)
        if epochs < 3 or not np.isfinite(loss).all():
            continue
        if len(accuracy) < epochs or len(train) < epochs:
            continue  # a brought model may tell less
        if any("epochs" in run.metrics for run in runs):
            continue  # its training ended by itself: the curves are cut where it was best
        name = named(stage, label)
        late = max(1, epochs // LATE_SHARE)
        gained = float(accuracy[-1] - accuracy[-1 - late])
        matters = max(SMALLEST_DELTA, IMPROVING_SHARE * float(1.0 - accuracy[-1]))
        if gained > matters and loss[-1] < loss[-1 - late]:
            improving.append(
                f"{name} gained {words.difference(gained, ACCURACY)} in the last "
                f"{words.plural(late, 'epoch')} of {epochs}"
            )
        best = int(np.argmin(loss))
        if loss[-1] > OVERFIT_RISE * loss[best] and train[-1] < train[best]:
            overfitting.append(
                f"{name}'s validation loss rose from {loss[best]:.3f} (epoch {best + 1}) to "
                f"{loss[-1]:.3f} (epoch {epochs})"
            )
        jitter = _jitter(runs)
        if jitter is not None and jitter > delta:
            noisy.append(
                f"{name}'s validation accuracy jumps by about {words.difference(jitter, ACCURACY)} "
                "from epoch to epoch"
            )
    yield from _finding(codes.STILL_IMPROVING, stage, "", improving)
    yield from _finding(codes.OVERFITTING, stage, "", overfitting)
    yield from _finding(codes.NOISY_EPOCHS, stage, "", noisy)


def _jitter(runs: Runs) -> float | None:
    """Typical noise of one epoch's validation accuracy in the second half of a run.

    Independent noise of sd s around a straight line gives second differences of sd ``s · √6``,
    whatever the line's slope, so steady improvement does not count as noise.
    """
    curves = [run.curve("val_accuracy") for run in runs]
    halves = [half for curve in curves if len(half := curve[len(curve) // 2 :]) >= 5]
    found = [float(np.sqrt(np.mean(np.diff(half, 2) ** 2) / 6.0)) for half in halves]
    return float(np.mean(found)) if found else None


def _leaders(stage: StageResult, result: StudyResult) -> Iterator[LintFinding]:
    verdict, metric = stage.verdict, metric_of(stage.verdict)
    others = dict(_compete(stage))
    leading = others.pop(verdict.leader, ())
    if metric.name == LOSS.name or verdict.leader in verdict.failed:
        return
    gains = []
    for label, runs in others.items():
        pair = None if label in verdict.failed else _compare(leading, runs, LOSS, result)
        # One standard error keeps pure chance from being reported; it is a remark, no verdict.
        if pair is not None and pair.se is not None and pair.mean > pair.se:
            gains.append((pair.mean, label))
    if gains:
        lower, best = max(gains)
        yield codes.LEADERS_DIFFER.finding(
            f"In stage {stage.name} {named(stage, verdict.leader)} leads by {metric.words}, but "
            f"{named(stage, best)} by validation loss, which is lower by "
            f"{words.difference(lower, LOSS)}.",
            stage.name,
        )


def _units(stage: StageResult) -> Iterator[LintFinding]:
    dead: list[str] = []
    saturated: list[str] = []
    for label, runs in _compete(stage):
        health = [found for run in runs if (found := run.notes.get("health"))]
        if not health:
            continue
        by_layer = np.mean(
            [[(layer["dead"], layer["saturated"]) for layer in layers] for layers in health],
            axis=0,
        )
        for found, column, limit in ((dead, 0, DEAD_SHARE), (saturated, 1, SATURATED_SHARE)):
            layer = int(np.argmax(by_layer[:, column]))
            share = float(by_layer[layer, column])
            if share >= limit:
                where = f"hidden layer {layer + 1} of {named(stage, label)}"
                found.append(f"{100 * share:.0f} % in {where}")
    text = "units that are zero for every validation example: "
    yield from _finding(codes.DEAD_UNITS, stage, text, dead)
    text = "outputs at the flat ends of the activation: "
    yield from _finding(codes.SATURATED_UNITS, stage, text, saturated)


def _failed(stage: StageResult) -> Iterator[LintFinding]:
    found = []
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        failed = [run for run in runs if run.status == "failed"]
        if failed:
            why = failed[0].reason or "failed"
            found.append(f"{len(failed)} of {len(runs)} of {named(stage, candidate.label)} ({why})")
    yield from _finding(codes.FAILED_RUNS, stage, "runs failed and were not averaged: ", found)


def _learned_nothing(stage: StageResult, result: StudyResult) -> Iterator[LintFinding]:
    """Candidates whose runs all together do no better than always naming the same class."""
    own = metric_of(result)
    metric = own if own.share else ACCURACY
    sampling = sampling_of_result(result, metric.name)
    found = []
    for label, runs in _compete(stage):
        values = np.array([*values_of(runs, f"val_{metric.name}").values()])
        if len(values) and sampling.learned_nothing(values):
            reached = words.level(float(values.mean()), metric)
            found.append(f"{named(stage, label)} reached {reached}")
    if found and sampling.chance is not None:
        yield codes.LEARNED_NOTHING.finding(
            f"In stage {stage.name}, {'; '.join(found)} of validation {metric.words}, which is not "
            f"shown to be more than the {words.level(sampling.chance, metric)} of always naming "
            "the same class.",
            stage.name,
        )

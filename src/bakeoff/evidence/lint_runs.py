"""Lint of what the runs show: curves, units, orders and the chain; knows records and arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.evidence import lint as codes
from bakeoff.evidence.intervals import paired_comparison
from bakeoff.evidence.lint_protocol import lint_outline, outline_of_result
from bakeoff.evidence.rule import SMALLEST_DELTA
from bakeoff.evidence.sampling import sampling_of_result
from bakeoff.evidence.sentences import interval
from bakeoff.evidence.series import mean_curve, paired_values, values_of
from bakeoff.records import (
    Candidate,
    Comparison,
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
    protocol = lint_outline(outline_of_result(result))
    return codes.most_grave_first([*protocol, *lint_runs(result)])


def lint_runs(result: StudyResult) -> Iterator[LintFinding]:
    """Every finding of the checks that need runs."""
    yield from _reopened(result)
    yield from _regressed(result)
    yield from _no_gain(result)
    yield from _interactions(result)
    for stage in result.stages:
        yield from _edges(stage)
        yield from _curves(stage)
        yield from _leaders(stage, result)
        yield from _units(stage)
        yield from _failed(stage)
        yield from _learned_nothing(stage, result)


def _compete(stage: StageResult) -> Iterator[tuple[Candidate, Runs]]:
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        if any(run.status == "finished" for run in runs):
            yield candidate, runs


def _runs_of(stage: StageResult, label: str) -> Runs:
    labels = [candidate.label for candidate in stage.candidates]
    return stage.runs[labels.index(label)]


def _called(stage: StageResult, label: str) -> str:
    """A candidate as code, with its setting."""
    settings = stage.candidate(label).settings
    return words.code(words.candidate(label, stage.varied, settings))


def _compare(a: Runs, b: Runs, metric: Metric, result: StudyResult) -> Comparison | None:
    first, second = paired_values(a, b, metric.name)
    if not len(first):
        return None
    return paired_comparison(
        first,
        second,
        first=0,
        second=1,
        sampling=sampling_of_result(result, metric.name),
        level=0.95,
        share=metric.share,
    )


def _reopened(result: StudyResult) -> Iterator[LintFinding]:
    ordinal = max((opening.ordinal for opening in result.openings), default=0)
    if ordinal > 1:
        yield codes.TEST_REOPENED.finding(
            f"This was opening number {ordinal} of the same test data that the store knows."
        )


def _regressed(result: StudyResult) -> Iterator[LintFinding]:
    for before, after in itertools.pairwise(result.stages):
        verdict, metric = after.verdict, metric_of(after.verdict)
        pair = _compare(
            _runs_of(after, verdict.chosen),
            _runs_of(before, before.verdict.chosen),
            metric,
            result,
        )
        if pair is None:
            continue
        loss = -metric.sign * pair.mean
        # After a fall the error, and with it the default δ, is large: the smaller one counts.
        delta = min(before.verdict.delta, verdict.delta)
        if loss > delta:
            yield codes.REGRESSED.finding(
                f"The chain fell by {words.difference(loss, metric)} from "
                f"{_called(before, before.verdict.chosen)} (stage {before.name}) to "
                f"{_called(after, verdict.chosen)} (stage "
                f"{after.name}) on {words.plural(pair.num_replicates, 'shared replicate')}; "
                f"{words.difference(delta, metric)} would matter.",
                after.name,
            )


def _no_gain(result: StudyResult) -> Iterator[LintFinding]:
    if len(result.stages) < 2:
        return
    last = result.stages[-1]
    final = last.candidate(last.verdict.chosen)
    metric = metric_of(last.verdict)
    higher = metric.higher_is_better
    cheaper: list[tuple[tuple[float, ...], StageResult, Candidate, Comparison]] = []
    for stage in result.stages[:-1]:
        earlier = stage.candidate(stage.verdict.chosen)
        if _cost(earlier) >= _cost(final):
            continue
        pair = _compare(_runs_of(last, final.label), _runs_of(stage, earlier.label), metric, result)
        if pair is None or pair.low is None or pair.high is None:
            continue
        if (pair.low if higher else -pair.high) <= 0.0:
            cheaper.append((_cost(earlier), stage, earlier, pair))
    if cheaper:
        _, stage, earlier, pair = min(cheaper, key=lambda item: item[0])
        yield codes.NO_GAIN.finding(
            f"{_called(last, final.label)} ({final.num_parameters or 0:,} parameters) is not shown to be better than "
            f"{_called(stage, earlier.label)} of stage {stage.name} ({earlier.num_parameters or 0:,}): the difference "
            f"is {words.difference(pair.mean if higher else -pair.mean, metric)} "
            f"({interval(pair, metric, flip=not higher)}).",
            last.name,
        )


def _cost(candidate: Candidate) -> tuple[float, ...]:
    return tuple(count for _, count in candidate.cost)


def _interactions(result: StudyResult) -> Iterator[LintFinding]:
    for swap in result.audit:
        if swap.confirmed:
            yield codes.INTERACTION.finding(swap.sentence, swap.stage)


def _edges(stage: StageResult) -> Iterator[LintFinding]:
    leader = stage.candidate(stage.verdict.leader).settings
    for name in stage.varied:
        values: set[Any] = {candidate.settings.get(name) for candidate in stage.candidates}
        best = leader.get(name)
        numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        if not numeric or len(values) < 3 or best not in (min(values), max(values)):
            continue
        end = "smallest" if best == min(values) else "largest"
        yield codes.EDGE.finding(
            f"In stage {stage.name} the best {words.spoken(name)}, {best:g}, is the {end} of "
            f"{len(values)} values tried ({min(values):g} to {max(values):g}).",
            stage.name,
        )
    for point in stage.tuning:
        if point.chosen and point.at_edge:
            names = [f"{words.spoken(name)} {point.values[name]:g}" for name in point.at_edge]
            yield codes.EDGE.finding(
                f"In stage {stage.name} {_called(stage, point.candidate)} was tuned to {words.listing(names)}, at "
                "the edge of the values tried.",
                stage.name,
            )


def _curves(stage: StageResult) -> Iterator[LintFinding]:
    improving, overfitting, noisy = [], [], []
    delta = stage.verdict.delta if metric_of(stage.verdict).share else SMALLEST_DELTA
    for candidate, runs in _compete(stage):
        accuracy, loss = mean_curve(runs, "val_accuracy"), mean_curve(runs, "val_loss")
        train = mean_curve(runs, "train_loss")
        epochs = len(loss)
        if epochs < 3 or not np.isfinite(loss).all():
            continue
        if len(accuracy) < epochs or len(train) < epochs:
            continue  # a brought model may tell less
        late = max(1, epochs // LATE_SHARE)
        gain = float(accuracy[-1] - accuracy[-1 - late])
        matters = max(SMALLEST_DELTA, IMPROVING_SHARE * float(1.0 - accuracy[-1]))
        if gain > matters and loss[-1] < loss[-1 - late]:
            improving.append(
                f"{_called(stage, candidate.label)} gained {words.difference(gain, ACCURACY)} in the last "
                f"{words.plural(late, 'epoch')} of {epochs}"
            )
        best = int(np.argmin(loss))
        if loss[-1] > OVERFIT_RISE * loss[best] and train[-1] < train[best]:
            overfitting.append(
                f"{_called(stage, candidate.label)}'s validation loss rose from {loss[best]:.3f} (epoch "
                f"{best + 1}) to {loss[-1]:.3f} (epoch {epochs})"
            )
        jitter = _jitter(runs)
        if jitter is not None and jitter > delta:
            noisy.append(
                f"{_called(stage, candidate.label)}'s validation accuracy jumps by about "
                f"{words.difference(jitter, ACCURACY)} from epoch to epoch"
            )
    for check, found in (
        (codes.STILL_IMPROVING, improving),
        (codes.OVERFITTING, overfitting),
        (codes.NOISY_EPOCHS, noisy),
    ):
        if found:
            yield check.finding(f"In stage {stage.name}, {'; '.join(found)}.", stage.name)


def _jitter(runs: Runs) -> float | None:
    """Typical noise of one epoch's validation accuracy in the second half of a run.

    Independent noise of sd s around a straight line gives second differences of sd ``s · √6``,
    whatever the line's slope, so steady improvement does not count as noise.
    """
    found = []
    for run in runs:
        curve = run.curve("val_accuracy")
        second_half = curve[len(curve) // 2 :]
        if run.status == "finished" and len(second_half) >= 5:
            found.append(float(np.sqrt(np.mean(np.diff(second_half, 2) ** 2) / 6.0)))
    return float(np.mean(found)) if found else None


def _leaders(stage: StageResult, result: StudyResult) -> Iterator[LintFinding]:
    metric, leader = stage.verdict.metric, stage.verdict.leader
    if metric == "loss" or leader in stage.verdict.failed:
        return
    leading = _runs_of(stage, leader)
    gains = []
    for candidate, runs in _compete(stage):
        pair = None
        if candidate.label not in (leader, *stage.verdict.failed):
            pair = _compare(leading, runs, LOSS, result)
        # One standard error keeps pure chance from being reported; it is a remark, no verdict.
        if pair is not None and pair.se is not None and pair.mean > pair.se:
            gains.append((pair.mean, candidate.label))
    if gains:
        gain, best = max(gains)
        yield codes.LEADERS_DIFFER.finding(
            f"In stage {stage.name} {_called(stage, leader)} leads by {words.spoken(metric)}, but {_called(stage, best)} by "
            f"validation loss, which is lower by {words.difference(gain, LOSS)}.",
            stage.name,
        )


def _units(stage: StageResult) -> Iterator[LintFinding]:
    dead: list[str] = []
    saturated: list[str] = []
    for candidate, runs in _compete(stage):
        health = [
            found for run in runs if run.status == "finished" and (found := run.notes.get("health"))
        ]
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
                found.append(
                    f"{100 * share:.0f} % in hidden layer {layer + 1} of {_called(stage, candidate.label)}"
                )
    if dead:
        yield codes.DEAD_UNITS.finding(
            f"In stage {stage.name}, units that are zero for every validation example: "
            f"{'; '.join(dead)}.",
            stage.name,
        )
    if saturated:
        yield codes.SATURATED_UNITS.finding(
            f"In stage {stage.name}, outputs at the flat ends of the activation: "
            f"{'; '.join(saturated)}.",
            stage.name,
        )


def _failed(stage: StageResult) -> Iterator[LintFinding]:
    found = []
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        failed = [run for run in runs if run.status == "failed"]
        if failed:
            found.append(
                f"{len(failed)} of {len(runs)} of {_called(stage, candidate.label)} ({failed[0].reason or 'failed'})"
            )
    if found:
        yield codes.FAILED_RUNS.finding(
            f"In stage {stage.name}, runs failed and were not averaged: {'; '.join(found)}.",
            stage.name,
        )


def _learned_nothing(stage: StageResult, result: StudyResult) -> Iterator[LintFinding]:
    """Candidates whose runs all together do no better than always naming the same class."""
    own = metric_of(result)
    metric = own if own.share else ACCURACY
    sampling = sampling_of_result(result, metric.name)
    found = [
        f"{_called(stage, candidate.label)} reached {words.level(float(values.mean()), metric)}"
        for candidate, runs in _compete(stage)
        if len(values := values_of(runs, metric.name)) and sampling.learned_nothing(values)
    ]
    if found and sampling.chance is not None:
        yield codes.LEARNED_NOTHING.finding(
            f"In stage {stage.name}, {'; '.join(found)} of validation "
            f"{metric.words}, which is not shown to be more than the "
            f"{words.level(sampling.chance, metric)} of always naming the same class.",
            stage.name,
        )

"""The stages of a study as a reader sees them: every number of a stage, computed once.

Works on records alone; knows neither charts nor pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bakeoff.records import Candidate, Comparison, Run, StageResult, StudyResult
from bakeoff.report.curves import Curve, thin_curve
from bakeoff.report.words import Metric, finite, setting, visible

LEVEL = 0.95  # coverage of the intervals that describe one candidate; verdicts bring their own


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. Numbers that do not exist are None; a failed run keeps its reason."""

    replicate: int
    status: str
    reason: str | None
    value: float | None
    val_accuracy: float | None
    val_loss: float | None
    train_accuracy: float | None
    train_loss: float | None
    test_accuracy: float | None
    test_loss: float | None
    seconds: float
    reused: bool
    curve: Curve


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One candidate of a stage with what its finished runs gave.

    Attributes:
        label: control characters made visible.
        state: ``chosen``, ``tied``, ``eliminated``, ``failed`` or ``""``.
        mean, sd: of the stage's metric over the finished runs.
        low, high: 95 % interval of the mean (Nadeau and Bengio's correction), None below two runs.
        published_accuracy, published_loss: on the test set, by the author of a replicated work.
        test_mean, test_sd, test_loss: ours on the test set, in a replication.
        tuned: nuisance choices, such as ``learning_rate 0.1``.
        dead, saturated: worst hidden layer, mean over the finished runs.
    """

    label: str
    num_parameters: int
    operations_per_epoch: int
    incumbent: bool
    state: str
    num_runs: int
    num_finished: int
    num_failed: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    loss_mean: float | None
    loss_sd: float | None
    train_mean: float | None
    seconds_mean: float | None
    tuned: str
    published_accuracy: float | None
    published_loss: float | None
    test_mean: float | None
    test_sd: float | None
    test_loss: float | None
    dead: float | None
    saturated: float | None
    failure: str | None
    runs: tuple[RunView, ...]

    @property
    def finished(self) -> tuple[RunView, ...]:
        return tuple(run for run in self.runs if run.status == "finished")


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """A rival minus the chosen candidate, in units of the metric; paired over replicates."""

    label: str
    mean: float
    low: float | None
    high: float | None
    level: float
    num_replicates: int
    equivalent: bool | None
    pairs: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class TuningView:
    """One nuisance point tried for one candidate on the screening replicates."""

    candidate: str
    values: tuple[tuple[str, float | str], ...]
    mean: float | None
    per_run: tuple[float | None, ...]
    chosen: bool
    at_edge: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageView:
    """One answered question.

    Attributes:
        anchor: id of its section in a page.
        kind: winner, tie or undecided.
        carried_label: label of the incumbent that came in, None in the first stage.
        has_incumbent: whether what was carried in competes here; True in the first stage.
        train_seconds: of all its runs together, also of those that were found in the store.
        gain, gain_low, gain_high: chosen minus what was carried in, paired over replicates.
        margin: the comparison that the verdict rests on (leader minus rival), if any.
        settings_names, settings_rows: only the settings that differ between the candidates.
        sentence: the observation in words; filled by ``sentences``.
    """

    anchor: str
    number: int
    name: str
    question: str
    varied: tuple[str, ...]
    kind: str
    chosen: str
    leader: str
    reason: str
    provisional: bool
    pinned: bool
    power_note: str | None
    num_replicates: int
    metric: str
    delta: float
    seconds: float
    train_seconds: float
    carried_label: str | None
    has_incumbent: bool
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    gain_replicates: int
    margin_first: str | None
    margin_second: str | None
    margin: float | None
    margin_low: float | None
    margin_high: float | None
    margin_level: float | None
    tied: tuple[str, ...]
    eliminated: tuple[str, ...]
    failed: tuple[str, ...]
    candidates: tuple[CandidateView, ...]
    differences: tuple[DifferenceView, ...]
    tuning: tuple[TuningView, ...]
    settings_names: tuple[str, ...]
    settings_rows: tuple[tuple[str, tuple[str, ...]], ...]
    num_runs: int
    num_failed: int

    def candidate(self, label: str) -> CandidateView:
        """The candidate of that (visible) label; KeyError if there is none."""
        for candidate in self.candidates:
            if candidate.label == label:
                return candidate
        raise KeyError(label)


def mean_interval(
    values: Sequence[float], test_share: float, level: float = LEVEL
) -> tuple[float | None, float | None, float | None, float | None]:
    """Mean, sd and interval of a mean over replicates that share training examples.

    Args:
        values: one per replicate.
        test_share: examples measured on over examples trained on; with the 1/S of independent
            replicates it makes the variance of Nadeau and Bengio (2003).

    Returns:
        mean, sd, low, high; the last three None below two values, all None without any.
    """
    if not values:
        return None, None, None, None
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None, None
    sd = float(np.std(values, ddof=1))
    quantile = float(stdtrit(len(values) - 1, 0.5 + level / 2))
    half = quantile * sd * (1 / len(values) + test_share) ** 0.5
    return mean, sd, mean - half, mean + half


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _sd(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def run_view(run: Run, metric: Metric) -> RunView:
    """One run of the records as the report shows it."""
    test = run.test
    return RunView(
        replicate=run.replicate,
        status=run.status,
        reason=visible(run.reason) if run.reason else None,
        value=metric.value(run.val),
        val_accuracy=finite(run.val.accuracy),
        val_loss=finite(run.val.loss),
        train_accuracy=finite(run.train.accuracy),
        train_loss=finite(run.train.loss),
        test_accuracy=finite(test.accuracy) if test else None,
        test_loss=finite(test.loss) if test else None,
        seconds=float(run.train_seconds),
        reused=run.reused,
        curve=thin_curve(run.history),
    )


def _candidate_view(
    candidate: Candidate, runs: Sequence[Run], state: str, metric: Metric, test_share: float
) -> CandidateView:
    views = tuple(run_view(run, metric) for run in runs)
    good = [view for view in views if view.status == "finished"]
    values = [view.value for view in good if view.value is not None]
    mean, sd, low, high = mean_interval(values, test_share)
    failed = [view for view in views if view.status == "failed"]
    health = [run.health for run in runs if run.status == "finished" and run.health]
    published = candidate.published
    return CandidateView(
        label=visible(candidate.label),
        num_parameters=candidate.num_parameters,
        operations_per_epoch=candidate.operations_per_epoch,
        incumbent=candidate.incumbent,
        state=state,
        num_runs=len(views),
        num_finished=len(good),
        num_failed=len(failed),
        mean=mean,
        sd=sd,
        low=low,
        high=high,
        loss_mean=_mean([view.val_loss for view in good]),
        loss_sd=_sd([view.val_loss for view in good]),
        train_mean=_mean([view.train_accuracy for view in good]),
        seconds_mean=_mean([view.seconds for view in views]),
        tuned=", ".join(f"{name} {setting(value)}" for name, value in candidate.tuned.items()),
        published_accuracy=finite(published.test_accuracy) if published else None,
        published_loss=finite(published.test_loss) if published else None,
        test_mean=_mean([view.test_accuracy for view in good]),
        test_sd=_sd([view.test_accuracy for view in good]),
        test_loss=_mean([view.test_loss for view in good]),
        dead=_mean([max(layer.dead for layer in layers) for layers in health]),
        saturated=_mean([max(layer.saturated for layer in layers) for layers in health]),
        failure=failed[0].reason if failed else None,
        runs=views,
    )


def _paired(first: Sequence[Run], second: Sequence[Run], metric: Metric) -> dict[int, float]:
    """Replicate → difference, for the replicates that both finished."""
    values = {run.replicate: metric.value(run.val) for run in second if run.status == "finished"}
    differences = {}
    for run in first:
        mine, other = metric.value(run.val), values.get(run.replicate)
        if run.status == "finished" and mine is not None and other is not None:
            differences[run.replicate] = mine - other
    return differences


def _differences(
    stage: StageResult, chosen: int, metric: Metric, test_share: float
) -> tuple[DifferenceView, ...]:
    """Every other candidate against the chosen one, with the verdict's own intervals."""
    known: dict[int, tuple[Comparison, float]] = {}
    for comparison in stage.verdict.comparisons:
        if comparison.second == chosen:
            known[comparison.first] = (comparison, 1.0)
        elif comparison.first == chosen:
            known[comparison.second] = (comparison, -1.0)
    views = []
    for index, candidate in enumerate(stage.candidates):
        if index == chosen:
            continue
        pairs = _paired(stage.runs[index], stage.runs[chosen], metric)
        mean, _, low, high = mean_interval(list(pairs.values()), test_share)
        level, num, equivalent = LEVEL, len(pairs), None
        if index in known:
            comparison, sign = known[index]
            ends = sorted(
                sign * end for end in (comparison.low, comparison.high) if end is not None
            )
            mean = sign * comparison.mean
            low, high = (ends[0], ends[1]) if len(ends) == 2 else (None, None)
            level, num = comparison.level, comparison.num_replicates
            equivalent = comparison.equivalent
        if finite(mean) is None or mean is None:
            continue
        views.append(
            DifferenceView(
                label=visible(candidate.label),
                mean=mean,
                low=finite(low),
                high=finite(high),
                level=level,
                num_replicates=num,
                equivalent=equivalent,
                pairs=tuple(sorted(pairs.items())),
            )
        )
    return tuple(views)


def _settings_table(
    stage: StageResult,
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The settings that differ between the candidates, and their values per candidate."""
    effective = [candidate.settings.effective() for candidate in stage.candidates]
    names = [
        name
        for name in dict.fromkeys(name for values in effective for name in values)
        if len({json.dumps(values.get(name, "–")) for values in effective}) > 1
    ]
    rows = tuple(
        (
            visible(candidate.label),
            tuple(setting(values[name]) if name in values else "–" for name in names),
        )
        for candidate, values in zip(stage.candidates, effective, strict=True)
    )
    return tuple(names), rows


def _tuning(stage: StageResult, metric: Metric) -> tuple[TuningView, ...]:
    views = []
    for point in stage.tuning:
        per_run = tuple(
            metric.value(run.val) if run.status == "finished" else None for run in point.runs
        )
        values = tuple(
            (name, float(v) if isinstance(v, (int, float)) else setting(v))
            for name, v in point.values.items()
        )
        views.append(
            TuningView(
                candidate=visible(point.candidate),
                values=values,
                mean=_mean(per_run),
                per_run=per_run,
                chosen=point.chosen,
                at_edge=point.at_edge,
            )
        )
    return tuple(views)


def _state(label: str, stage: StageResult) -> str:
    verdict = stage.verdict
    if label == verdict.chosen:
        return "chosen"
    if label in verdict.failed:
        return "failed"
    if label in verdict.tied:
        return "tied"
    return "eliminated" if label in verdict.eliminated else ""


def _index(stage: StageResult, label: str) -> int:
    for index, candidate in enumerate(stage.candidates):
        if candidate.label == label:
            return index
    return 0


def build_stage(result: StudyResult, number: int, metric: Metric, test_share: float) -> StageView:
    """Everything the report says of stage ``number`` (0-based)."""
    stage = result.stages[number]
    verdict = stage.verdict
    chosen = _index(stage, verdict.chosen)
    candidates = tuple(
        _candidate_view(candidate, runs, _state(candidate.label, stage), metric, test_share)
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True)
    )
    carried_label, has_incumbent = None, True
    gain = low = high = None
    gain_replicates = 0
    if number:
        before = result.stages[number - 1]
        carried = _index(before, before.verdict.chosen)
        carried_label = visible(before.verdict.chosen)
        prints = [candidate.settings.fingerprint() for candidate in stage.candidates]
        carried_print = before.candidates[carried].settings.fingerprint()
        has_incumbent = carried_print in prints or any(c.incumbent for c in stage.candidates)
        carried_runs = before.runs[carried]
        if has_incumbent:
            # The incumbent may have had more replicates here than in the stage before.
            here = (
                prints.index(carried_print)
                if carried_print in prints
                else [c.incumbent for c in stage.candidates].index(True)
            )
            carried_runs = stage.runs[here]
            carried_label = visible(stage.candidates[here].label)
        pairs = _paired(stage.runs[chosen], carried_runs, metric)
        gain, _, low, high = mean_interval(list(pairs.values()), test_share)
        gain_replicates = len(pairs)
    margin = verdict.comparison
    names, rows = _settings_table(stage)
    return StageView(
        anchor=f"stage-{number + 1}",
        number=number + 1,
        name=visible(stage.name),
        question=visible(stage.question),
        varied=tuple(visible(name) for name in stage.varied),
        kind=verdict.kind,
        chosen=visible(verdict.chosen),
        leader=visible(verdict.leader),
        reason=visible(verdict.reason),
        provisional=verdict.provisional,
        pinned=verdict.pinned,
        power_note=visible(verdict.power_note) if verdict.power_note else None,
        num_replicates=verdict.num_replicates,
        metric=verdict.metric,
        delta=verdict.delta,
        seconds=stage.seconds,
        train_seconds=sum(run.train_seconds for runs in stage.runs for run in runs),
        carried_label=carried_label,
        has_incumbent=has_incumbent,
        gain=gain,
        gain_low=low,
        gain_high=high,
        gain_replicates=gain_replicates,
        margin_first=visible(stage.candidates[margin.first].label) if margin else None,
        margin_second=visible(stage.candidates[margin.second].label) if margin else None,
        margin=finite(margin.mean) if margin else None,
        margin_low=finite(margin.low) if margin else None,
        margin_high=finite(margin.high) if margin else None,
        margin_level=margin.level if margin else None,
        tied=tuple(visible(label) for label in verdict.tied),
        eliminated=tuple(visible(label) for label in verdict.eliminated),
        failed=tuple(visible(label) for label in verdict.failed),
        candidates=candidates,
        differences=_differences(stage, chosen, metric, test_share),
        tuning=_tuning(stage, metric),
        settings_names=tuple(visible(name) for name in names),
        settings_rows=rows,
        num_runs=sum(candidate.num_runs for candidate in candidates),
        num_failed=sum(candidate.num_failed for candidate in candidates),
    )

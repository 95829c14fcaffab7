"""The stages of a study as a reader sees them: every number of a stage, computed once.

Works on records alone; knows neither charts nor pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.records import Comparison, Run, StageResult, StudyResult
from bakeoff.report.view_runs import LEVEL, CandidateView, candidate_view, mean_interval, mean_of
from bakeoff.report.words import Metric, finite, setting, visible


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
    best: tuple[str, ...]
    beaten: tuple[str, ...]
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


def _paired(first: Sequence[Run], second: Sequence[Run], metric: Metric) -> dict[int, float]:
    """Replicate → difference, for the replicates that both finished."""
    values = {run.replicate: metric.value(run) for run in second if run.status == "finished"}
    differences = {}
    for run in first:
        mine, other = metric.value(run), values.get(run.replicate)
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
            metric.value(run) if run.status == "finished" else None for run in point.runs
        )
        values = tuple(
            (name, float(v) if isinstance(v, (int, float)) else setting(v))
            for name, v in point.values.items()
        )
        views.append(
            TuningView(
                candidate=visible(point.candidate),
                values=values,
                mean=mean_of(per_run),
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
    if verdict.kind == "tie" and label in verdict.best:
        return "tied"
    return "beaten" if label in verdict.beaten else ""


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
        candidate_view(candidate, runs, _state(candidate.label, stage), metric, test_share)
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
        best=tuple(visible(label) for label in verdict.best),
        beaten=tuple(visible(label) for label in verdict.beaten),
        failed=tuple(visible(label) for label in verdict.failed),
        candidates=candidates,
        differences=_differences(stage, chosen, metric, test_share),
        tuning=_tuning(stage, metric),
        settings_names=tuple(visible(name) for name in names),
        settings_rows=rows,
        num_runs=sum(candidate.num_runs for candidate in candidates),
        num_failed=sum(candidate.num_failed for candidate in candidates),
    )

"""What is computed of one stage: its candidates, their differences, what it gained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.evidence.rule import Sampling
from bakeoff.evidence.spreads import Difference, Spread, difference_of, oriented, paired, spreads
from bakeoff.records import (
    Baseline,
    Candidate,
    Comparison,
    Metric,
    Run,
    StageResult,
    StudyResult,
    TuningPoint,
)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSummary:
    """One candidate of a stage with what its finished runs gave.

    Attributes:
        name: its label, with the setting it is a value of where that is one: a bare ``64`` in a
            sentence is a riddle.
        values: the settings that differ between the candidates of its stage; one without effect
            here is left out.
        fate: ``chosen``, ``best`` (not beaten), ``beaten``, ``failed`` or empty.
        metrics: full name, such as ``val_accuracy``, → over the finished runs.
        value: of the metric that decides; None without a finished run.
        seconds: mean training time of a run.
    """

    candidate: Candidate
    runs: tuple[Run, ...]
    name: str
    values: Mapping[str, Any]
    fate: str
    metrics: Mapping[str, Spread]
    value: Spread | None
    seconds: float | None

    @property
    def label(self) -> str:
        return self.candidate.label

    @property
    def finished(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.status == "finished")

    @property
    def failed(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.status == "failed")

    def mean(self, name: str) -> float | None:
        """Mean of one metric by its full name."""
        spread = self.metrics.get(name)
        return None if spread is None else spread.mean


@dataclass(frozen=True, slots=True, eq=False)
class BaselineSummary:
    """A simple model on the replicates of the first look.

    Attributes:
        mean: of the metric that decides, over its finished runs; None where every run failed.
        comparison: the final candidate minus this one.
    """

    label: str
    runs: tuple[Run, ...]
    mean: float | None
    comparison: Comparison | None


@dataclass(frozen=True, slots=True, eq=False)
class StageSummary:
    """One answered question.

    Attributes:
        number: from 1.
        settings: names of the settings that differ between its candidates.
        differences: every other candidate minus the chosen one.
        decided: the pair that the verdict rests on.
        carried: label, in this stage where it competes here, of what came in; None at first.
        has_incumbent: whether what came in competes here; True in the first stage.
        gain: the chosen one minus what came in; None in the first stage.
        tuning: points tried, each with its mean over the screening runs.
        retuned: what later stages changed of the settings it chose: name → final value.
        baselines: simple models on the same replicates.
        against: each of them minus what was chosen last, 95 % intervals; of the last stage alone.
        searched: whether the points are those of a search, of which only the best compete.
    """

    stage: StageResult
    number: int
    metric: Metric
    candidates: tuple[CandidateSummary, ...]
    settings: tuple[str, ...]
    differences: tuple[Difference, ...]
    decided: Difference | None
    carried: str | None
    has_incumbent: bool
    gain: Difference | None
    tuning: tuple[tuple[TuningPoint, float | None], ...]
    retuned: Mapping[str, Any]
    baselines: tuple[BaselineSummary, ...] = ()
    against: tuple[Difference, ...] = ()
    searched: bool = False

    def points(self, most: int) -> list[tuple[TuningPoint, float | None]]:
        """What was tried; of a search so many, those that compete first, then the best."""
        if not self.searched:
            return list(self.tuning)

        def place(one: tuple[TuningPoint, float | None]) -> tuple[bool, bool, float]:
            return (not one[0].chosen, one[1] is None, -self.metric.sign * (one[1] or 0.0))

        return sorted(self.tuning, key=place)[:most]

    @property
    def chosen(self) -> CandidateSummary:
        return self.of(self.stage.verdict.chosen)

    @property
    def train_seconds(self) -> float:
        """Training time of all its runs together, also of those found in the store."""
        return sum(run.train_seconds for c in self.candidates for run in c.runs)

    @property
    def num_failed(self) -> int:
        return sum(len(candidate.failed) for candidate in self.candidates)

    @property
    def measured(self) -> bool:
        """Whether any run gave the metric that decides."""
        return any(candidate.value is not None for candidate in self.candidates)

    def of(self, label: str) -> CandidateSummary:
        """The candidate of that label; KeyError if there is none."""
        for candidate in self.candidates:
            if candidate.label == label:
                return candidate
        raise KeyError(label)

    def name(self, label: str) -> str:
        """A label with its setting; of a candidate from elsewhere the label itself."""
        return next((c.name for c in self.candidates if c.label == label), label)


def _names(stage: StageResult) -> tuple[list[str], list[dict[str, Any]]]:
    """Settings that differ between the candidates, and each candidate's effective settings."""
    effective = [candidate.settings.effective() for candidate in stage.candidates]
    names = dict.fromkeys(name for values in effective for name in values)
    if len({values.get("model") for values in effective}) > 1:
        # Models of several kinds: what one of them alone has tells the others apart in nothing.
        shared = set.intersection(*(set(values) for values in effective)) - {"model"}
        names = dict.fromkeys(name for name in names if name in shared)
    differing = [
        name
        for name in names
        if any(values.get(name) != effective[0].get(name) for values in effective)
    ]
    return differing, effective


def _fate(label: str, stage: StageResult) -> str:
    verdict = stage.verdict
    if label == verdict.chosen:
        return "chosen"
    for fate in ("failed", "beaten", "best"):
        if label in getattr(verdict, fate):
            return fate
    return ""


def summarise_stage(
    result: StudyResult,
    number: int,
    metric: Metric,
    sampling: Sampling,
    last: Mapping[str, Any],
    baselines: tuple[BaselineSummary, ...],
) -> StageSummary:
    """One stage of a result.

    Args:
        number: of the stage, from 0.
        last: settings of the model that the study ends with.
    """
    stage = result.stages[number]
    verdict, name = stage.verdict, f"val_{metric.name}"
    differing, effective = _names(stage)
    candidates = []
    for candidate, runs, values in zip(stage.candidates, stage.runs, effective, strict=True):
        metrics = spreads(runs, sampling)
        candidates.append(
            CandidateSummary(
                candidate=candidate,
                runs=runs,
                name=words.candidate(candidate.label, stage.varied, values),
                values={key: values[key] for key in differing if key in values},
                fate=_fate(candidate.label, stage),
                metrics=metrics,
                value=metrics.get(name),
                seconds=float(np.mean([run.train_seconds for run in runs])) if runs else None,
            )
        )
    labels = [candidate.label for candidate in candidates]
    chosen = labels.index(verdict.chosen) if verdict.chosen in labels else 0
    known = {}
    for pair in verdict.comparisons:
        if chosen in (pair.first, pair.second):
            other = pair.first if pair.second == chosen else pair.second
            known[other] = oriented(pair, labels, flip=pair.first == chosen)
    differences = []
    for index, label in enumerate(labels):
        pairs = paired(stage.runs[index], stage.runs[chosen], name)
        own = difference_of(label, labels[chosen], pairs, sampling)
        if index == chosen or (own is None and index not in known):
            continue
        if index in known:
            own = replace(known[index], pairs=pairs)
        if own is not None:
            differences.append(own)
    carried, has_incumbent, gain = None, True, None
    if number:
        before = result.stages[number - 1]
        carried = before.verdict.chosen
        there = [c.label for c in before.candidates].index(carried)
        runs = before.runs[there]
        prints = [candidate.settings.fingerprint() for candidate in stage.candidates]
        wanted = before.candidates[there].settings.fingerprint()
        here = next(
            (i for i, one in enumerate(prints) if one == wanted),
            next((i for i, c in enumerate(stage.candidates) if c.incumbent), None),
        )
        has_incumbent = here is not None
        if here is not None:
            # The incumbent may have had more replicates here than in the stage before.
            carried, runs = labels[here], stage.runs[here]
        gain = difference_of(
            labels[chosen], carried, paired(stage.runs[chosen], runs, name), sampling
        )
    ours = effective[chosen]
    return StageSummary(
        stage=stage,
        number=number + 1,
        metric=metric,
        candidates=tuple(candidates),
        settings=tuple(differing),
        differences=tuple(differences),
        decided=oriented(verdict.comparison, labels) if verdict.comparison else None,
        carried=carried,
        has_incumbent=has_incumbent,
        gain=gain,
        tuning=tuple((point, _screened(point, name)) for point in stage.tuning),
        retuned={
            key: last[key]
            for key in stage.varied
            if key in last and key in ours and last[key] != ours[key]
        },
        baselines=baselines,
        against=_against(result, verdict.chosen) if number + 1 == len(result.stages) else (),
        searched=any("search" in one for one in result.spec.get("stage", ())[number : number + 1]),
    )


def summarise_baseline(one: Baseline, metric: Metric) -> BaselineSummary:
    """What a simple model reaches in the metric that decides."""
    value = spreads(one.runs).get(f"val_{metric.name}")
    mean = None if value is None else value.mean
    return BaselineSummary(one.label, one.runs, mean, one.comparison)


def _against(result: StudyResult, chosen: str) -> tuple[Difference, ...]:
    """Each baseline minus the chosen candidate, with which it was compared the other way round."""
    return tuple(
        oriented(one.comparison, (chosen, one.label), flip=True)
        for one in result.baselines
        if one.comparison is not None
    )


def _screened(point: TuningPoint, name: str) -> float | None:
    values = [run.value(name) for run in point.runs if run.status == "finished"]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

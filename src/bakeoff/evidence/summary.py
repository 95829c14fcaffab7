"""Every mean, spread, interval and gain of a study's result, computed once.

Page, terminal, notebook and JSON read these numbers and compute none: a number that two of them show
is the same number. Knows records and intervals, no words beyond the names of candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.evidence.intervals import prediction_interval, t_quantile, test_interval
from bakeoff.records import (
    Candidate,
    Comparison,
    Final,
    Mistaken,
    Run,
    StageResult,
    StudyResult,
    TuningPoint,
)
from bakeoff.tasks.base import Metric
from bakeoff.tasks.classification import CLASSIFICATION, is_unbalanced

LEVEL = 0.95  # coverage of what describes one candidate; verdicts bring their own


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over several runs.

    Attributes:
        num: runs that have it.
        sd: over the runs, ddof 1; None below two.
        low, high: 95 % interval of the mean; None below two.
    """

    num: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One candidate minus another, in units of the metric, paired over replicates.

    Attributes:
        first, second: labels.
        pairs: replicate → difference.
    """

    first: str
    second: str
    mean: float
    low: float | None
    high: float | None
    level: float
    num_replicates: int
    equivalent: bool | None = None
    pairs: Mapping[int, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSummary:
    """One candidate of a stage with what its finished runs gave.

    Attributes:
        name: its label, with the setting it is a value of where that is one: a bare ``64`` in a
            sentence is a riddle.
        values: the settings that differ between the candidates of its stage.
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


@dataclass(frozen=True, slots=True)
class Recall:
    """One class of the test part by the delivered model; Wilson's 95 % interval of the recall."""

    name: str
    num_examples: int
    recall: float | None
    low: float | None
    high: float | None
    precision: float | None


@dataclass(frozen=True, slots=True, eq=False)
class FinalSummary:
    """The refits of the final settings and the one look at the test part.

    Attributes:
        metrics: full name → over all refits that finished.
        test: metric name → 95 % interval of what models trained so reach on such test examples.
        again: 95 % interval of the test accuracy of one further training.
        headline: the metric that leads: the one that decided, where the test part measured it.
        delivered: the refit that is handed over.
        recalls: per class, by the delivered model.
        confused: most frequent confusions: actual, predicted, count.
    """

    final: Final
    metrics: Mapping[str, Spread]
    test: Mapping[str, tuple[float, float]]
    again: tuple[float, float] | None
    headline: Metric
    delivered: Run | None
    recalls: tuple[Recall, ...]
    confused: tuple[tuple[str, str, int], ...]

    @property
    def confusion(self) -> np.ndarray | None:
        return None if self.final.exam is None else self.final.exam.confusion

    @property
    def calibration_error(self) -> float | None:
        return None if self.final.exam is None else self.final.exam.calibration_error

    @property
    def mistakes(self) -> Sequence[Mistaken]:
        return () if self.final.exam is None else self.final.exam.mistakes

    @property
    def reliability(self) -> list[tuple[float, float, float]]:
        """Per bin of confidence that holds any: count, mean confidence, accuracy."""
        if self.final.exam is None:
            return []
        return [(n, c, a) for n, c, a in self.final.exam.reliability.tolist() if n > 0]

    @property
    def num_failed(self) -> int:
        return sum(run.status == "failed" for run in self.final.runs)

    @property
    def num_finished(self) -> int:
        return len(self.final.runs) - self.num_failed

    def mean(self, name: str) -> float | None:
        """Mean of one metric by its full name."""
        spread = self.metrics.get(name)
        return None if spread is None else spread.mean


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A result with all that is computed from it.

    Attributes:
        settings: of the model that the study ends with; None without a finished stage.
        baseline: share of the most frequent class, what knowing nothing scores; None where the
            classes are not known.
        unbalanced: whether balanced accuracy must stand beside accuracy.
    """

    result: StudyResult
    metric: Metric
    stages: tuple[StageSummary, ...]
    final: FinalSummary | None
    settings: Mapping[str, Any] | None
    baseline: float | None
    unbalanced: bool

    @property
    def num_failed(self) -> int:
        """Failed runs of the stages and of the refits."""
        refits = self.final.num_failed if self.final else 0
        return sum(stage.num_failed for stage in self.stages) + refits

    @property
    def replicates(self) -> list[int]:
        """All replicates that occur, sorted."""
        return sorted({r.replicate for s in self.result.stages for runs in s.runs for r in runs})


def metric_of(result: StudyResult) -> Metric:
    """The metric that decided; one that the task does not know is a plain number to raise.

    Verdicts name it; an unfinished study of an older store has the word of its study file.
    """
    name = result.stages[0].verdict.metric if result.stages else result.metric
    try:
        return CLASSIFICATION.metric(name)
    except KeyError:
        return Metric(name, higher_is_better=True)


def spread(values: Sequence[float], share: float = 0.0) -> Spread | None:
    """Mean, sd and interval of the mean over replicates that share training examples.

    Args:
        values: one per run.
        share: examples measured on over examples trained on; with the 1/S of independent
            replicates it makes the variance of Nadeau and Bengio (2003).

    Returns:
        None without a value.
    """
    if not values:
        return None
    mean = float(np.mean(values))
    if len(values) < 2:
        return Spread(1, mean, None, None, None)
    sd = float(np.std(values, ddof=1))
    half = t_quantile(0.5 + LEVEL / 2, len(values) - 1) * sd * (1 / len(values) + share) ** 0.5
    return Spread(len(values), mean, sd, mean - half, mean + half)


def spreads(runs: Iterable[Run], share: float = 0.0) -> dict[str, Spread]:
    """Full metric name → over the finished runs, in the order the runs name them."""
    finished = [run for run in runs if run.status == "finished"]
    names = dict.fromkeys(name for run in finished for name in run.metrics)
    found = {
        name: spread([run.metrics[name] for run in finished if name in run.metrics], share)
        for name in names
    }
    return {name: one for name, one in found.items() if one is not None}


def _pairs(first: Sequence[Run], second: Sequence[Run], name: str) -> dict[int, float]:
    """Replicate → difference, for the replicates that both finished."""
    others = {run.replicate: run.value(name) for run in second if run.status == "finished"}
    pairs = {}
    for run in first:
        ours, theirs = run.value(name), others.get(run.replicate)
        if run.status == "finished" and ours is not None and theirs is not None:
            pairs[run.replicate] = ours - theirs
    return dict(sorted(pairs.items()))


def _oriented(pair: Comparison, labels: Sequence[str], flip: bool = False) -> Difference:
    """A verdict's comparison as a difference, by label."""
    first, second = labels[pair.first], labels[pair.second]
    if not flip:
        low, high, mean = pair.low, pair.high, pair.mean
    else:
        first, second, mean = second, first, -pair.mean
        low = None if pair.high is None else -pair.high
        high = None if pair.low is None else -pair.low
    return Difference(
        first, second, mean, low, high, pair.level, pair.num_replicates, pair.equivalent
    )


def _difference(
    first: str, second: str, pairs: Mapping[int, float], share: float
) -> Difference | None:
    """A difference that no verdict compared, with a 95 % interval of its own."""
    found = spread(list(pairs.values()), share)
    if found is None:
        return None
    return Difference(
        first, second, found.mean, found.low, found.high, LEVEL, found.num, None, pairs
    )


def _names(stage: StageResult) -> tuple[list[str], list[dict[str, Any]]]:
    """Settings that differ between the candidates, and each candidate's effective settings."""
    effective = [candidate.settings.effective() for candidate in stage.candidates]
    names = dict.fromkeys(name for values in effective for name in values)
    differing = [
        name
        for name in names
        if any(values.get(name) != effective[0].get(name) for values in effective)
    ]
    return differing, effective


def _name(candidate: Candidate, varied: Sequence[str], values: Mapping[str, Any]) -> str:
    """A label with the setting it is a value of, or with the values an author's label stands for."""
    label = candidate.label
    if len(varied) != 1 or varied[0] not in values:
        return label
    value = words.setting(values[varied[0]])
    if label == value:
        return f"{varied[0]} {value}"
    return label if label == f"{varied[0]}={value}" else f"{label} ({varied[0]} {value})"


def _fate(label: str, stage: StageResult) -> str:
    verdict = stage.verdict
    if label == verdict.chosen:
        return "chosen"
    for fate in ("failed", "beaten", "best"):
        if label in getattr(verdict, fate):
            return fate
    return ""


def _stage(
    result: StudyResult, number: int, metric: Metric, share: float, last: Mapping[str, Any]
) -> StageSummary:
    stage = result.stages[number]
    verdict, name = stage.verdict, f"val_{metric.name}"
    differing, effective = _names(stage)
    candidates = []
    for candidate, runs, values in zip(stage.candidates, stage.runs, effective, strict=True):
        metrics = spreads(runs, share)
        candidates.append(
            CandidateSummary(
                candidate=candidate,
                runs=runs,
                name=_name(candidate, stage.varied, values),
                values={key: values.get(key) for key in differing},
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
            known[other] = _oriented(pair, labels, flip=pair.first == chosen)
    differences = []
    for index, label in enumerate(labels):
        pairs = _pairs(stage.runs[index], stage.runs[chosen], name)
        own = _difference(label, labels[chosen], pairs, share)
        if index == chosen or (own is None and index not in known):
            continue
        if index in known:
            d = known[index]
            own = Difference(
                d.first,
                d.second,
                d.mean,
                d.low,
                d.high,
                d.level,
                d.num_replicates,
                d.equivalent,
                pairs,
            )
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
        gain = _difference(labels[chosen], carried, _pairs(stage.runs[chosen], runs, name), share)
    ours = effective[chosen]
    return StageSummary(
        stage=stage,
        number=number + 1,
        metric=metric,
        candidates=tuple(candidates),
        settings=tuple(differing),
        differences=tuple(differences),
        decided=_oriented(verdict.comparison, labels) if verdict.comparison else None,
        carried=carried,
        has_incumbent=has_incumbent,
        gain=gain,
        tuning=tuple((point, _screened(point, name)) for point in stage.tuning),
        retuned={
            key: last[key]
            for key in stage.varied
            if key in last and key in ours and last[key] != ours[key]
        },
    )


def _screened(point: TuningPoint, name: str) -> float | None:
    values = [run.value(name) for run in point.runs if run.status == "finished"]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def wilson(hits: int, total: int) -> tuple[float | None, float | None]:
    """Wilson's 95 % score interval of a share (Wilson 1927)."""
    if not total:
        return None, None
    z = 1.959964
    share, z2 = hits / total, z**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * (share * (1 - share) / total + z2 / (4 * total**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _recalls(confusion: np.ndarray, names: Sequence[str]) -> tuple[Recall, ...]:
    found = []
    for index, name in enumerate(names):
        total, hits = int(confusion[index].sum()), int(confusion[index, index])
        predicted = int(confusion[:, index].sum())
        recall = hits / total if total else None
        precision = hits / predicted if predicted else None
        found.append(Recall(name, total, recall, *wilson(hits, total), precision))
    return tuple(found)


def _confused(confusion: np.ndarray, names: Sequence[str]) -> tuple[tuple[str, str, int], ...]:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:5]
    places = [np.unravel_index(flat, wrong.shape) for flat in order]
    return tuple((names[a], names[p], int(wrong[a, p])) for a, p in places if wrong[a, p] > 0)


def _test_parts(confusion: np.ndarray | None, num_test: int) -> dict[str, float]:
    """Metric name → how many test examples count for it.

    Balanced accuracy is a mean over classes, so few examples of one class weigh as much as many of
    another: ``C² / Σ(1 / n_c)`` of them tell as much as so many in balanced classes.
    """
    counts: dict[str, float] = {"accuracy": num_test}
    if confusion is not None:
        per_class = confusion.sum(axis=1)
        per_class = per_class[per_class > 0]
        if len(per_class):
            counts["balanced_accuracy"] = len(per_class) ** 2 / float(np.sum(1 / per_class))
    return counts


def _final(result: StudyResult, metric: Metric) -> FinalSummary | None:
    final, data = result.final, result.data
    if final is None:
        return None
    metrics = spreads(final.runs)
    confusion = None if final.exam is None else np.asarray(final.exam.confusion)
    test = {}
    for name, num in _test_parts(confusion, data.num_test).items():
        values = [
            value
            for run in final.runs
            if run.status == "finished" and (value := run.value(f"test_{name}")) is not None
        ]
        ends = test_interval(np.array(values), num) if values else None
        if ends is not None:
            test[name] = ends
    accuracies = [
        value
        for run in final.runs
        if run.status == "finished" and (value := run.value("test_accuracy")) is not None
    ]
    measured = f"test_{metric.name}" in metrics
    headline = metric if measured and metric.share else CLASSIFICATION.metric("accuracy")
    return FinalSummary(
        final=final,
        metrics=metrics,
        test=test,
        again=prediction_interval(np.array(accuracies), num_examples=data.num_test),
        headline=headline,
        delivered=final.runs[final.delivered] if final.delivered < len(final.runs) else None,
        recalls=() if confusion is None else _recalls(confusion, data.class_names),
        confused=() if confusion is None else _confused(confusion, data.class_names),
    )


def summarise(result: StudyResult) -> Summary:
    """Everything that is computed from a result."""
    metric, data = metric_of(result), result.data
    share = data.num_validation / data.num_train if data.num_train else 0.0
    settings: Mapping[str, Any] | None = None
    if result.final is not None:
        settings = result.final.settings.effective()
    elif result.stages:
        last = result.stages[-1]
        settings = last.candidate(last.verdict.chosen).settings.effective()
    counts = data.class_counts
    return Summary(
        result=result,
        metric=metric,
        stages=tuple(
            _stage(result, number, metric, share, settings or {})
            for number in range(len(result.stages))
        ),
        final=_final(result, metric),
        settings=settings,
        baseline=max(counts) / sum(counts) if sum(counts) else None,
        unbalanced=is_unbalanced(counts),
    )

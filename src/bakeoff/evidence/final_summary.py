"""Every number of the final model, computed once: its refits, the test scores, its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evidence.spreads import (
    Spread,
    error_interval,
    prediction_interval,
    spreads,
    test_interval,
)
from bakeoff.records import Final, Floats, Mistaken, Run, StudyResult
from bakeoff.tasks.base import Metric
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.tasks.further import further
from bakeoff.tasks.regression import REGRESSION


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
        test: metric name → 95 % interval of what models trained so reach on such test examples; of
            accuracy, balanced accuracy, rmse and mae.
        again: 95 % interval of the test accuracy of one further training.
        headline: the metric that leads: the one that decided, where the test part measured it; of a
            loss the accuracy.
        further: other metrics that the test part measured, but accuracy, balanced accuracy, loss.
        delivered: the refit that is handed over.
        recalls: per class, by the delivered model.
        confused: most frequent confusions: actual, predicted, count.
    """

    final: Final
    metrics: Mapping[str, Spread]
    test: Mapping[str, tuple[float, float]]
    again: tuple[float, float] | None
    headline: Metric
    further: tuple[Metric, ...]
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


def _refits(final: Final, name: str) -> Floats:
    """A test metric of every refit that finished and has it."""
    finished = [run.value(f"test_{name}") for run in final.runs if run.status == "finished"]
    return np.array([value for value in finished if value is not None])


def summarise_final(result: StudyResult, metric: Metric) -> FinalSummary | None:
    """Everything that is computed of the final model; None where there is none."""
    final, data = result.final, result.data
    if final is None:
        return None
    metrics = spreads(final.runs)
    confusion = None if final.exam is None else np.asarray(final.exam.confusion)
    test = {
        name: test_interval(_refits(final, name), num)
        for name, num in _test_parts(confusion, data.num_test).items()
    }
    if final.values is not None:
        missed = np.abs(final.values.predicted - final.values.actual)
        for name, losses in (("rmse", missed**2), ("mae", missed)):
            values = _refits(final, name)
            test[name] = error_interval(values, losses, data.num_test, root=name == "rmse")
    measured = f"test_{metric.name}" in metrics
    is_regression = result.task == "regression"
    core = REGRESSION.metrics if is_regression else ()
    headline = metric
    if not measured or metric.name == "loss":  # a loss by itself tells nobody how good a model is
        headline = (REGRESSION if is_regression else CLASSIFICATION).metrics[0]
    others = tuple(
        one
        for one in (*core, *further(result.task))
        if one.name != headline.name and f"test_{one.name}" in metrics
    )
    return FinalSummary(
        final=final,
        metrics=metrics,
        test={name: ends for name, ends in test.items() if ends is not None},
        again=prediction_interval(_refits(final, "accuracy"), num_examples=data.num_test),
        headline=headline,
        further=others,
        delivered=final.runs[final.delivered] if final.delivered < len(final.runs) else None,
        recalls=() if confusion is None else _recalls(confusion, data.class_names),
        confused=() if confusion is None else _confused(confusion, data.class_names),
    )

"""Runs and candidates as a reader sees them; knows neither verdicts nor charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.records import Candidate, Run
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
        state: ``chosen``, ``tied``, ``beaten``, ``failed`` or ``""``.
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
    # A sixth of a second of imports, for studies that have replicates.
    from scipy.special import stdtrit

    sd = float(np.std(values, ddof=1))
    quantile = float(stdtrit(len(values) - 1, 0.5 + level / 2))
    half = quantile * sd * (1 / len(values) + test_share) ** 0.5
    return mean, sd, mean - half, mean + half


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of the numbers that exist; None where there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _sd(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def run_view(run: Run, metric: Metric) -> RunView:
    """One run of the records as the report shows it."""
    return RunView(
        replicate=run.replicate,
        status=run.status,
        reason=visible(run.reason) if run.reason else None,
        value=metric.value(run),
        val_accuracy=run.value("val_accuracy"),
        val_loss=run.value("val_loss"),
        train_accuracy=run.value("train_accuracy"),
        train_loss=run.value("train_loss"),
        test_accuracy=run.value("test_accuracy"),
        test_loss=run.value("test_loss"),
        seconds=float(run.train_seconds),
        reused=run.reused,
        curve=thin_curve(run),
    )


def candidate_view(
    candidate: Candidate, runs: Sequence[Run], state: str, metric: Metric, test_share: float
) -> CandidateView:
    """One candidate of the records with what its finished runs gave."""
    views = tuple(run_view(run, metric) for run in runs)
    good = [view for view in views if view.status == "finished"]
    values = [view.value for view in good if view.value is not None]
    mean, sd, low, high = mean_interval(values, test_share)
    failed = [view for view in views if view.status == "failed"]
    health = [
        found for run in runs if run.status == "finished" and (found := run.notes.get("health"))
    ]
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
        loss_mean=mean_of([view.val_loss for view in good]),
        loss_sd=_sd([view.val_loss for view in good]),
        train_mean=mean_of([view.train_accuracy for view in good]),
        seconds_mean=mean_of([view.seconds for view in views]),
        tuned=", ".join(f"{name} {setting(value)}" for name, value in candidate.tuned.items()),
        published_accuracy=finite(published.test_accuracy) if published else None,
        published_loss=finite(published.test_loss) if published else None,
        test_mean=mean_of([view.test_accuracy for view in good]),
        test_sd=_sd([view.test_accuracy for view in good]),
        test_loss=mean_of([view.test_loss for view in good]),
        dead=mean_of([max(layer["dead"] for layer in layers) for layers in health]),
        saturated=mean_of([max(layer["saturated"] for layer in layers) for layers in health]),
        failure=failed[0].reason if failed else None,
        runs=views,
    )

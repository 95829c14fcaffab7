"""The final model as a reader sees it: test scores, confusions, calibration, mistakes.

Works on records alone; the model itself becomes a payload in ``tryit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.records import Final, StudyResult
from bakeoff.report.images import sprite
from bakeoff.report.tryit import ModelPayload, model_payload
from bakeoff.report.view_runs import RunView, run_view
from bakeoff.report.words import Metric, finite, setting, visible

Z95 = 1.959964  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True)
class RecallView:
    """One class of the test part: how many there are, how many were recognised.

    Attributes:
        low, high: Wilson's 95 % interval of the recall.
        precision: of the predictions of this class the share that was right.
    """

    name: str
    num_examples: int
    recall: float | None
    low: float | None
    high: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class MistakeView:
    """One of the worst mistakes, by class name."""

    row: int
    predicted: str
    actual: str
    probability: float
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FinalView:
    """The chosen settings after the refit, and the one look at the test set.

    Attributes:
        accuracy_mean, accuracy_sd: over the refits, on the test set.
        sampling_half: half width of the 95 % interval that the finite test set leaves.
        training_half: 95 % half width from training again (1.96 sd of single refits).
        confusion: counts, actual then predicted.
        confused: the most frequent confusions as (actual, predicted, count).
        reliability: per non-empty bin (count, mean confidence, accuracy).
        sprite: PNG of the worst mistakes as a data URI; None for data that are not images.
    """

    settings: tuple[tuple[str, str], ...]
    num_parameters: int
    num_test: int
    runs: tuple[RunView, ...]
    num_failed: int
    accuracy_mean: float | None
    accuracy_sd: float | None
    loss_mean: float | None
    loss_sd: float | None
    balanced_accuracy: float | None
    sampling_half: float | None
    training_half: float | None
    class_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    confused: tuple[tuple[str, str, int], ...]
    recalls: tuple[RecallView, ...]
    reliability: tuple[tuple[int, float, float], ...]
    calibration_error: float | None
    mistakes: tuple[MistakeView, ...]
    sprite: str | None
    sprite_size: tuple[int, int] | None
    model_path: str | None
    opened_at: str | None
    opening_ordinal: int | None
    model: ModelPayload | None
    model_missing: str | None


def wilson(hits: int, total: int) -> tuple[float | None, float | None]:
    """Wilson's 95 % score interval of a share (Wilson 1927)."""
    if not total:
        return None, None
    share, z2 = hits / total, Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * (share * (1 - share) / total + z2 / (4 * total**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _recalls(confusion: np.ndarray, names: Sequence[str]) -> tuple[RecallView, ...]:
    views = []
    for index, name in enumerate(names):
        total, hits = int(confusion[index].sum()), int(confusion[index, index])
        predicted = int(confusion[:, index].sum())
        low, high = wilson(hits, total)
        views.append(
            RecallView(
                name=name,
                num_examples=total,
                recall=hits / total if total else None,
                low=low,
                high=high,
                precision=hits / predicted if predicted else None,
            )
        )
    return tuple(views)


def _confused(confusion: np.ndarray, names: Sequence[str]) -> tuple[tuple[str, str, int], ...]:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:5]
    rows = [np.unravel_index(flat, wrong.shape) for flat in order]
    return tuple((names[a], names[p], int(wrong[a, p])) for a, p in rows if wrong[a, p] > 0)


def _spread(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return None, None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None


def _mistakes(final: Final, names: Sequence[str], features: Sequence[str]) -> list[MistakeView]:
    views = []
    for mistake in final.mistakes:
        values: tuple[tuple[str, str], ...] = ()
        if features:
            values = tuple(
                (name, f"{float(value):.4g}")
                for name, value in zip(features[:8], mistake.features, strict=False)
            )
        views.append(
            MistakeView(
                row=mistake.row,
                predicted=names[mistake.predicted],
                actual=names[mistake.actual],
                probability=float(mistake.probability),
                values=values,
            )
        )
    return views


def build_final(result: StudyResult, metric: Metric) -> FinalView | None:
    """Everything the report says of the final model; None where there is none."""
    final, data = result.final, result.data
    if final is None:
        return None
    names = tuple(visible(name) for name in data.class_names)
    features = tuple(visible(name) for name in data.feature_names)
    runs = tuple(run_view(run, metric) for run in final.runs)
    good = [run for run in runs if run.status == "finished"]
    accuracy_mean, accuracy_sd = _spread([run.test_accuracy for run in good])
    loss_mean, loss_sd = _spread([run.test_loss for run in good])
    recall_mean, _ = _spread(
        [
            value
            for run in final.runs
            if run.status == "finished"
            and (value := run.value("test_balanced_accuracy")) is not None
        ]
    )
    sampling = None
    if accuracy_mean is not None and data.num_test:
        sampling = Z95 * (accuracy_mean * (1 - accuracy_mean) / data.num_test) ** 0.5
    confusion = None if final.confusion is None else np.asarray(final.confusion)
    bins = [] if final.reliability is None else np.asarray(final.reliability).tolist()
    picture = sprite([m.features for m in final.mistakes], data.image_shape, peak=data.feature_max)
    model, missing = model_payload(final, data)
    return FinalView(
        settings=tuple((n, setting(v)) for n, v in final.settings.effective().items()),
        num_parameters=final.num_parameters,
        num_test=data.num_test,
        runs=runs,
        num_failed=sum(run.status == "failed" for run in runs),
        accuracy_mean=accuracy_mean,
        accuracy_sd=accuracy_sd,
        loss_mean=loss_mean,
        loss_sd=loss_sd,
        balanced_accuracy=recall_mean,
        sampling_half=sampling,
        training_half=None if accuracy_sd is None else Z95 * accuracy_sd,
        class_names=names,
        confusion=None
        if confusion is None
        else tuple(tuple(int(n) for n in row) for row in confusion),
        confused=() if confusion is None else _confused(confusion, names),
        recalls=() if confusion is None else _recalls(confusion, names),
        reliability=tuple((int(n), float(c), float(a)) for n, c, a in bins if n > 0),
        calibration_error=finite(final.calibration_error),
        mistakes=tuple(_mistakes(final, names, features)),
        sprite=picture.uri if picture else None,
        sprite_size=picture.size if picture else None,
        model_path=visible(final.model_path) if final.model_path else None,
        opened_at=final.opening.opened_at if final.opening else None,
        opening_ordinal=final.opening.ordinal if final.opening else None,
        model=model,
        model_missing=missing,
    )

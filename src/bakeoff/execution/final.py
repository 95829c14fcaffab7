"""The last step: refit the chosen settings on train + validation, and open the test part once.

Delivered is the first refit that has not collapsed. Training can collapse without failing: every
unit of a layer dies in the first epoch, and the network says one class for good. Such a refit is a
measurement like any other, so it counts in the mean that is reported, but nobody wants it for a
model. It is told by its *training part*: choosing a refit by the test part would make the reported
number a lucky one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bakeoff.data.dataset import Dataset
from bakeoff.errors import RunsFailedError
from bakeoff.execution.context import StudyContext
from bakeoff.execution.events import Note
from bakeoff.execution.runs import Refit
from bakeoff.records import Candidate, ClassificationExam, Final, Floats, RegressionExam, Replicate
from bakeoff.trainables.base import Request

MOST_STATS = 1_000

TAIL = 1e-6
"""Level of the exact test that a refit is worse than the best that the settings reach.

The best of many runs is lucky, and a collapse is far beyond any luck."""


def refit_and_open(context: StudyContext, candidate: Candidate) -> Final | None:
    """Trains the final candidate on everything outside the test part, then measures it once.

    Every refit counts in the reported numbers. The delivered model is the first that has not
    collapsed, judged by its training part, not the one that did best on the test part.

    Returns:
        None where what was trained hands back no model, so that nothing can be measured.

    Raises:
        RunsFailedError: when every refit failed or collapsed; the test part is then still sealed.
        Interrupted: the study was asked to end; until the refits are trained the test part is
            still sealed.
    """
    service = context.runs
    refits = service.refit(final_requests(context, candidate))
    number = _delivered(context, candidate, refits)
    model = refits[number].outcome.model
    if model is None:
        service.notify(Note(f"final: {candidate.label} hands back no model; no test is opened"))
        return None
    test = context.door.open_()
    measured = service.measure(refits, test)
    runs = []
    for one in refits:
        run = service.record(one.request, one.outcome)
        if run.key in measured:
            run = replace(run, metrics={**run.metrics, **measured[run.key].metrics})
        runs.append(run)
    outputs = measured[refits[number].request.key].outputs
    exam = service.trainable.task.exam
    shown = exam(outputs, test.labels, test.features) if exam and outputs is not None else None
    return Final(
        settings=candidate.settings,
        cost=candidate.cost,
        runs=tuple(runs),
        delivered=number,
        opening=context.door.opening,
        # What lives only in this study, a pickle, is no file that anybody should open later.
        model={name: array for name, array in model.items() if name != "live"},
        exam=shown if isinstance(shown, ClassificationExam) else None,
        values=shown if isinstance(shown, RegressionExam) else None,
        feature_stats=feature_stats(context.dataset),
    )


def _delivered(context: StudyContext, candidate: Candidate, refits: list[Refit]) -> int:
    """Index of the refit that is delivered."""
    validated = context.runs.already_given(
        [context.request("final", candidate, replicate) for replicate in context.replicates]
    )
    finished = [k for k, one in enumerate(refits) if one.outcome.stopped is None]
    shares = [one.outcome.metrics.get("train_accuracy") for one in refits]
    task, labels = context.runs.trainable.task, context.dataset.labels
    baseline = task.baseline(labels).get("accuracy") if task.baseline else None
    number: int | None
    if baseline is None or any(shares[k] is None for k in finished):
        # Nothing is known of the training part, so nothing but an end before its time is a collapse.
        number = finished[0] if finished else None
    else:
        number = delivered_refit(
            [share if k in finished else None for k, share in enumerate(shares)],
            [run.value("train_accuracy") for run in validated],
            baseline=baseline,
            num_examples=len(labels),
        )
    if number is None:
        raise RunsFailedError(
            f"final: every refit of {candidate.label} on train + validation failed or learned far "
            "less than its runs in the stages; nothing is delivered and the test part stays "
            "sealed; lower `learning_rate`, or raise `final_replicates`"
        )
    return number


def delivered_refit(
    refits: Sequence[float | None],
    validated: Sequence[float | None],
    *,
    baseline: float,
    num_examples: int,
) -> int | None:
    """Index of the first refit that has not collapsed.

    A refit has collapsed when its training accuracy is far below the best that the same settings
    reached in any refit or run of a stage. Where that leaves none (the best may have been luck:
    on labels without a pattern every run is) it is held against the middle one of the stages' runs.

    Args:
        refits: training accuracy of each refit, 0 to 1; None for one that failed.
        validated: the same of the runs that the chosen settings had in the stages.
        baseline: accuracy of knowing nothing, which is always to say the most frequent class.
        num_examples: training examples of a refit.

    Returns:
        None where every refit failed or collapsed.
    """
    alive = [k for k, share in enumerate(refits) if share is not None]
    reached = [share for share in (*refits, *validated) if share is not None]
    usual = [share for share in validated if share is not None]
    for reach in (max(reached, default=0.0), float(np.median(usual)) if usual else 0.0):
        for k in alive:
            if not far_below(refits[k] or 0.0, reach, baseline, num_examples):
                return k
    return None


def far_below(share: float, reach: float, baseline: float, num_examples: int) -> bool:
    """Whether an accuracy is far below another one, on so many examples.

    It is less than half way from knowing nothing to the other, and so few right answers would come
    up less than once in a million times if the other were the true share (exact binomial test).
    A signal so weak that honest models hardly beat knowing nothing fails the second condition, and
    one that none of them beats (rare classes) tells nothing of a collapse.
    """
    if share >= (baseline + reach) / 2.0:
        return False
    from scipy import special

    # Where nothing beats knowing nothing, there is nothing to collapse from.
    best = round(reach * num_examples)
    if best < num_examples and special.bdtrc(best - 1, num_examples, baseline) > TAIL:
        return False
    right = round(share * num_examples)
    return bool(special.bdtr(right, num_examples, min(1.0, reach)) < TAIL)


def final_requests(context: StudyContext, candidate: Candidate) -> list[Request]:
    """The refits of the final candidate, in order of the replicate."""
    return [
        context.runs.request(
            "final",
            candidate.label,
            candidate.settings,
            Replicate(index=index, partition=0, fold=0),
            refit=True,
            keep=True,
            test=True,
        )
        for index in range(context.spec.final_replicates)
    ]


def feature_stats(dataset: Dataset) -> Floats | None:
    """Minimum, maximum, mean and sd of every feature outside the test part, shape (F, 4).

    Gaps are left out. None for images, whose pixels nobody moves one by one, and beyond 1,000
    features.
    """
    if dataset.image_shape is not None or dataset.num_features > MOST_STATS:
        return None
    values = np.ma.masked_invalid(dataset.features.astype(np.float64))
    stats = (values.min(axis=0), values.max(axis=0), values.mean(axis=0), values.std(axis=0))
    return np.stack([np.ma.filled(one, 0.0) for one in stats], axis=1)

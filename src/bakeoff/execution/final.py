"""The last step: refit the chosen settings on train + validation, and open the test part once."""

from __future__ import annotations

import numpy as np

from bakeoff.data.dataset import Dataset, OpenTest
from bakeoff.engines.base import TrainedRun
from bakeoff.errors import Interrupted, RunsFailedError
from bakeoff.evidence.refits import delivered_refit
from bakeoff.execution.context import StudyContext
from bakeoff.execution.events import RunRequest
from bakeoff.execution.local import LocalExecutor
from bakeoff.records import Candidate, Example, Final, Floats, Mistaken, Replicate, Run
from bakeoff.tasks.classification import confusion, reliability, softmax

NUM_MISTAKES = 24
MOST_EXAMPLES = 20
MOST_STATS = 1_000
RELIABILITY_BINS = 15


def refit_and_open(context: StudyContext, candidate: Candidate) -> Final:
    """Trains the final candidate on everything outside the test part, then measures it once.

    Every refit counts in the reported numbers. The delivered model is the first that has not
    collapsed, judged by its training part, not the one that did best on the test part.

    Raises:
        RunsFailedError: when every refit failed or collapsed; the test part is then still sealed.
        Interrupted: on Ctrl-C; the test part is then still sealed.
    """
    requests = final_requests(context, candidate)
    trained = _train(context, requests)
    number = _delivered(context, candidate, requests, trained)
    context.runs.interruption.check()
    test = context.door.open_()
    runs: list[Run] = []
    probabilities: Floats = np.empty((0, context.dataset.num_classes))
    for index, (request, (result, seconds)) in enumerate(zip(requests, trained, strict=True)):
        scores = None
        if result.stopped is None:
            scores, logits = context.runs.measure(request, result, test)
            if index == number:
                probabilities = softmax(logits)
        key = context.runs.jobs.key(request)
        runs.append(context.runs.score(key, request, result, seconds, scores))
    table, error = reliability(probabilities, test.labels, bins=RELIABILITY_BINS)
    predictions = probabilities.argmax(axis=1)
    return Final(
        settings=candidate.settings,
        num_parameters=candidate.num_parameters,
        runs=tuple(runs),
        confusion=confusion(test.labels, predictions, context.dataset.num_classes),
        reliability=table,
        calibration_error=float(error),
        mistakes=worst_mistakes(probabilities, test),
        layers=trained[number][0].layers,
        scaling=context.runs.jobs.scaling(
            requests[number].replicate, candidate.settings["scale"], refit=True
        ),
        delivered=number,
        model_path=None,
        opening=context.door.opening,
        examples=first_examples(test, context.dataset.num_classes),
        feature_stats=feature_stats(context.dataset),
    )


def _delivered(
    context: StudyContext,
    candidate: Candidate,
    requests: list[RunRequest],
    trained: list[tuple[TrainedRun, float]],
) -> int:
    """Index of the refit that is delivered."""
    validated = context.runs.known(
        [context.request("final", candidate, replicate) for replicate in context.replicates]
    )
    labels = context.dataset.labels
    number = delivered_refit(
        [
            context.runs.score("", request, result, seconds, None).value("train_accuracy")
            if result.stopped is None
            else None
            for request, (result, seconds) in zip(requests, trained, strict=True)
        ],
        [run.value("train_accuracy") for run in validated],
        baseline=float(np.bincount(labels).max() / len(labels)),
        num_examples=len(labels),
    )
    if number is None:
        raise RunsFailedError(
            f"final: every refit of {candidate.label} on train + validation failed or learned far "
            "less than its runs in the stages; nothing is delivered and the test part stays "
            "sealed; lower `learning_rate`, or raise `final_replicates`"
        )
    return number


def final_requests(context: StudyContext, candidate: Candidate) -> list[RunRequest]:
    """The refits of the final candidate, in order of the replicate."""
    return [
        RunRequest(
            stage="final",
            label=candidate.label,
            settings=candidate.settings,
            replicate=Replicate(index=index, partition=0, fold=0),
            operations=candidate.operations_per_epoch * candidate.settings["epochs"],
            refit=True,
            test=True,
        )
        for index in range(context.spec.final_replicates)
    ]


def _train(context: StudyContext, requests: list[RunRequest]) -> list[tuple[TrainedRun, float]]:
    results: dict[int, tuple[TrainedRun, float]] = {}

    def work(index: int) -> tuple[TrainedRun, float]:
        return context.runs.train_weights(requests[index])

    def on_done(index: int, result: tuple[TrainedRun, float]) -> None:
        results[index] = result
        if result[0].stopped != "cancelled":
            request = requests[index]
            key = context.runs.jobs.key(request)
            run = context.runs.score(key, request, result[0], result[1], None)
            context.observer.run_finished(request, run)

    context.observer.runs_requested(len(requests), 0)
    try:
        LocalExecutor(work, context.runs.num_workers).run(
            range(len(requests)),
            on_done=on_done,
            on_start=lambda index: context.observer.run_started(requests[index]),
            cancel=context.runs.cancel,
        )
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted during the final refit: every verdict and run is kept in "
            f"{context.runs.store_name} and the test part is still sealed; "
            "the same command goes on from there"
        ) from None
    return [results[index] for index in range(len(requests))]


def worst_mistakes(probabilities: Floats, test: OpenTest) -> tuple[Mistaken, ...]:
    """The wrong predictions the model was surest of, at most 24, surest first."""
    predictions = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != test.labels)
    surest = probabilities[wrong, predictions[wrong]]
    worst = wrong[np.argsort(-surest, kind="stable")][:NUM_MISTAKES]
    return tuple(
        Mistaken(
            row=int(row),
            predicted=int(predictions[row]),
            actual=int(test.labels[row]),
            probability=float(probabilities[row, predictions[row]]),
            features=test.features[row].copy(),
        )
        for row in worst
    )


def first_examples(test: OpenTest, num_classes: int) -> tuple[Example, ...]:
    """The first test example of each class, at most 20: what trying the model starts from."""
    rows = [np.flatnonzero(test.labels == label)[:1] for label in range(num_classes)]
    return tuple(
        Example(row=int(row[0]), actual=label, features=test.features[row[0]].copy())
        for label, row in enumerate(rows[:MOST_EXAMPLES])
        if len(row)
    )


def feature_stats(dataset: Dataset) -> Floats | None:
    """Minimum, maximum, mean and sd of every feature outside the test part, shape (F, 4).

    None for images, whose pixels nobody moves one by one, and beyond 1,000 features.
    """
    if dataset.image_shape is not None or dataset.num_features > MOST_STATS:
        return None
    values = dataset.features.astype(np.float64)
    return np.stack(
        [values.min(axis=0), values.max(axis=0), values.mean(axis=0), values.std(axis=0)], axis=1
    )

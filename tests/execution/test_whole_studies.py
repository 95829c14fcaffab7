"""Whole studies over the product of metric, data and interruption: what must hold of every one."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_chain import Counting, text_of

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset
from bakeoff.errors import Interrupted
from bakeoff.result import Result
from bakeoff.store.sqlite import Store
from bakeoff.study import Study
from delivered_model import assert_the_file_is_the_reported_model

METRICS = ("accuracy", "balanced_accuracy", "loss")
DATA = ("balanced", "unbalanced", "noise", "collapsing")


def dataset(kind: str) -> Dataset:
    """A small table of three classes; of ``noise`` the features say nothing of them."""
    rng = np.random.default_rng(3)
    size = 240
    labels = np.arange(size) % 3
    if kind == "unbalanced":
        labels = np.where(np.arange(size) % 8 == 0, labels, 0)
    centres = rng.normal(size=(3, 5)) * (0.0 if kind == "noise" else 1.5)
    features = centres[labels] + rng.normal(size=(size, 5))
    return from_arrays(features.astype(np.float32), labels, name=kind)


def study(kind: str, metric: str) -> Study:
    """Two questions, the second tuned; ``collapsing`` at rates at which networks die."""
    rate = 1.5 if kind == "collapsing" else 0.05
    one = Study(
        dataset(kind),
        name=f"{kind} by {metric}",
        base={"hidden": [8], "activation": "relu", "learning_rate": rate, "epochs": 3},
        metric=metric,
        looks=[3, 5],
        folds=6,
        final_replicates=3,
        # Where a class is rare or a network dies, they differ from those of test_chain.
        baselines=metric == "loss" and kind in ("unbalanced", "collapsing"),
    )
    one.stage("width", hidden=[[6], [12]])
    one.stage("activation", activation=["tanh", "relu"], tune={"learning_rate": [rate, rate / 5]})
    return one


def numbers(document: Any) -> list[float]:
    """Every number of a JSON document."""
    if isinstance(document, dict):
        return [number for value in document.values() for number in numbers(value)]
    if isinstance(document, list):
        return [number for value in document for number in numbers(value)]
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    return [float(document)] if is_number else []


@pytest.fixture(scope="module", params=[(d, m) for d in DATA for m in METRICS], ids="-".join)
def finished(request: pytest.FixtureRequest) -> tuple[str, str, Result]:
    kind, metric = request.param
    return kind, metric, study(kind, metric).run(store=":memory:")


def test_it_ends_with_a_verdict_by_its_metric_for_every_question(
    finished: tuple[str, str, Result],
) -> None:
    """Data without a signal, dying networks and rare classes are no reason to end without one."""
    _, metric, result = finished
    assert [stage.name for stage in result.record.stages] == ["width", "activation"]
    for stage in result.record.stages:
        assert stage.verdict.metric == metric
        assert stage.verdict.chosen in {one.label for one in stage.candidates}
        assert stage.verdict.kind in ("winner", "tie", "undecided")


def test_the_delivered_file_is_the_reported_model(
    finished: tuple[str, str, Result], tmp_path: Path
) -> None:
    kind, _, result = finished
    assert_the_file_is_the_reported_model(result, dataset(kind), tmp_path)


def test_every_refit_is_measured_on_the_test_part_and_none_on_validation(
    finished: tuple[str, str, Result],
) -> None:
    for run in finished[2].record.final.runs:
        if run.status == "finished":
            assert {f"test_{name}" for name in METRICS} <= run.metrics.keys()
        assert not any(name.startswith("val_") for name in run.metrics)


def test_the_delivered_model_is_no_dead_one(finished: tuple[str, str, Result]) -> None:
    """No other refit reached twice of what it learned over always saying the same."""
    kind, _, result = finished
    labels = dataset(kind).labels
    baseline = np.bincount(labels).max() / len(labels)
    final = result.record.final
    learned = [(run.value("train_accuracy") or 0.0) - baseline for run in final.runs]
    noise = 4.0 * math.sqrt(baseline * (1.0 - baseline) / len(labels))
    assert learned[final.delivered] >= max(learned) / 2.0 - noise


def test_no_number_of_its_document_is_missing_by_being_not_a_number(
    finished: tuple[str, str, Result],
) -> None:
    document = json.loads(json.dumps(finished[2].to_dict(), allow_nan=False))
    assert len(numbers(document)) > 100


def test_labels_without_a_pattern_have_no_winner(finished: tuple[str, str, Result]) -> None:
    kind, _, result = finished
    if kind == "noise":
        assert {stage.verdict.kind for stage in result.record.stages} <= {"tie", "undecided"}


def test_an_interrupted_one_goes_on_to_the_same_result(
    finished: tuple[str, str, Result], tmp_path: Path
) -> None:
    kind, metric, undisturbed = finished
    store = tmp_path / "runs.sqlite"
    for stop_after in (4, 15):
        with pytest.raises(Interrupted):
            study(kind, metric).run(store=store, observer=Counting(stop_after), workers=2)
    resumed = study(kind, metric).run(store=store, workers=2)
    assert text_of(resumed) == text_of(undisturbed)


def test_what_an_interruption_left_is_on_the_page(tmp_path: Path) -> None:
    """Runs that no verdict speaks of yet are counted, as the list of studies counts them."""
    store = tmp_path / "runs.sqlite"
    with pytest.raises(Interrupted):
        study("unbalanced", "loss").run(store=store, observer=Counting(2), workers=2)
    left = Result.load(store)
    number = len(left.record.pending)
    assert number >= 2
    page = left.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"not finished: 0 of 2 stages so far, and {number} runs without a verdict yet." in page
    assert f"{number} runs trained" in page
    with Store.open(store, write=False) as opened:
        assert [row.num_finished for row in opened.studies()] == [number]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": "time"}, "A replicate is a stretch of later rows that validates"),
        ({"split": "last"}, "the validation part is the last of the file"),
        ({}, "A replicate is a fold of one stratified partition"),
    ],
)
def test_the_page_says_how_it_was_split(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    one = Study(dataset("balanced"), base={"epochs": 1}, looks=[3], folds=4, audit=False, **changes)
    result = one.stage("width", hidden=[[], [4]]).run(store=":memory:")
    assert words in result.report(tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_an_unfinished_study_found_in_the_store_is_not_called_trained(tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    study("balanced", "loss").run(store=store)
    time.sleep(1.1)  # times are kept in seconds
    again = Study(
        dataset("balanced"),
        name="other",
        base={"hidden": [8], "activation": "relu", "learning_rate": 0.05, "epochs": 3},
        metric="loss",
        looks=[3, 5],
        folds=6,
    ).stage("width", hidden=[[6], [12], [7]])
    with pytest.raises(Interrupted):
        again.run(store=store, observer=Counting(1), workers=1)
    record = Result.load(store, "other").record
    assert record.num_reused >= 6
    assert record.num_trained == len(record.pending) - record.num_reused <= 2

"""The final step: every refit counts, a live one is delivered, and its file is what is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from small_studies import blobs, make_study

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset, SealedTest
from bakeoff.data.named import load_named
from bakeoff.errors import RunsFailedError
from bakeoff.result import Result
from bakeoff.study import Study
from delivered_model import assert_the_file_is_the_reported_model


def collapsing(seed: int, *, replicates: int = 3) -> Study:
    """digits at a learning rate at which some networks die in the first epochs."""
    study = Study(
        "digits",
        base={"hidden": [32], "learning_rate": 1.3, "epochs": 8, "scale": "unit"},
        looks=[3],
        audit=False,
        final_replicates=replicates,
        seed=seed,
    )
    study.stage("width", hidden=[[31], [33]])
    return study


@pytest.fixture(scope="module")
def collapsed() -> Result:
    """Refit 0 ends at 8 % of its training part, refit 1 at 95 %."""
    return collapsing(19).run(store=":memory:")


def test_a_refit_that_collapsed_is_not_delivered_but_counts(
    collapsed: Result, tmp_path: Path
) -> None:
    final = collapsed.record.final
    assert final.delivered == 1
    assert final.runs[0].value("test_accuracy") < 0.2 < 0.9 < final.runs[1].value("test_accuracy")
    assert all(run.value("test_accuracy") is not None for run in final.runs)
    assert_the_file_is_the_reported_model(collapsed, load_named("digits"), tmp_path)


def test_the_store_keeps_which_refit_is_delivered(tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    collapsing(19).run(store=store)
    kept = Result.load(store)
    assert kept.record.final.delivered == 1
    again = collapsing(19).run(store=store)
    assert again.record.final.delivered == 1
    assert_the_file_is_the_reported_model(again, load_named("digits"), tmp_path)


def test_where_every_refit_collapsed_nothing_is_saved_and_the_test_part_stays_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[SealedTest] = []
    monkeypatch.setattr(SealedTest, "open_", opened.append)
    with pytest.raises(RunsFailedError, match="learned far less than its runs") as caught:
        collapsing(0).run(store=":memory:")
    assert caught.value.exit_code == 4
    assert opened == []


def test_the_delivered_model_is_the_first_refit_where_all_are_alive(
    clouds: Dataset, tmp_path: Path
) -> None:
    result = make_study(clouds).run(store=":memory:")
    assert result.record.final.delivered == 0
    assert_the_file_is_the_reported_model(result, clouds, tmp_path)


def test_the_choice_of_the_refit_does_not_see_the_test_part() -> None:
    """With every test label wrong the same refit is delivered."""
    honest = blobs()
    opened = honest.test.open_()
    liar = from_arrays(
        honest.features,
        honest.labels,
        name="blobs",
        x_test=opened.features,
        y_test=(opened.labels + 1) % 3,
    )
    kernels = [
        make_study(data).run(store=":memory:").record.final.model["layers/0/kernel"]
        for data in (honest, liar)
    ]
    assert np.array_equal(*kernels)


def test_unbalanced_classes_have_their_balanced_accuracy_measured() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 12 == 0).astype(int)
    features = (rng.normal(size=(600, 4)) + labels[:, None]).astype(np.float32)
    data = from_arrays(features, labels, name="rare")
    study = Study(
        data,
        base={"hidden": [6], "learning_rate": 0.1, "epochs": 8},
        looks=[3],
        folds=6,
        audit=False,
        baselines=False,
        final_replicates=2,
    )
    study.stage("width", hidden=[[6], [12]])
    result = study.run(store=":memory:")
    test = data.test.open_()
    predicted = result.model.predict_proba(test.features).argmax(axis=1)
    expected = balanced_accuracy_score(test.labels, predicted)
    assert result.record.metric == "balanced_accuracy"
    assert result.record.final.runs[0].value("test_balanced_accuracy") == pytest.approx(expected)
    assert all(run.value("test_balanced_accuracy") is not None for run in result.record.final.runs)


def test_a_refit_that_learned_little_is_a_measurement_and_not_failed(collapsed: Result) -> None:
    """A refit has no validation part, so no reason of one may speak of it."""
    assert [run.status for run in collapsed.record.final.runs] == ["finished"] * 3
    assert [run.reason for run in collapsed.record.final.runs] == [None] * 3

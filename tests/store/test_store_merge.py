"""Runs made on another machine come together in one store."""

from __future__ import annotations

import pytest
from store_samples import assert_same, begin, key_of, sample_result, sample_run, sample_stage

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import StoreError
from bakeoff.store.maintenance import MergeReport
from bakeoff.store.sqlite import Store


@pytest.fixture
def two(tmp_path):
    """Two stores that are open for writing, and the path of the second."""
    with Store.open(tmp_path / "a.sqlite") as first, Store.open(tmp_path / "b.sqlite") as second:
        yield first, second, tmp_path / "b.sqlite"


def test_runs_and_studies_of_the_other_store_are_added_once(two) -> None:
    first, second, path = two
    first.add_run(sample_run(0))
    second.finish_study(begin(second), sample_result())
    assert first.merge(path) == MergeReport(added=6, already_there=1, studies=("digits",))
    assert_same(first.load_result("digits"), sample_result())
    assert first.merge(path) == MergeReport(added=0, already_there=7, studies=())
    assert len(first.studies()) == 1
    assert first.check() == []
    assert list(first.runs("digits")["settings.hidden"]) == ["16"] * 3 + ["32"] * 4


def test_an_outcome_of_this_store_is_never_replaced(two) -> None:
    first, second, path = two
    first.add_run(sample_run(1, train_seconds=1.0))
    second.add_run(sample_run(1, train_seconds=2.0))
    first.merge(path)
    assert first.run(key_of(1)).train_seconds == 1.0


def test_measurements_that_an_outcome_of_this_store_lacks_are_filled_in(two) -> None:
    first, second, path = two
    first.add_run(sample_run(1))
    tested = {**sample_run(1).metrics, "test_loss": 0.5, "test_accuracy": 0.75}
    second.add_run(sample_run(1, metrics=tested))
    assert first.merge(path).already_there == 1
    assert first.run(key_of(1)).metrics == tested


def test_an_outcome_replaces_a_plan_and_a_plan_no_outcome(two) -> None:
    first, second, path = two
    for store, planned, done in ((first, 1, 2), (second, 2, 1)):
        store.plan_runs(
            begin(store), [(key_of(planned), DENSE_SPACE.complete({}), 0, "width", "a")]
        )
        store.add_run(sample_run(done))
    assert first.merge(path).added == 1
    assert set(first.find_runs([key_of(1), key_of(2)])) == {key_of(1), key_of(2)}


def test_runs_that_the_other_driver_is_at_come_as_interrupted(two) -> None:
    first, second, path = two
    second.plan_runs(begin(second), [(key_of(1), DENSE_SPACE.complete({}), 0, "width", "a")])
    second.mark_running([key_of(1)])
    assert first.merge(path).added == 0
    assert list(first.runs()["state"]) == ["interrupted"]


def test_a_study_that_a_copy_finished_replaces_the_unfinished_one(tmp_path) -> None:
    original, copy = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    with Store.open(original) as store:
        store.save_stage(begin(store), 0, sample_stage())
    copy.write_bytes(original.read_bytes())
    with Store.open(copy) as store:
        store.finish_study(begin(store), sample_result())
    with Store.open(original) as store:
        assert store.merge(copy).studies == ("digits",)
        assert_same(store.load_result("digits"), sample_result())
        assert [row.state for row in store.studies()] == ["finished"]
    with Store.open(copy) as store:
        assert store.merge(original).studies == ()


def test_openings_of_the_test_set_are_counted_over_merged_stores(two) -> None:
    first, second, path = two
    words = {"study": "digits", "purpose": "final", "opened_at": "now"}
    second.record_opening(begin(second), "e" * 64, **words)
    first.merge(path)
    assert first.record_opening(begin(first, "more"), "e" * 64, **words).ordinal == 2


def test_a_store_is_not_merged_with_itself(two) -> None:
    first, _, _ = two
    with pytest.raises(StoreError, match="two stores must be given to merge"):
        first.merge(first.path)


def test_a_store_that_is_not_there_is_said_and_nothing_changes(two, tmp_path) -> None:
    first, _, _ = two
    with pytest.raises(StoreError, match=r"nowhere\.sqlite: there is no store"):
        first.merge(tmp_path / "nowhere.sqlite")
    assert first.studies() == []

"""What state a run is in, and what may replace what."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from store_samples import begin, key_of, sample_result, sample_run, sample_stage

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import StoreError
from bakeoff.records import Run
from bakeoff.store.sqlite import Store


@pytest.fixture
def store():
    with Store.open(":memory:") as opened:
        yield opened


def plan(store: Store, number: int, *runs: int, label: str = "hidden=16") -> None:
    store.plan_runs(
        number,
        [
            (key_of(run), DENSE_SPACE.complete({"hidden": (16,)}), run % 12, "width", label)
            for run in runs
        ],
    )


def states(store: Store) -> dict[str, str]:
    frame = store.runs()
    return dict(zip(frame["key"], frame["state"], strict=True))


def test_a_run_is_planned_then_running_then_finished(store: Store) -> None:
    number = begin(store)
    plan(store, number, 1, 2)
    assert states(store) == {key_of(1): "planned", key_of(2): "planned"}
    store.mark_running([key_of(1)])
    assert states(store)[key_of(1)] == "running"
    store.add_run(sample_run(1))
    assert states(store) == {key_of(1): "finished", key_of(2): "planned"}


def test_only_finished_and_failed_runs_are_found(store: Store) -> None:
    plan(store, begin(store), 1, 2, 3, 4, 5)
    store.mark_running([key_of(2)])
    store.add_run(sample_run(3, status="interrupted", reason="Ctrl-C"))
    store.add_run(sample_run(4, status="failed", reason="diverged in epoch 2"))
    store.add_run(sample_run(5))
    found = store.find_runs(key_of(number) for number in range(1, 9))
    assert list(found) == [key_of(4), key_of(5)]
    assert found[key_of(4)].reason == "diverged in epoch 2"
    assert all(run.reused for run in found.values())


def test_more_keys_than_one_statement_takes_are_found(store: Store) -> None:
    store.add_run(sample_run(7))
    assert list(store.find_runs(key_of(number) for number in range(40_000))) == [key_of(7)]


def test_planning_a_finished_run_only_links_it(store: Store) -> None:
    first, second = begin(store), begin(store, "other")
    plan(store, first, 1)
    store.add_run(sample_run(1))
    plan(store, second, 1)
    store.mark_running([key_of(1)])
    assert states(store) == {key_of(1): "finished"}
    assert [row.num_finished for row in store.studies()] == [1, 1]


def test_adding_a_run_twice_is_adding_it_once(store: Store) -> None:
    for _ in range(2):
        store.add_run(sample_run(1))
    assert len(store.runs()) == 1


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("interrupted", "interrupted", "after"),
        ("interrupted", "failed", "after"),
        ("interrupted", "finished", "after"),
        ("failed", "interrupted", "before"),
        ("failed", "failed", "after"),
        ("failed", "finished", "after"),
        ("finished", "interrupted", "before"),
        ("finished", "failed", "before"),
        ("finished", "finished", "after"),
    ],
)
def test_no_outcome_gives_way_to_a_worse_one(
    store: Store, before: str, after: str, kept: str
) -> None:
    store.add_run(sample_run(1, status=before, train_seconds=1.0))
    store.add_run(sample_run(1, status=after, train_seconds=2.0))
    run = store.run(key_of(1))
    assert (run.status, run.train_seconds) == ((before, 1.0) if kept == "before" else (after, 2.0))


def test_measurements_that_a_repetition_lacks_are_kept(store: Store) -> None:
    tested = {**sample_run(1).metrics, "test_loss": 0.25, "test_accuracy": 0.9}
    store.add_run(sample_run(1, metrics=tested))
    store.add_run(sample_run(1))
    assert store.run(key_of(1)).metrics == tested


def test_a_failed_run_that_is_forgotten_is_planned_again(store: Store) -> None:
    store.add_run(sample_run(1, status="failed", reason="diverged"))
    store.add_run(sample_run(2))
    assert store.forget_failed([key_of(1), key_of(2), key_of(3)]) == 1
    assert states(store) == {key_of(1): "planned", key_of(2): "finished"}
    assert list(store.find_runs([key_of(1), key_of(2)])) == [key_of(2)]


def test_a_run_is_found_by_the_beginning_of_its_key(store: Store) -> None:
    store.add_run(sample_run(0x1A))
    store.add_run(sample_run(0x1B))
    assert store.run("0000001a").key == key_of(0x1A)
    with pytest.raises(StoreError, match="several begin so"):
        store.run("0000001")
    with pytest.raises(StoreError, match="none begins so"):
        store.run("ff")
    with pytest.raises(StoreError, match="none begins so"):
        store.run("%")


def test_a_run_without_an_outcome_reads_as_interrupted(store: Store) -> None:
    plan(store, begin(store), 1)
    run = store.run(key_of(1))
    assert (run.status, run.reason) == ("interrupted", "planned, no outcome yet")
    assert run.num_epochs == 0


def test_the_running_rows_of_a_dead_driver_become_interrupted(tmp_path) -> None:
    path = tmp_path / "a.sqlite"
    with Store.open(path) as store:
        plan(store, begin(store), 1, 2)
        store.mark_running([key_of(1)])
    with Store.open(path, write=False) as reader:
        assert states(reader) == {key_of(1): "interrupted", key_of(2): "planned"}
    with Store.open(path) as store:
        assert states(store) == {key_of(1): "interrupted", key_of(2): "planned"}
        assert store.run(key_of(1)).reason == "the driver ended before the run did"
        store.mark_running([key_of(1)])
        with Store.open(path, write=False) as reader:
            assert states(reader)[key_of(1)] == "running"


def test_the_same_study_goes_on_until_it_is_finished(store: Store) -> None:
    first = begin(store)
    assert begin(store) == first
    store.finish_study(first, sample_result())
    second = begin(store)
    assert second != first
    assert [row.state for row in store.studies()] == ["finished", "unfinished"]


@pytest.mark.parametrize(
    "change",
    [{"name": "other"}, {"spec": {"format": 1}}, {"engine": "native/1/avx2"}, {"seed": 8}],
)
def test_another_study_begins_anew(store: Store, change: dict[str, object]) -> None:
    assert begin(store, **change) != begin(store)


def test_the_order_of_keys_in_a_study_file_does_not_make_it_another(store: Store) -> None:
    assert begin(store, spec={"a": 1, "b": 2}) == begin(store, spec={"b": 2, "a": 1})


def test_openings_are_counted_over_the_whole_store_and_once_per_study(store: Store) -> None:
    def opening(number: int, test_hash: str = "e" * 64) -> int:
        record = store.record_opening(
            number, test_hash, study="digits", purpose="final", opened_at="now"
        )
        return record.ordinal

    first, second, third = begin(store), begin(store, "second"), begin(store, "third")
    assert [opening(first), opening(first), opening(second)] == [1, 1, 2]
    assert opening(third, "f" * 64) == 1


def test_runs_that_were_never_added_come_with_their_stage(store: Store) -> None:
    store.save_stage(begin(store), 0, sample_stage())
    assert len(store.find_runs(key_of(number) for number in range(6))) == 6
    frame = store.runs("digits")
    assert list(frame["label"]) == ["hidden=16"] * 3 + ["hidden=32"] * 3
    assert list(frame["settings.hidden"]) == ["16"] * 3 + ["32"] * 3


def test_a_study_must_be_begun_before_it_is_written_to(store: Store) -> None:
    with pytest.raises(StoreError, match="begin_study must come first"):
        store.save_stage(5, 0, sample_stage())
    with pytest.raises(StoreError, match="begin_study must come first"):
        store.finish_study(5, sample_result())


def test_studies_count_a_run_once_however_many_stages_it_serves(store: Store) -> None:
    number = begin(store)
    plan(store, number, 1, 2)
    store.plan_runs(
        number, [(key_of(1), DENSE_SPACE.complete({"hidden": (16,)}), 1, "again", "hidden=16")]
    )
    store.add_run(sample_run(1))
    store.add_run(sample_run(2, status="failed", reason="diverged"))
    (row,) = store.studies()
    assert (row.num_runs, row.num_finished, row.num_failed) == (2, 1, 1)
    assert (row.name, row.data_name, row.num_stages) == ("digits", "digits", 0)


def test_check_finds_damage_and_names_it(store: Store) -> None:
    store.add_run(sample_run(500))
    store.finish_study(begin(store), sample_result())
    assert store.check() == []
    connection = store._access.connection(write=True)
    connection.execute("UPDATE run SET curves = x'01' WHERE key = ?", (key_of(500),))
    connection.execute("DELETE FROM study_array WHERE name = 'final/model/layers/0/kernel'")
    problems = store.check()
    assert any(problem.startswith(f"run {key_of(500)}") for problem in problems)
    assert any(problem.startswith("study 1 ('digits'): damaged") for problem in problems)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="must be open, but was closed"):
        store.studies()


def test_a_reader_writes_nothing(tmp_path) -> None:
    Store.open(tmp_path / "a.sqlite").close()
    before = (tmp_path / "a.sqlite").read_bytes()
    with Store.open(tmp_path / "a.sqlite", write=False) as reader:
        with pytest.raises(StoreError, match="opened with write=False"):
            reader.add_run(sample_run(1))
        with pytest.raises(StoreError, match="opened with write=False"):
            reader.vacuum()
        reader.studies()
    assert (tmp_path / "a.sqlite").read_bytes() == before


def test_numpy_numbers_are_stored_as_numbers(store: Store) -> None:
    import numpy as np

    run: Run = sample_run(
        1,
        replicate=np.int64(3),
        metrics={"val_loss": np.float64(0.5), "val_accuracy": np.float32(0.25)},
    )
    store.add_run(run)
    assert store.run(key_of(1)).metrics == {"val_loss": 0.5, "val_accuracy": 0.25}
    assert store.run(key_of(1)).replicate == 3


def test_nothing_of_a_damaged_run_comes_back_when_it_is_trained_again(tmp_path) -> None:
    path, wanted = tmp_path / "a.sqlite", DENSE_SPACE.complete({"hidden": (7,)})
    for damage in ("UPDATE run SET settings = replace(settings, '7', '9')", None):
        with Store.open(path) as store:
            number = begin(store)
            store.plan_runs(number, [(key_of(1), wanted, 0, "width", "a")])
            store.add_run(sample_run(1))
            assert store.settings_of(key_of(1))["hidden"] == [7]
        if damage:
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                assert connection.execute(damage).rowcount == 1

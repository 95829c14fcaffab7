"""What was damaged is named, left out and trained again; everything else stays as it was."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from store_samples import assert_same, begin, key_of, sample_result, sample_run

from bakeoff import Study
from bakeoff.errors import StoreError
from bakeoff.store import maintenance
from bakeoff.store.sqlite import Store

GOLDEN = Path(__file__).parents[1] / "golden_stores"


def damage(path: Path, statement: str) -> None:
    """Changes what the store holds behind its back."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def path(tmp_path) -> Path:
    """A store with a finished study and two runs of nobody's."""
    with Store.open(tmp_path / "a.sqlite") as store:
        store.finish_study(begin(store), sample_result())
        store.add_run(sample_run(500))
        store.add_run(sample_run(501))
    return tmp_path / "a.sqlite"


@pytest.mark.parametrize(
    "change",
    [
        "metrics = replace(metrics, '0', '1')",
        "curves = substr(curves, 1, 20) || x'00' || substr(curves, 22)",
        "curve_lengths = '{}'",
        "notes = NULL",
        "replicate = replicate + 1",
        "state = 'failed'",
        "train_seconds = 0.5",
        "settings = '{}'",
        "engine = x'ff'",
        "engine = CAST(x'ff' AS TEXT)",
        "checksum = NULL",
        "checksum = zeroblob(32)",
    ],
)
def test_a_run_that_was_changed_is_named_and_left_out(path, change) -> None:
    damage(path, f"UPDATE run SET {change} WHERE key = '{key_of(500)}'")
    with Store.open(path) as store:
        assert list(store.find_runs([key_of(500), key_of(501)])) == [key_of(501)]
        assert store.check() == [
            f"run {key_of(500)}: damaged; the command that trained it trains it again"
        ]
        with pytest.raises(StoreError, match=f"run {key_of(500)}: damaged"):
            store.run(key_of(500))
        assert key_of(500) not in list(store.runs()["key"])
        store.add_run(sample_run(500, status="failed", reason="as it came out this time"))
        assert store.run(key_of(500)).status == "failed"
        assert store.check() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE study SET seconds = seconds + 1",
        "UPDATE study SET name = 'digitz'",
        "UPDATE study SET result = replace(result, '0.01', '0.02')",
        "UPDATE stage SET json = replace(json, '0.02', '0.03')",
        "UPDATE stage SET verdict = 'tie'",
        "DELETE FROM stage",
        "DELETE FROM study_array WHERE name LIKE '%confusion'",
        "UPDATE study_array SET data = zeroblob(length(data)) WHERE name LIKE '%confusion'",
        "DELETE FROM study_run WHERE label = 'hidden=16'",
        "UPDATE study_run SET label = 'hidden=61' WHERE label = 'hidden=16'",
        "INSERT INTO opening (study_id, test_hash, study, purpose, opened_at, ordinal) "
        "VALUES (1, 'x', 'digits', 'final', 'now', 1)",
    ],
)
def test_a_study_that_was_changed_is_named_and_its_runs_stay(path, statement) -> None:
    damage(path, statement)
    with Store.open(path, write=False) as store:
        (problem,) = store.check()
        assert problem.startswith("study 1 ('digit")
        assert "damaged" in problem
        with pytest.raises(StoreError, match="damaged"):
            store.load_result(1)
        assert len(store.find_runs(key_of(number) for number in range(6))) == 6


def test_a_study_whose_run_is_damaged_says_which(path) -> None:
    damage(path, f"UPDATE run SET reason = 'x' WHERE key = '{key_of(2)}'")
    words = f"run {key_of(2)} is missing or damaged"
    with Store.open(path, write=False) as store, pytest.raises(StoreError, match=words):
        store.load_result("digits")


def test_the_same_command_trains_what_is_damaged_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "studies.sqlite"
    path.write_bytes((GOLDEN / "studies1.sqlite").read_bytes())
    study = GOLDEN / "replicated.toml"
    before = Study.from_file(study).run(store=path).record
    assert before.num_trained == 0
    damaged = before.stages[0].runs[0][1]
    damage(path, f"UPDATE run SET metrics = '{{}}' WHERE key = '{damaged.key}'")
    after = Study.from_file(study).run(store=path).record
    assert after.num_trained == 1
    # The store comes from a machine whose instruction set may round the last digits its own way:
    # what this machine makes of the run is what it makes of it undisturbed, bit for bit.
    again = dict(after.stages[0].runs[0][1].metrics)
    here = Study.from_file(study).run(store=tmp_path / "here.sqlite").record
    assert again == dict(here.stages[0].runs[0][1].metrics)
    assert again == pytest.approx(dict(damaged.metrics), rel=1e-9)
    assert after.stages[0].verdict == before.stages[0].verdict
    with Store.open(path, write=False) as store:
        assert store.check() == []


def test_a_merge_brings_what_is_sound_and_counts_what_is_not(path, tmp_path) -> None:
    damage(path, f"UPDATE run SET reason = 'x' WHERE key = '{key_of(500)}'")
    with Store.open(tmp_path / "b.sqlite") as store:
        report = store.merge(path)
        assert (report.added, report.studies, report.damaged) == (8, ("digits",), 1)
        assert_same(store.load_result("digits"), sample_result())
        assert store.check() == []


def test_numbers_of_rows_that_are_words_end_no_reading() -> None:
    """A flipped bit in the declaration of a table makes its numbers what any cell may be."""
    problems: list[str] = []
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE run (id, key)")
        connection.executemany("INSERT INTO run VALUES (?, ?)", [(1, "a"), (2, "b"), ("x", "c")])
        rows = list(maintenance._rows(connection, "run", ("key",), problems))
    assert (rows, problems) == ([("a",), ("b",)], ["run: rows are not in order"])


def test_a_call_within_a_call_is_refused_and_the_outer_one_stays_whole(path) -> None:
    with Store.open(path) as store:
        with pytest.raises(RuntimeError, match="within another"), store._access.writing():
            store.add_run(sample_run(900))
        store.add_run(sample_run(901))
        assert list(store.find_runs([key_of(900), key_of(901)])) == [key_of(901)]

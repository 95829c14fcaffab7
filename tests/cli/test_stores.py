"""What looks after a store: listing runs, tags, other names, deletion."""

from __future__ import annotations

import contextlib
import csv
import re
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console
from tests.cli.calling import SMALL_STUDY, bakeoff

from bakeoff import Study
from bakeoff.data.splits import FIRST_SCREENING_INDEX
from bakeoff.errors import NotStoredError, UsageError
from bakeoff.settings import Settings
from bakeoff.store.sqlite import Store
from bakeoff.terminal.listing import chosen_runs, runs_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of two studies that share the runs of their first candidate."""
    place = tmp_path_factory.mktemp("stores")
    (place / "small.toml").write_text(SMALL_STUDY)
    other = SMALL_STUDY.replace('"small"', '"other"').replace("[[8], [24]]", "[[8], [16]]")
    (place / "other.toml").write_text(other)
    for name in ("small", "other"):
        Study.from_file(place / f"{name}.toml").run(store=place / "bakeoff.sqlite")
    return place


def copy_of(folder: Path, tmp_path: Path) -> Path:
    place = tmp_path / "bakeoff.sqlite"
    place.write_bytes((folder / "bakeoff.sqlite").read_bytes())
    return place


def test_runs_are_listed_filtered_and_ordered(folder) -> None:
    done = bakeoff(
        "show", "small", "--runs", "--where", "hidden=8", "--sort", "-val_accuracy", folder=folder
    )
    assert done.code == 0, done.err
    head, *rows, more = done.out.splitlines()
    assert head.split() == [
        "run",
        "stage",
        "label",
        "replicate",
        "val_accuracy",
        "val_loss",
        "train_seconds",
    ]
    values = [float(row.split()[4]) for row in rows if row.split()[1] == "width"]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)
    assert "val_balanced_accuracy" in more
    everything = bakeoff("show", "--runs", folder=folder)
    assert len(everything.out.splitlines()) > len(rows) + 2


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of a function that counts in per cent and of an estimator."""
    from sklearn.naive_bayes import GaussianNB

    place = tmp_path_factory.mktemp("measured")

    def measure(*, seed: int, width: int = 1, flag: bool = False) -> dict[str, float]:
        if width == 3:
            raise ValueError("too wide")
        return {"top_accuracy": 90.0 + width + seed % 7 / 100}

    model = {"function": measure, "metrics": {"top_accuracy": "max"}}
    study = Study(model=model, name="own", looks=[3], audit=False)
    study.stage("width", candidates=[{"width": 1, "flag": True}, {"width": 2}, {"width": 3}])
    study.run(store=place / "bakeoff.sqlite", on="threads")
    other = Study("digits", model=GaussianNB(), name="bayes", metric="roc_auc")
    other.stage("smoothing", var_smoothing=[1e-3, 1e-1])
    other.run(store=place / "bakeoff.sqlite", on="threads", replicates=3)
    return place


def keys(folder: Path, study: str) -> list[str]:
    frame = bakeoff("show", study, "--csv", "-", folder=folder).out.splitlines()
    return [row["key"] for row in csv.DictReader(frame)]


def test_runs_side_by_side_tell_what_they_measured_as_it_is(measured: Path) -> None:
    first, _, _, other, *_, failed = keys(measured, "own")
    done = bakeoff("compare", first, other, folder=measured)
    assert re.search(r"validation top accuracy +91\S* +92\S* +\+1", done.out), done.out
    across = bakeoff("compare", first, keys(measured, "bayes")[0], folder=measured)
    assert re.search(r"^ *width +1 +– *$", across.out, re.MULTILINE), across.out
    assert re.search(r"^ *var_smoothing +– +0\.001 *$", across.out, re.MULTILINE), across.out
    assert re.search(r"validation roc auc +– +9\d\.\d+ %", across.out), across.out
    assert "top accuracy" in bakeoff("show", first, folder=measured).out
    told = bakeoff("show", failed, folder=measured).out
    assert "Traceback" in told
    assert "ValueError: too wide" in told


def test_a_value_may_be_asked_for_as_it_is_shown(measured: Path) -> None:
    for value in ("true", "True"):
        done = bakeoff("show", "own", "--runs", "--where", f"flag={value}", folder=measured)
        assert len(done.out.splitlines()) == 5, done.out


def test_runs_of_a_study_with_a_damaged_verdict_are_listed(measured: Path, tmp_path: Path) -> None:
    path = copy_of(measured, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE stage SET json = 'x'")
    done = bakeoff("show", "bayes", "--runs", folder=tmp_path)
    assert done.code == 0, done.err
    assert "val_roc_auc" in done.out.splitlines()[0]


def test_what_decides_is_shown_of_runs_whatever_else_was_measured(measured: Path) -> None:
    head = bakeoff("show", "bayes", "--runs", folder=measured).out.splitlines()[0]
    assert "val_roc_auc" in head


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "stag=width"], "--where: runs have no column 'stag'; did you mean stage?"),
        (["--where", "stage"], "--where: must be NAME=VALUE, but got 'stage'; say stage=width"),
        (
            ["--sort", "val_acuracy"],
            "--sort: runs have no column 'val_acuracy'; did you mean val_accuracy?",
        ),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest_one(
    folder, arguments, message
) -> None:
    done = bakeoff("show", "small", "--runs", *arguments, folder=folder)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_runs_without_a_value_come_last(folder) -> None:
    with Store.open(folder / "bakeoff.sqlite", write=False) as store:
        frame = store.runs("small")
    for sort in ("test_accuracy", "-test_accuracy"):
        values = chosen_runs(frame, (), sort)["test_accuracy"]
        assert values.notna().iloc[0]
        assert values.isna().iloc[-1]
    assert set(chosen_runs(frame, ["replicate=1.0", "stage=width"], None)["replicate"]) == {0}
    with pytest.raises(UsageError, match="did you mean"):
        chosen_runs(frame, ["labe=8"], None)


def test_tags_are_added_taken_away_and_found(folder, tmp_path) -> None:
    copy_of(folder, tmp_path)
    said = bakeoff("store", "tag", "small", "paper", "draft", folder=tmp_path)
    assert said.out == "bakeoff.sqlite: small is tagged draft, paper\n"
    assert "draft, paper" in bakeoff("show", folder=tmp_path).out
    only = bakeoff("show", "--tag", "paper", folder=tmp_path).out
    assert "small" in only
    assert "other" not in only
    said = bakeoff(
        "store", "tag", "small", "--remove", "draft", "--remove", "paper", folder=tmp_path
    )
    assert said.out == "bakeoff.sqlite: small is tagged with nothing\n"


def test_a_study_gets_another_name(folder, tmp_path) -> None:
    path = copy_of(folder, tmp_path)
    for name in ("", "  ", "x" * 1_001):
        refused = bakeoff("store", "rename", "small", name, folder=tmp_path)
        assert (refused.code, "1 to 1,000 characters" in refused.err) == (2, True)
    assert bakeoff("store", "rename", "small", "first try", folder=tmp_path).code == 0
    with Store.open(path) as store:
        assert [row.name for row in store.studies()] == ["first try", "other"]
        result = store.load_result("first try")
        assert (result.name, result.spec["name"]) == ("first try", "first try")
        assert store.check() == []
        with pytest.raises(NotStoredError):
            store.load_result("small")


def test_a_deleted_study_takes_its_own_runs_and_leaves_what_it_opened(folder, tmp_path) -> None:
    path = copy_of(folder, tmp_path)
    with Store.open(path) as store:
        kept = set(store.runs("other")["key"])
        gone = set(store.runs("small")["key"]) - kept
        assert gone
        assert kept & set(store.runs("small")["key"])  # what both asked for
        assert store.delete("small") == len(gone)
        assert set(store.runs()["key"]) == kept
        assert store.check() == []
    again = Study.from_file(folder / "small.toml").run(store=path).record
    assert 0 < again.num_reused < len(gone | kept)
    assert [opening.ordinal for opening in again.openings] == [3]
    other = tmp_path / "new.sqlite"
    with Store.open(path) as store:
        store.delete("small")
        store.delete("other")
        assert store.studies() == []
    with Store.open(other) as store:
        store.merge(path)
        store.merge(path)
    once_more = Study.from_file(folder / "small.toml").run(store=other).record
    assert [opening.ordinal for opening in once_more.openings] == [4]


@pytest.mark.parametrize("command", [["delete", "x"], ["rename", "x", "y"], ["tag", "x", "y"]])
def test_a_study_that_is_not_there_is_named(folder, tmp_path, command) -> None:
    copy_of(folder, tmp_path)
    done = bakeoff("store", *command, folder=tmp_path)
    assert done.code != 0
    assert "study 'x': not in the store; it has: 'other', 'small'" in done.err
    empty = tmp_path / "empty"
    empty.mkdir()
    done = bakeoff("store", *command, folder=empty)
    assert "there is no store" in done.err
    assert not list(empty.iterdir())


def test_chosen_runs_go_into_a_file_too(folder, tmp_path) -> None:
    done = bakeoff("show", "small", "--where", "hidden=8", "--csv", "-", folder=folder)
    head, *rows = done.out.splitlines()
    assert head.startswith("stage,label,key,")
    assert rows
    assert {row.split(",")[1] for row in rows if row.startswith("width,")} == {"8"}


def test_replicates_are_counted_from_one_as_in_every_report(folder) -> None:
    with Store.open(folder / "bakeoff.sqlite", write=False) as store:
        frame = store.runs("small").query("stage == 'width'").head(2)
    frame["replicate"] = [0, FIRST_SCREENING_INDEX]
    console = Console(width=100)
    with console.capture() as said:
        console.print(runs_table(frame))
    told = [row.split("  ") for row in said.get().splitlines()]
    assert {"1", "screening 1"} <= {cell.strip() for row in told for cell in row}
    assert len(chosen_runs(frame, ["replicate=screening 1"], None)) == 1


def test_run_show_and_the_page_count_the_same_runs(folder, tmp_path) -> None:
    done = bakeoff("run", str(folder / "small.toml"), "--store", "one.sqlite", folder=tmp_path)
    num = re.search(r"(\d+) runs trained", done.err)[1]
    with Store.open(tmp_path / "one.sqlite", write=False) as store:
        (row,) = store.studies()
        assert str(row.num_finished) == num
        assert len(set(store.runs("small")["key"])) == int(num)
    assert f"{num} runs trained" in (tmp_path / "bakeoff-small.html").read_text()
    with Store.open(tmp_path / "one.sqlite") as store:
        store.plan_runs(row.id, [("f" * 64, Settings({}), 7, "width", "8")])
    listed = bakeoff("show", "--store", "one.sqlite", folder=tmp_path).out.splitlines()[1]
    assert listed.split()[5] == num, "a run that was never trained is none"


def test_failed_runs_are_listed_with_their_reason(folder) -> None:
    with Store.open(folder / "bakeoff.sqlite", write=False) as store:
        frame = store.runs("small").head(2)
    frame["reason"] = [None, "it \x1b[31mdiverged"]
    console = Console(width=100)
    with console.capture() as said:
        console.print(runs_table(frame))
    head, first, second, _ = said.get().splitlines()
    assert head.rstrip().endswith("reason")
    assert "None" not in first
    assert second.rstrip().endswith("it ␛[31mdiverged")

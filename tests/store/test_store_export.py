"""Runs as a table: in Python and in files."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from store_samples import begin, key_of, sample_result, sample_run

from bakeoff import Result
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import UsageError
from bakeoff.store import frames
from bakeoff.store.sqlite import Store


@pytest.fixture
def frame() -> pd.DataFrame:
    with Store.open(":memory:") as store:
        number = begin(store)
        store.plan_runs(
            number,
            [
                (
                    key_of(1),
                    DENSE_SPACE.complete({"hidden": (16, 8)}),
                    1,
                    "width",
                    'a "quoted", label',
                ),
                (key_of(2), DENSE_SPACE.complete({"hidden": ()}), 2, "width", "b"),
            ],
        )
        store.add_run(sample_run(1, metrics={"val_loss": 0.1 + 0.2, "val_accuracy": 1 / 3}))
        return store.runs("digits")


def test_a_frame_has_scores_settings_and_states(frame) -> None:
    assert list(frame["state"]) == ["finished", "planned"]
    assert list(frame["settings.hidden"]) == ["16-8", ""]
    assert frame["val_loss"][0] == 0.1 + 0.2
    assert frame["val_accuracy"].dtype == "float64"
    assert frame["val_accuracy"].isna().tolist() == [False, True]
    assert "test_accuracy" not in frame
    assert frame["settings.learning_rate"].tolist() == [0.01, 0.01]
    assert frame["settings.epochs"].dtype == "int64"


def test_the_frame_of_an_empty_store_has_no_rows_but_columns() -> None:
    with Store.open(":memory:") as store:
        frame = store.runs()
        begin(store)
        assert len(store.runs("digits")) == 0
    assert len(frame) == 0
    assert {"key", "state", "train_seconds"} <= set(frame.columns)


def test_the_frame_of_a_study_follows_its_stages() -> None:
    with Store.open(":memory:") as store:
        store.finish_study(begin(store), sample_result())
        store.add_run(sample_run(900))
        assert list(store.runs("digits")["stage"]) == ["width"] * 6 + ["final"]
        assert len(store.runs()) == 8


def test_csv_keeps_every_digit(frame) -> None:
    text = frames.csv_text(frame)
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert float(first["val_loss"]) == 0.1 + 0.2
    assert float(first["val_accuracy"]) == 1 / 3
    assert first["label"] == 'a "quoted", label'
    assert second["val_loss"] == second["reason"] == ""
    assert list(first) == list(frame.columns)
    assert "\r" not in text


def test_parquet_keeps_everything(frame, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    frames.write_parquet(frame, tmp_path / "runs.parquet")
    back = pd.read_parquet(tmp_path / "runs.parquet")
    assert back["val_loss"][0] == 0.1 + 0.2
    assert list(back.columns) == list(frame.columns)


def test_models_that_mean_different_things_by_a_name_go_into_one_parquet(frame, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    mixed = frame.assign(verbose=[True, 0], max_depth=[3, "none"], reason=[None, 2.5])
    frames.write_parquet(mixed, tmp_path / "runs.parquet")
    back = pd.read_parquet(tmp_path / "runs.parquet")
    assert list(back["verbose"]) == ["True", "0"]
    assert list(back["max_depth"]) == ["3", "none"]
    assert back["reason"][1] == 2.5


def test_parquet_without_pyarrow_says_what_to_install(frame, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'pip install "bakeoff\[parquet\]"'):
        frames.write_parquet(frame, tmp_path / "runs.parquet")


def test_opening_and_writing_a_store_does_not_import_pandas(tmp_path) -> None:
    program = (
        "import sys; from bakeoff.store.sqlite import Store; "
        f"Store.open({str(tmp_path / 'a.sqlite')!r}).close(); "
        "print([name for name in ('pandas', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_frame_of_a_result_has_every_run_and_cells_of_one_kind() -> None:
    stores = Path(__file__).parents[1] / "golden_stores"
    frame = Result.load(stores / "studies1.sqlite", "chosen").to_frame()
    assert dict(frame["step"].value_counts()) == {
        "stage": 18,
        "audit": 15,
        "tuning": 4 * 3,
        "final": 5,
    }
    assert frame["hidden"].tolist()[0] == "4"
    assert frame["learning_rate"].dtype == frame["val_balanced_accuracy"].dtype == "float64"
    assert frame["epochs"].dtype == "int64"
    tuned = frame[(frame["step"] == "tuning") & (frame["candidate"] == "relu")]
    assert sorted(set(tuned["learning_rate"])) == [0.03, 0.3]
    assert frame["test_accuracy"].notna().sum() == 5

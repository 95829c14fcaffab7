"""From a table to a verdict in one command, and back to predictions on new rows."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.cli.calling import bakeoff

from bakeoff import Study, TrainedModel
from bakeoff.errors import DataError
from bakeoff.execution.baselines import leaks
from bakeoff.suggest import study_for

N = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of numbers, words, dates, gaps and an identifier."""
    place = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    age = draw.integers(18, 90, N).astype(float)
    city = draw.choice(["Rome", "Oslo", "Bern"], N, p=[0.6, 0.3, 0.1])
    signal = (age - 50) / 15 + 2.0 * (city == "Oslo") + draw.normal(0, 0.5, N)
    table = pd.DataFrame(
        {
            "customer_id": draw.permutation(N),
            "age": age,
            "city": city,
            "income": np.exp(draw.normal(10, 1, N)),
            "signup": (pd.Timestamp("2022-01-01") + pd.to_timedelta(draw.integers(0, 900, N), "D")),
            "churned": np.where(signal > 0, "yes", "no"),
            "spend": np.round(100 + 20 * signal, 2),
        }
    )
    table.loc[draw.random(N) < 0.1, "age"] = np.nan
    table.loc[draw.random(N) < 0.1, "city"] = None
    table.to_csv(place / "churn.csv", index=False)
    new = table.head(6)[["signup", "city", "spend", "income", "age"]].copy()
    new.loc[0, "city"] = "Tokyo"
    new.loc[1, ["age", "city"]] = [np.nan, None]
    new.to_csv(place / "new.csv", index=False)
    return place


def test_a_table_gives_verdict_page_and_model(folder) -> None:
    done = bakeoff(
        *(
            "run",
            "churn.csv",
            "--target",
            "churned",
            "--set",
            "data.drop=spend",
            "--set",
            "looks=[3]",
        ),
        *("--json", "out.json"),
        folder=folder,
    )
    assert done.code == 0, done.err
    for told in (
        "customer_id  left out",
        "city         category",
        "signup       date",
        "age          number",
    ):
        assert told in done.err
    assert "spend        left out  you said so" in done.err
    assert "logistic regression" in done.out
    assert "boosted trees" in done.out
    document = json.loads((folder / "out.json").read_text())
    assert document["final"]["test"]["accuracy_mean"] > 0.8
    assert [one["label"] for one in document["baselines"]] == [
        "logistic regression",
        "boosted trees",
    ]
    page = (folder / "bakeoff-churn.html").read_text()
    assert "Simple models on the same folds" in page
    again = bakeoff(
        *(
            "run",
            "churn.csv",
            "--target",
            "churned",
            "--set",
            "data.drop=spend",
            "--set",
            "looks=[3]",
        ),
        folder=folder,
    )
    assert "0 runs trained" in again.err
    said = bakeoff("predict", "bakeoff-churn.safetensors", "new.csv", folder=folder)
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert len(rows) == 6
    assert {row["predicted"] for row in rows} <= {"yes", "no"}
    model = TrainedModel.load(folder / "bakeoff-churn.safetensors")
    frame = pd.read_csv(folder / "new.csv")
    assert [row["predicted"] for row in rows] == model.predict(frame).tolist()


def test_a_number_is_predicted_in_its_own_units(folder) -> None:
    command = (
        "run",
        "churn.csv",
        "--target",
        "spend",
        "--set",
        'data.drop="churned"',
        "--set",
        "looks=[3]",
    )
    done = bakeoff(*command, "--json", "values.json", folder=folder)
    assert done.code == 0, done.err
    assert "Predicts the number spend" in done.err
    assert "ridge regression" in done.out
    assert re.search(r"Test rmse [\d.]+, 95 % interval [\d.]+ to [\d.]+ \(", done.out)
    document = json.loads((folder / "values.json").read_text())
    assert (document["task"], document["metric"]) == ("regression", "rmse")
    assert document["final"]["test"]["accuracy_mean"] is None
    rmse = document["final"]["test"]["metrics"]["rmse"]
    assert rmse["mean"] < 25
    assert rmse["interval"][0] < rmse["mean"] < rmse["interval"][1]
    page = (folder / "bakeoff-churn.html").read_text()
    assert "Predicted against actual" in page
    assert "The largest errors" in page
    said = bakeoff("predict", "bakeoff-churn.safetensors", "new.csv", folder=folder)
    values = [float(row["predicted"]) for row in csv.DictReader(io.StringIO(said.out))]
    wanted = pd.read_csv(folder / "churn.csv")["spend"].head(6)
    assert np.abs(np.array(values)[2:] - wanted[2:]).max() < 60


def test_a_column_that_gives_the_target_away_is_named(folder) -> None:
    study = study_for(str(folder / "churn.csv"), target="churned")
    assert [name for name, _ in leaks(study.load_data())] == ["spend"]
    done = bakeoff("data", "info", "churn.csv", "--target", "churned", folder=folder)
    assert "spend alone predicts nearly everything" in done.out


def test_what_was_made_can_be_written_down_and_changed(folder, tmp_path) -> None:
    made = folder / "made.toml"
    done = bakeoff("init", "made.toml", "--data", "churn.csv", "--target", "churned", folder=folder)
    assert done.code == 0, done.err
    text = made.read_text()
    assert "#   city         category" in text
    assert 'path = "churn.csv"' in text
    study = Study.from_file(made)
    assert study.check(timed=False).stages[0].name == "learning rate"


def test_a_table_of_numbers_and_dates_alone_is_predicted_as_it_was_read(tmp_path) -> None:
    """No word and no gap, so nothing but the dates is more than a number."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, 240), unit="D")
    table = pd.DataFrame({"at": days.strftime("%Y-%m-%d"), "size": rng.normal(size=240)})
    table["y"] = np.where((days.month > 6) ^ (table["size"] > 1), "late", "early")
    table.to_csv(tmp_path / "dated.csv", index=False)
    options = ("--target", "y", "--replicates", "3", "--set", "baselines=false", "--no-report")
    done = bakeoff("run", "dated.csv", *options, folder=tmp_path)
    assert done.code == 0, done.err
    table[["size", "at"]].head(9).to_csv(tmp_path / "new.csv", index=False)
    said = bakeoff("predict", "bakeoff-dated.safetensors", "new.csv", folder=tmp_path)
    assert said.code == 0, said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    model = TrainedModel.load(tmp_path / "bakeoff-dated.safetensors")
    assert [row["predicted"] for row in rows] == model.predict(table.head(9)).tolist()


def test_whole_numbers_that_could_be_either_are_asked_about(folder, tmp_path) -> None:
    table = pd.DataFrame(
        {"a": np.random.default_rng(0).normal(size=200), "count": np.arange(200) % 50}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    done = bakeoff("run", "t.csv", "--target", "count", folder=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert (
        "look like a number to predict; say task = 'regression' (or --task regression)" in done.err
    )
    done = bakeoff(
        *("run", "t.csv", "--target", "count", "--task", "regression", "--set", "looks=[3]", "-q"),
        *("--set", "baselines=false"),
        folder=tmp_path,
    )
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "churn.csv"], "must be target, label, class or y, or be named"),
        (
            ["run", "churn.csv", "--target", "churn"],
            "there is no column 'churn'; did you mean 'churned'?",
        ),
        (["run", "no.csv", "--target", "y"], "there is no such file"),
        (["run", "digits", "--task", "regression"], "--task: belongs to a table of data"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(folder, arguments, message) -> None:
    done = bakeoff(*arguments, folder=folder)
    assert done.code in (2, 3)
    assert message in done.err
    assert "Traceback" not in done.err


def test_columns_that_are_missing_at_prediction_are_named(folder) -> None:
    table = pd.read_csv(folder / "churn.csv").drop(columns="spend")
    options = {"looks": [3], "audit": False, "baselines": False}
    study = Study(table, target="churned", base={"epochs": 1}, **options)
    model = study.stage("width", hidden=[[], [4]]).run(store=":memory:").model
    with pytest.raises(DataError, match="'age' is missing"):
        model.predict(table.drop(columns="age"))
    shuffled = table[[*reversed(table.columns)]].assign(more=1)
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(table))


def test_groups_time_folds_and_weights_are_columns(folder) -> None:
    path = folder / "roles.csv"
    table = pd.read_csv(folder / "churn.csv").drop(columns="spend")
    draw = np.random.default_rng(1)
    table["family"] = draw.integers(0, 40, N)
    table["weight"] = draw.uniform(0.5, 2.0, N)
    table["part"] = draw.choice(["a", "b", "c"], N)
    table.to_csv(path, index=False)
    for data, more, words in (
        ({"groups": "family", "drop": ["weight", "part"]}, {}, "keeps every group whole"),
        ({"weights": "weight", "drop": ["family", "part"]}, {}, "a fold of one stratified"),
        (
            {"fold": "part", "drop": ["weight", "family"]},
            {},
            "one of the folds that the data names",
        ),
        ({"drop": ["weight", "family", "part"]}, {"split": "time"}, "a stretch of later rows"),
        (
            {"validation": "new-rows.csv", "drop": ["weight", "family", "part"]},
            {},
            "the validation part is a file of its own",
        ),
    ):
        if "validation" in data:
            table.head(80).to_csv(folder / "new-rows.csv", index=False)
        document = {
            "format": 1,
            "name": "roles",
            "looks": [3],
            "audit": False,
            "baselines": False,
            "final_replicates": 1,
            **more,
            "data": {"path": "roles.csv", "target": "churned", **data},
            "base": {"epochs": 2},
            "stage": [{"name": "width", "vary": {"hidden": [[], [4]]}}],
        }
        from bakeoff.spec import LoadedSpec, from_dict

        spec = from_dict(document)
        study = Study.from_loaded(LoadedSpec(spec, "roles", folder, ""))
        result = study.run(store=":memory:")
        assert result.record.final is not None, data
        assert result.record.final.runs[0].value("test_accuracy") > 0.4
        page = result.report(folder / "roles.html").read_text(encoding="utf-8")
        assert words in page, data

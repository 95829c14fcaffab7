"""Whole studies of brought models: verdict, final model, store, resume, report."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from nearest import learn
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from bakeoff import Result, Study, TrainedModel
from bakeoff.errors import RunsFailedError, SpecError, UsageError
from bakeoff.evidence.summary import summarise
from bakeoff.report.notes import settings_line
from bakeoff.store.sqlite import Store


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(1)
    labels = np.arange(360) % 3
    centres = 2.0 * rng.standard_normal((3, 4))
    return centres[labels] + rng.standard_normal((360, 4)), labels


def run(study, folder, **options):
    """On threads, as every worker process imports scikit-learn anew, unless ``options`` say otherwise."""
    options = {"on": "threads", **options}
    return study.run(store=folder / "runs.sqlite", replicates=3, **options)


def test_an_estimator_competes_is_examined_and_comes_as_a_file(blobs, tmp_path):
    pytest.importorskip("skops")
    study = Study(blobs, model=DecisionTreeClassifier, final_replicates=2)
    study.stage("depth", max_depth=[1, "none"])
    result = run(study, tmp_path, on=None, workers=1)
    record = result.record
    assert (record.model_kind, record.task, record.num_trained) == ("sklearn", "classification", 8)
    assert record.final.exam.confusion.sum() == record.data.num_test
    assert "live" not in record.final.model
    saved = result.with_model(tmp_path / f"model{result.model_ending}")
    assert saved.record.final.model_path.endswith("model.skops")
    assert isinstance(Result.load(tmp_path / "runs.sqlite").model, DecisionTreeClassifier)
    assert result.export(tmp_path / "plain")[-1].read_bytes() == saved_bytes(saved)
    again = run(study, tmp_path)
    assert again.record.num_trained == 0
    assert result.report(tmp_path / "page.html").stat().st_size > 10_000


class Picky(LogisticRegression):
    """Takes a table as it is and nothing else; learns from the ages alone."""

    def fit(self, x, y):
        assert list(x)[:2] == ["age", "city"]
        assert len(x.columns) > 3  # a date is several numbers
        assert str(x["city"].dtype) == "category"
        assert x["city"].isna().any()
        return super().fit(x[["age"]], y)

    def predict_proba(self, x):
        return super().predict_proba(x[["age"]])


@pytest.fixture(scope="module")
def people():
    import pandas as pd

    rng = np.random.default_rng(2)
    city = rng.choice(["Bonn", "Kiel", "Ulm"], 240).astype(object)
    table = pd.DataFrame({"age": rng.normal(40, 9, 240).round(1), "city": city})
    table["signup"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, 240), "D")
    table["kind"] = np.where((table["age"] > 40) ^ (city == "Ulm"), "buys", "goes")
    table.loc[::9, "city"] = None
    return table


def picking():
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    words = OneHotEncoder(handle_unknown="ignore")
    picked = make_column_transformer((words, ["city"]), ("passthrough", ["age"]))
    return make_pipeline(picked, DecisionTreeClassifier(max_depth=4))


def test_an_estimator_may_take_the_columns_of_a_table_as_they_are(people, tmp_path):
    study = Study(people, target="kind", model={"sklearn": Picky(), "columns": "raw"}, audit=False)
    record = run(study.stage("C", C=[0.1, 1.0]), tmp_path).record
    assert [one.reason for runs in record.stages[0].runs for one in runs] == [None] * 6


@pytest.mark.parametrize("what", ["boosted trees", "a pipeline that picks columns"])
def test_a_model_of_raw_columns_comes_as_a_file_and_predicts(what, people, tmp_path):
    pytest.importorskip("skops")
    from sklearn.ensemble import HistGradientBoostingClassifier

    from bakeoff.cli import main

    model = {"sklearn": HistGradientBoostingClassifier(max_iter=20), "columns": "raw"}
    setting = "max_leaf_nodes"
    if what != "boosted trees":
        model, setting = picking(), "decisiontreeclassifier__min_samples_leaf"
    study = Study(people, target="kind", model=model, final_replicates=1, audit=False)
    result = run(study.stage("leaves", **{setting: [4, 9]}), tmp_path)
    assert result.record.final.runs[0].metrics["test_accuracy"] > 0.75
    saved = result.with_model(tmp_path / "model.skops").record.final.model_path
    new = people.drop(columns="kind").head(40)[["signup", "city", "age"]]
    new.loc[0, "city"] = "Rome"  # never seen: as if it were missing
    new.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "out.csv"
    with pytest.raises(SystemExit, match="0"):
        main(["predict", str(saved), str(tmp_path / "new.csv"), "--output", str(out)])
    told = [line.split(",")[2] for line in out.read_text().splitlines()[1:]]
    assert np.mean(np.array(told[1:]) == people["kind"][1:40]) > 0.75


def test_a_regressor_takes_raw_columns_too(people, tmp_path):
    from sklearn.ensemble import HistGradientBoostingRegressor

    table = people.assign(kind=people["age"] + 5.0 * (people["city"] == "Ulm"))
    model = {"sklearn": HistGradientBoostingRegressor(max_iter=60), "columns": "raw"}
    study = Study(table, target="kind", model=model, final_replicates=1, audit=False)
    record = run(study.stage("leaves", max_leaf_nodes=[4, 9]), tmp_path).record
    assert record.final.runs[0].metrics["test_rmse"] < 4.0


def test_only_an_estimator_may_ask_for_raw_columns(people, tmp_path):
    (tmp_path / "m.py").write_text("def train(x=1):\n    return {'loss': x}\n")
    model = {"function": str(tmp_path / "m.py:train"), "metrics": {"loss": "min"}, "columns": "raw"}
    with pytest.raises(SpecError, match="`columns` belongs to an estimator, but this is function"):
        Study(people, target="kind", model=model).stage("one", settings=[{}]).check()


def saved_bytes(result):
    return Path(result.record.final.model_path).read_bytes()


def test_a_model_that_only_names_classes_has_no_loss(blobs, tmp_path):
    study = Study(blobs, model=SVC, final_replicates=2, audit=False)
    record = run(study.stage("kernel", kernel=["linear", "rbf"]), tmp_path).record
    measured = [run.metrics.keys() for run in (*record.stages[0].runs[0], *record.final.runs)]
    assert not any(name.endswith("_loss") for names in measured for name in names)
    assert record.final.runs[0].metrics["test_accuracy"] > 0.7


def test_a_function_is_examined_on_the_test_part(blobs, tmp_path):
    study = Study(blobs, model=learn, final_replicates=2)
    study.stage("shrink", shrink=[0.0, 1.0])
    result = run(study, tmp_path)
    assert result.record.stages[0].verdict.chosen == "0"
    assert result.record.final.exam.confusion.trace() > 40
    assert result.model_ending is None
    assert "report.html" in [path.name for path in result.export(tmp_path / "plain")]
    page = (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")
    assert "The model was not saved: what the function gave has no" in page
    assert run(study, tmp_path).record.num_trained == 0


def test_a_function_that_measures_itself_has_no_test(tmp_path):
    def measure(*, seed, width=1):
        return {"loss": 1.0 / width + 1e-3 * np.random.default_rng(seed).random()}

    study = Study(model={"function": measure, "metrics": {"loss": "min"}})
    study.stage("width", width=[1, 2, 4])
    assert study.check().min_runs == 3 * 3  # and no refits
    record = run(study, tmp_path).record
    assert (record.task, record.final, record.split) == ("declared", None, "own")
    assert not record.stages[0].verdict.measure.higher_is_better
    assert record.stages[0].verdict.chosen == "4"


@pytest.mark.parametrize("name", ["ndcg", "val_ndcg"])
def test_a_declared_metric_decides_by_either_of_its_names(name, tmp_path):
    def measure(*, seed, width=1):
        noise = 1e-3 * np.random.default_rng(seed).random()
        return {"val_cost": width + noise, "ndcg": width / 10 + noise}

    model = {"function": measure, "metrics": {"val_cost": "min", "val_ndcg": "max"}}
    study = Study(model=model, metric=name, audit=False).stage("width", width=[1, 2])
    result = run(study, tmp_path)
    assert result.record.metric == "ndcg"
    assert result.record.stages[0].verdict.chosen == "2"
    page = result.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "cost</th>" in page  # what was declared beside it is told too
    assert "0 examples" not in page + repr(result)
    assert "read and split by the program itself" in page
    document = result.to_dict()["data"]
    assert (document["num_train"], document["num_classes"]) == (None, None)


def test_a_study_whose_runs_all_fail_is_shown_with_its_failures(tmp_path):
    def fail(*, seed, width=1):
        raise ValueError(f"no room for {width}")

    study = Study(model={"function": fail, "metrics": {"loss": "min"}}, name="all fail")
    with pytest.raises(RunsFailedError):
        run(study.stage("width", width=[1, 2]), tmp_path)
    result = Result.load(tmp_path / "runs.sqlite")
    told = (
        "This study is not finished: 0 of 1 stage so far, and 6 runs without a verdict yet; "
        "6 failed (ValueError: no room for 1)."
    )
    page = result.report(tmp_path / "page.html").read_text(encoding="utf-8")
    for text in (page, repr(result)):
        assert told in text
    assert "6 runs trained" in page
    assert "6 runs failed" in page


def test_who_only_names_classes_has_no_area_under_a_curve(blobs, tmp_path):
    """Of names alone it would be another number than scikit-learn's, and a false verdict."""
    models = [{"label": "svc", "model": SVC()}, {"label": "line", "model": LogisticRegression()}]
    study = Study(blobs, metric="roc_auc", audit=False, final_replicates=1, model=SVC())
    record = run(study.stage("which", candidates=models), tmp_path).record
    assert {one.reason for one in record.stages[0].runs[0]} == {
        "only names classes, of which roc_auc cannot be told; give probabilities"
    }
    assert record.stages[0].verdict.chosen == "line"


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"train_loss": "min"}, "what is measured on training examples decides nothing"),
        ({"loss": "max", "val_loss": "min"}, "loss and val_loss are the same"),
    ],
)
def test_a_metric_that_cannot_decide_is_refused(metrics, message):
    def measure(*, seed, width=1):
        return {}

    with pytest.raises((UsageError, SpecError), match=message):
        Study(model={"function": measure, "metrics": metrics}).stage("width", width=[1, 2])


def test_a_corrected_name_of_a_metric_gets_its_runs(tmp_path):
    def measure(*, seed, width=1):
        return {"error": width + np.random.default_rng(seed).random() / 100}

    def by(metric):
        study = Study(model={"function": measure, "metrics": {metric: "min"}}, name="one")
        return run(study.stage("width", width=[1, 2]), tmp_path)

    for _ in range(2):  # the second finds them failed, and trains nothing
        with pytest.raises(RunsFailedError, match="the first failed: gave no eror, but error"):
            by("eror")
    result = by("error")
    assert (result.record.num_trained, result.record.stages[0].verdict.chosen) == (6, "1")


def test_names_of_columns_may_be_names_of_metrics_and_settings(tmp_path):
    def measure(*, seed, stage="a", key=1):
        return {"accuracy": 0.5 + key / 10, "train_seconds": 1.5}

    model = {"function": measure, "metrics": {"accuracy": "max"}}
    study = Study(model=model, audit=False, name="names").stage("one", key=[1, 2])
    result = run(study, tmp_path)
    frame = result.to_frame()
    assert frame.columns.is_unique
    assert set(frame["settings.key"]) == {1, 2}
    assert set(frame["metrics.train_seconds"]) == {1.5}
    assert frame["key"].str.len().min() == 64
    with Store.open(tmp_path / "runs.sqlite", write=False) as store:
        stored = store.runs("names")
    assert stored.columns.is_unique
    assert stored["train_seconds"].max() < 1.0


def test_a_model_of_arrays_alone_is_no_network(blobs):
    study = Study(blobs, model=DecisionTreeClassifier, final_replicates=1, audit=False)
    record = study.stage("depth", max_depth=[1, 2]).run(store=":memory:", on="threads").record
    final = dataclasses.replace(record.final, model={"centres": np.zeros((3, 4))})
    result = Result(dataclasses.replace(record, final=final))
    assert result.model_ending is None
    with pytest.raises(UsageError, match="has no model to take away"):
        _ = result.model


def test_a_failing_run_is_one_failed_run_and_the_study_goes_on(blobs, tmp_path):
    def sometimes(data, *, seed, replicate, kind="fine"):
        import os

        if kind == "bad" and replicate == 1:
            os._exit(5)
        return learn(data, seed=seed, shrink=0.5 if kind == "bad" else 0.0)

    study = Study(blobs, model=sometimes, final_replicates=2, audit=False)
    record = run(
        study.stage("kind", kind=["fine", "bad"]), tmp_path, on="processes", workers=2
    ).record
    failed = [one for runs in record.stages[0].runs for one in runs if one.status == "failed"]
    assert [one.reason for one in failed] == [
        "ended its process with exit code 5 instead of returning"
    ]


PROGRAM = """
import random, sys
rate, seed = float(sys.argv[1]), int(sys.argv[2])
print(f"val_loss: {(rate - 0.1) ** 2 + random.Random(seed).random() / 100}")
"""

STUDY = """
format = 1
name = "program"
audit = false
[model]
command = "{python} train.py {{rate}} {{seed}}"
metrics = {{ val_loss = "min" }}
[[stage]]
name = "rate"
vary.rate = [0.1, 0.9]
"""


def test_a_program_in_a_study_file_runs_resumes_and_its_text_is_its_identity(tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "study.toml").write_text(STUDY.format(python=sys.executable))
    first = run(Study.from_file(tmp_path / "study.toml"), tmp_path).record
    assert (first.model_kind, first.num_trained) == ("command", 6)
    assert first.stages[0].verdict.kind == "winner"
    assert run(Study.from_file(tmp_path / "study.toml"), tmp_path).record.num_trained == 0
    (tmp_path / "train.py").write_text(PROGRAM + "\n# another\n")
    assert run(Study.from_file(tmp_path / "study.toml"), tmp_path).record.num_trained == 6


def test_kinds_of_models_meet_in_one_stage_on_the_same_folds(blobs, tmp_path):
    study = Study(blobs, final_replicates=2, base={"hidden": [], "epochs": 3, "scale": "standard"})
    study.stage(
        "kind",
        candidates=[
            {"label": "network"},
            {"label": "logistic", "model": LogisticRegression()},
            {"label": "stump", "model": DecisionTreeClassifier, "max_depth": 1},
            {"label": "function", "model": learn},
        ],
    )
    result = run(study, tmp_path)
    record = result.record
    assert record.model_kind == "mixed"
    engines = [runs[0].engine.split("/")[0] for runs in record.stages[0].runs]
    assert engines == ["native", "sklearn", "sklearn", "function"]
    assert record.stages[0].verdict.chosen != "stump"
    more = Study(blobs, final_replicates=2, base={"hidden": [], "epochs": 3, "scale": "standard"})
    more.stage(
        "kind",
        candidates=[
            {"label": "network"},
            {"label": "logistic", "model": LogisticRegression()},
            {"label": "bayes", "model": GaussianNB()},
        ],
    )
    again = run(more, tmp_path).record
    reused = [run.reused for runs in again.stages[0].runs for run in runs]
    assert reused == [True] * 6 + [False] * 3
    assert result.report(tmp_path / "page.html").exists()


def test_the_final_settings_say_which_model_they_are_of(blobs, tmp_path):
    study = Study(blobs, final_replicates=1, audit=False, looks=[2])
    stump = {"label": "stump", "model": DecisionTreeClassifier, "max_depth": 1}
    study.stage("kind", candidates=[{"label": "line", "model": LogisticRegression()}, stump])
    summary = summarise(run(study, tmp_path).record)
    line = settings_line(summary) or ""
    assert line.startswith('model = { sklearn = "')
    assert "\nbase = {" in line
    assert "threads" not in line


def test_a_network_that_is_chosen_among_other_kinds_is_a_network_to_take_away(blobs, tmp_path):
    study = Study(
        blobs,
        final_replicates=2,
        audit=False,
        base={"hidden": [], "epochs": 9, "scale": "standard"},
    )
    stump = {"label": "stump", "model": DecisionTreeClassifier, "max_depth": 1}
    study.stage("kind", candidates=[{"label": "network"}, stump], carry={"model": "dense"})
    result = run(study, tmp_path)
    saved = result.with_model(tmp_path / f"model{result.model_ending}")
    loaded = TrainedModel.load(saved.record.final.model_path)
    assert loaded.predict(blobs[0][:5]).shape == (5,)
    assert result.report(tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": {"sklearn": "sklearn.svm.SVCC"}}, 'did you mean "SVC"'),
        ({"model": {"sklearn": "no.such.Thing"}}, "importing no.such fails"),
        ({"model": {"command": "echo {a}"}, "data": None}, "model.metrics: name what"),
        ({"model": DecisionTreeClassifier, "base": {"max_dept": 3}}, 'did you mean "max_depth"'),
        ({"model": DecisionTreeClassifier, "base": {"max_depth": -3}}, "must be an int in the range"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_before_anything_is_trained(options, message):
    options = dict(options)
    with pytest.raises((SpecError, UsageError)) as caught:
        data = options.pop("data", "digits")
        Study(data, **options).stage("one", candidates=[{"label": "as it is"}])
    assert message in str(caught.value)


def test_a_program_in_a_study_with_data_is_refused(tmp_path):
    study = Study("digits", model={"command": "echo loss=1", "metrics": {"loss": "min"}})
    study.stage("one", candidates=[{"label": "as it is"}])
    with pytest.raises(UsageError, match="reads its data itself; remove `data`"):
        run(study, tmp_path)


def test_none_is_a_value_of_a_setting_wherever_one_is_given(blobs, tmp_path):
    tree = DecisionTreeClassifier(max_depth=2, max_leaf_nodes=5)
    for more in ({"candidates": [{"max_depth": None}, {"max_depth": 1}]}, {"max_depth": [None, 1]}):
        study = Study(blobs, model=tree, base={"max_leaf_nodes": None}, final_replicates=1)
        stage = run(study.stage("depth", **more), tmp_path).record.stages[0]
        assert [one.label for one in stage.candidates] == ["none", "1"]
        assert [one.settings["max_depth"] for one in stage.candidates] == [None, 1]
        assert {one.settings["max_leaf_nodes"] for one in stage.candidates} == {None}

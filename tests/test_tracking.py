"""Studies in MLflow and TensorBoard, read back by their own readers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bakeoff import Result, Study
from bakeoff.cli.commands import app
from bakeoff.errors import UsageError
from bakeoff.tracking import Logging

# MLflow uses of its database library what that one deprecates.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def study(name: str = "tracked", **options) -> Study:
    base = {"scale": "unit", "learning_rate": 0.3, "epochs": 3}
    made = Study("digits", base=base, name=name, looks=[3], **options)
    return made.stage("width", hidden=[[8], [32, 16]])


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> tuple[Path, Result]:
    store = tmp_path_factory.mktemp("tracking") / "bakeoff.sqlite"
    return store, study().run(store=store)


def _client(path: Path):
    mlflow = pytest.importorskip("mlflow")
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}")


def test_mlflow_has_every_run_with_its_settings_curves_and_verdicts(stored, tmp_path) -> None:
    store, result = stored
    client = _client(tmp_path / "m.db")
    runner = CliRunner()
    asked = ["export", "tracked", str(tmp_path / "m.db"), "--to", "mlflow", "--store", str(store)]
    done = runner.invoke(app, asked)
    assert done.exit_code == 0, done.output
    experiment = client.get_experiment_by_name("tracked")
    verdict = result.record.stages[0].verdict
    assert experiment.tags["bakeoff.verdict.width"] == verdict.kind
    assert experiment.tags["bakeoff.chosen.width"] == verdict.chosen
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    ours = [run for stage in result.record.stages for group in stage.runs for run in group]
    by_key = {one.data.tags["bakeoff.key"]: one for one in runs}
    assert len(by_key) == len(runs) == len(ours) + 5 + 1
    for run in ours:
        theirs = by_key[run.key]
        assert theirs.data.metrics["val_accuracy"] == run.metrics["val_accuracy"]
        assert theirs.data.params["learning_rate"] == "0.3"
        assert theirs.data.params["hidden"] in ("8", "32-16")
        history = client.get_metric_history(theirs.info.run_id, "val_loss")
        assert [(one.step, one.value) for one in history] == list(
            enumerate(run.curves["val_loss"].tolist(), 1)
        )
        assert theirs.info.status == "FINISHED"
    (whole,) = [one for one in runs if one.info.run_name == "verdicts"]
    assert whole.data.metrics["test_accuracy"] == pytest.approx(
        sum(run.metrics["test_accuracy"] for run in result.record.final.runs) / 5
    )
    # A second export adds nothing.
    assert runner.invoke(app, asked).exit_code == 0
    assert len(client.search_runs([experiment.experiment_id], max_results=1000)) == len(runs)


def test_tensorboard_has_every_run_with_its_settings_curves_and_verdicts(stored, tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    _, result = stored
    number = result.log_to("tensorboard", str(tmp_path / "runs"))
    folders = sorted(one.parent for one in (tmp_path / "runs").rglob("events.*"))
    assert len(folders) == number + 1
    (run, *_) = result.record.stages[0].runs[1]
    reader = EventAccumulator(str(tmp_path / "runs/tracked/width/32-16/replicate-1"))
    reader.Reload()
    scalars = reader.Scalars("val/accuracy")
    assert [one.step for one in scalars] == [1, 2, 3]
    assert [one.value for one in scalars] == pytest.approx(run.curves["val_accuracy"].tolist())
    plugin = reader.SummaryMetadata("_hparams_/session_start_info").plugin_data
    start = plugin_data_pb2.HParamsPluginData.FromString(plugin.content).session_start_info
    assert start.hparams["learning_rate"].number_value == 0.3
    assert start.hparams["hidden"].string_value == "32-16"
    whole = EventAccumulator(str(tmp_path / "runs/tracked"))
    whole.Reload()
    (text,) = whole.Tensors("verdicts")
    assert b"width" in text.tensor_proto.string_val[0]
    # A second export adds nothing to the runs.
    result.log_to("tensorboard", str(tmp_path / "runs"))
    again = list((tmp_path / "runs/tracked/width").rglob("events.*"))
    assert len(again) == 6


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_runs_are_logged_while_the_study_runs(tool, tmp_path, monkeypatch) -> None:
    pytest.importorskip(tool)
    monkeypatch.chdir(tmp_path)
    place = f"{tool}:{tmp_path / 'log'}"
    result = study("live").run(store=":memory:", log=place)
    if tool == "mlflow":
        client = _client(tmp_path / "log")
        experiment = client.get_experiment_by_name("live")
        names = {one.info.run_name for one in client.search_runs([experiment.experiment_id])}
        assert {"width / 8 / replicate 1", "verdicts"} <= names
    else:
        assert (tmp_path / "log/live/width/8/replicate-1").is_dir()
    assert result.record.final is not None


def test_failed_runs_are_failed_there_too(tmp_path) -> None:
    made = Study("digits", base={"activation": "linear", "epochs": 3}, name="bad", looks=[3])
    made.stage("rate", learning_rate=[100.0, 0.001])
    client = _client(tmp_path / "m.db")
    made.run(store=":memory:").log_to("mlflow", str(tmp_path / "m.db"))
    experiment = client.get_experiment_by_name("bad")
    states = [
        (one.info.status, "bakeoff.reason" in one.data.tags)
        for one in client.search_runs([experiment.experiment_id], max_results=1000)
    ]
    assert ("FAILED", True) in states
    assert ("FINISHED", False) in states


def test_a_log_that_fails_ends_the_logging_and_not_the_study() -> None:
    class Broken:
        def run(self, *_):
            raise OSError("disk full")

        def close(self) -> None:
            raise OSError("disk full")

    seen = []
    logging = Logging(Broken(), seen.append)
    study("broken").run(store=":memory:", observer=logging)
    assert logging.failure == "disk full"
    assert len(seen) > 10


@pytest.mark.parametrize(("to", "ending"), [("csv", ".csv"), ("parquet", ".parquet")])
def test_tables_are_written_as_show_writes_them(stored, tmp_path, monkeypatch, to, ending) -> None:
    import pandas as pd

    store, _ = stored
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "tracked", "--to", to, "--store", str(store)])
    assert done.output.strip() == f"tracked{ending}"
    read = pd.read_csv if to == "csv" else pd.read_parquet
    assert len(read(tmp_path / f"tracked{ending}")) >= 6


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ["export", "tracked", "--to", "wandb"],
            "must be one of mlflow, tensorboard, csv or parquet",
        ),
        (["export", "model.safetensors"], "where the model goes is missing"),
        (["run", "digits", "--log", "wandb"], "--log: must begin with mlflow or tensorboard"),
    ],
)
def test_what_cannot_be_is_one_line(stored, asked, message) -> None:
    store, _ = stored
    more = ["--store", str(store)] if "tracked" in asked else []
    assert message in str(CliRunner().invoke(app, [*asked, *more]).exception)


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_without_the_tool_one_line_says_what_to_install(stored, monkeypatch, tool) -> None:
    for name in [tool, *(one for one in sys.modules if one.startswith(f"{tool}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"pip install 'bakeoff\[{tool}\]'"):
        stored[1].log_to(tool)

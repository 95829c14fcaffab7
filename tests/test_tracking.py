"""Studies in MLflow and TensorBoard, read back by their own readers."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bakeoff import Result, Study
from bakeoff.cli.commands import app
from bakeoff.errors import RunsFailedError, UsageError
from bakeoff.execution.events import Note, RunFinished, StageFinished
from bakeoff.tracking.log import Logging

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


@pytest.fixture(scope="module")
def new_database(tmp_path_factory) -> Path:
    """As MLflow makes it, which takes it seconds each time; a copy of it is as good as new."""
    path = tmp_path_factory.mktemp("mlflow") / "new.db"
    _client(path).search_experiments()
    return path


@pytest.fixture
def database(new_database, tmp_path) -> Path:
    """A database of MLflow's that holds nothing yet."""
    return Path(shutil.copy(new_database, tmp_path / "mlflow.db"))


def _place(tool: str, request) -> Path:
    """A place in which the tool has nothing yet."""
    if tool == "mlflow":
        return request.getfixturevalue("database")
    return request.getfixturevalue("tmp_path") / "log"


def _client(path: Path):
    mlflow = pytest.importorskip("mlflow")
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}")


@pytest.mark.slow
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
    assert done.output.strip().endswith(f"{len(ours) + 5} runs in {tmp_path / 'm.db'}")
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
    folder = f"runs/tracked/width/32-16/replicate-1-{run.key[:8]}"
    reader = EventAccumulator(str(tmp_path / folder))
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
    # A second export adds nothing.
    result.log_to("tensorboard", str(tmp_path / "runs"))
    assert len(list((tmp_path / "runs").rglob("events.*"))) == number + 1


def tuned(**options) -> Study:
    made = Study("digits", base={"scale": "unit", "epochs": 2}, name="live", looks=[3], **options)
    made.stage("width", hidden=[[4], [8]], tune={"learning_rate": [0.1, 0.3]})
    return made.stage("activation", activation=["relu", "tanh"])


def logged(tool: str, place: Path) -> Counter[str]:
    """What the tool has, by the first eight characters of the key."""
    if tool == "tensorboard":
        files = place.glob("live/*/*/*/events.*")
        return Counter(one.parent.name.rpartition("-")[2] for one in files)
    client = _client(place)
    experiment = client.get_experiment_by_name("live").experiment_id
    runs = client.search_runs([experiment], max_results=1000)
    keys = [one.data.tags["bakeoff.key"][:8] for one in runs if one.info.run_name != "verdicts"]
    assert len(runs) > len(keys)
    return Counter(keys)


@pytest.mark.parametrize("tool", [pytest.param("mlflow", marks=pytest.mark.slow), "tensorboard"])
def test_a_study_is_logged_the_same_while_it_runs_afterwards_and_when_it_is_gone_on_with(
    tool, tmp_path
) -> None:
    """With tuning, audit and refits; each run once, whatever it served."""
    pytest.importorskip(tool)
    store = tmp_path / "s.sqlite"
    result = tuned().run(store=store, log=f"{tool}:{tmp_path / 'live'}")
    frame = result.to_frame()
    assert {"stage", "tuning", "audit", "final"} <= set(frame["step"])
    once = Counter({key[:8]: 1 for key in frame["key"]})
    number = result.log_to(tool, str(tmp_path / "after"))
    tuned().run(store=store, log=f"{tool}:{tmp_path / 'again'}")
    assert number == len(once)
    for place in ("live", "after", "again"):
        assert logged(tool, tmp_path / place) == once


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_runs_are_there_as_soon_as_they_are_finished(tool, request) -> None:
    """Also of a study that never comes to its end."""
    pytest.importorskip(tool)
    place = _place(tool, request)
    seen = []

    def give_up(event) -> None:
        if isinstance(event, RunFinished):
            seen.append(event.run.key)
            if len(seen) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned().run(store=":memory:", observer=give_up, log=f"{tool}:{place}", workers=1)
    files = list(place.glob("live/*/*/*/events.*"))
    if tool == "mlflow":
        client = _client(place)
        files = client.search_runs([client.get_experiment_by_name("live").experiment_id])
    assert len(files) == 2


def test_an_unfinished_study_is_exported_as_far_as_it_got_and_that_is_said(
    database, tmp_path
) -> None:
    store = tmp_path / "s.sqlite"
    finished = []

    def give_up(event) -> None:
        finished.append(event)
        if isinstance(event, StageFinished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned().run(store=store, observer=give_up)
    asked = ["export", "live", str(database), "--to", "mlflow", "--store", str(store)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "live has not come to its end" in done.stderr
    number = int(done.stdout.split()[0])
    assert number == sum(isinstance(event, RunFinished) for event in finished)
    assert sum(logged("mlflow", database).values()) == number


def test_a_changed_study_is_logged_beside_the_old_one(tmp_path) -> None:
    """Runs of the same name with other settings are other runs."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for epochs in (2, 4):
        made = Study("digits", base={"epochs": epochs}, name="live", looks=[3], audit=False)
        made.stage("width", hidden=[[4], [8]]).run(store=":memory:", log=f"tensorboard:{tmp_path}")
    lengths = []
    for folder in (tmp_path / "live/width/4").glob("replicate-1-*"):
        reader = EventAccumulator(str(folder))
        reader.Reload()
        lengths.append(len(reader.Scalars("val/loss")))
    assert sorted(lengths) == [2, 4]


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_any_name_and_metric_of_the_users_own_is_taken(tool, tmp_path, request) -> None:
    pytest.importorskip(tool)
    (tmp_path / "odd.py").write_text(
        "def train(data, *, seed, width=1):\n"
        "    return {'val_hit@10 (%)': width + seed % 7 * 0.01, 'val_../x': 2.0, 'val_é': 1.0}\n"
    )
    model = {"function": f"{tmp_path / 'odd.py'}:train", "metrics": {"hit@10 (%)": "max"}}
    made = Study("digits", model=model, name="../odd na/me", looks=[3])
    result = made.stage("w/id\nth", width=[1, 2]).run(store=":memory:", workers=1)
    assert result.log_to(tool, str(_place(tool, request))) == 6
    assert not list(tmp_path.parent.glob("odd*"))


def test_failed_runs_are_failed_there_too(database) -> None:
    made = Study("digits", base={"activation": "linear", "epochs": 3}, name="bad", looks=[3])
    made.stage("rate", learning_rate=[100.0, 0.001])
    client = _client(database)
    made.run(store=":memory:").log_to("mlflow", str(database))
    experiment = client.get_experiment_by_name("bad")
    states = [
        (one.info.status, "bakeoff.reason" in one.data.tags)
        for one in client.search_runs([experiment.experiment_id], max_results=1000)
    ]
    assert ("FAILED", True) in states
    assert ("FINISHED", False) in states


class Broken:
    """A log whose server went away."""

    place = "http://gone"

    def run(self, *_):
        raise OSError("disk\nfull")

    study = run


def test_a_log_that_fails_ends_the_logging_and_not_the_study() -> None:
    seen: list = []
    logging = Logging(Broken(), seen.append)
    result = study("broken").run(store=":memory:", observer=logging)
    logging.finish(result.record)
    assert logging.failure == "disk full"
    told = [event.text for event in seen if isinstance(event, Note) and "logging" in event.text]
    assert told == ["http://gone: logging ended (disk full); the study goes on without it"]


def test_where_nobody_watches_a_failed_log_is_a_warning(monkeypatch) -> None:
    import bakeoff.tracking.log as module

    monkeypatch.setattr(module, "open_log", lambda *_: Broken())
    with pytest.warns(RuntimeWarning, match="http://gone: logging ended"):
        study("broken").run(store=":memory:", log="mlflow")


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_a_study_without_a_verdict_has_its_runs_in_the_log(tool, tmp_path, request) -> None:
    pytest.importorskip(tool)
    place = _place(tool, request)
    (tmp_path / "bad.py").write_text("def train(data, *, seed, width=1):\n    raise OSError\n")
    made = Study(
        "digits", model={"function": f"{tmp_path / 'bad.py'}:train"}, name="live", looks=[3]
    )
    made.stage("width", width=[1, 2])
    with pytest.raises(RunsFailedError):
        made.run(store=":memory:", log=f"{tool}:{place}", workers=1)
    if tool == "tensorboard":
        assert len(list(place.rglob("events.*"))) == 6
    else:
        client = _client(place)
        found = client.search_runs([client.get_experiment_by_name("live").experiment_id])
        assert [one.info.status for one in found] == ["FAILED"] * 6


def test_what_an_interruption_left_half_written_is_not_taken_for_the_run(stored, database) -> None:
    client = _client(database)
    _, result = stored
    result.log_to("mlflow", str(database))
    experiment = client.get_experiment_by_name("tracked").experiment_id
    (first, *_) = client.search_runs([experiment], "tags.`bakeoff.step` = 'stage'")
    client.delete_tag(first.info.run_id, "bakeoff.key")
    result.log_to("mlflow", str(database))
    again = client.search_runs([experiment], f"tags.`mlflow.runName` = '{first.info.run_name}'")
    assert len(again) == 2


def _deleted(path: Path) -> None:
    client = _client(path)
    client.delete_experiment(client.create_experiment("tracked"))


@pytest.mark.parametrize(
    ("tool", "prepare", "message"),
    [
        ("mlflow", Path.mkdir, "cannot be written (Is a directory); give another path"),
        ("mlflow", lambda path: path.write_text("name,value\n" * 9), "is no SQLite file"),
        ("mlflow", _deleted, "among its deleted ones; restore it"),
        ("tensorboard", Path.touch, "cannot be made a folder"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_line_at_once(
    stored, tmp_path, request, tool, prepare, message
) -> None:
    pytest.importorskip(tool)
    place = _place(tool, request) if prepare is _deleted else tmp_path / "place"
    prepare(place)
    with pytest.raises(UsageError) as told:
        stored[1].log_to(tool, str(place))
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_a_server_that_is_not_there_is_one_line_too(stored) -> None:
    pytest.importorskip("mlflow")
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:9 cannot be used"):
        stored[1].log_to("mlflow", "http://127.0.0.1:9")


@pytest.mark.slow
def test_the_place_is_what_mlflow_itself_would_take(stored, tmp_path, monkeypatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    stored[1].log_to("mlflow")
    assert _client(tmp_path / "elsewhere.db").get_experiment_by_name("tracked") is not None


@pytest.mark.parametrize(("to", "ending"), [("csv", ".csv"), ("parquet", ".parquet")])
def test_tables_are_written_as_show_writes_them(stored, tmp_path, monkeypatch, to, ending) -> None:
    import pandas as pd

    store, _ = stored
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "tracked", "--to", to, "--store", str(store)])
    assert done.output.strip() == f"bakeoff-tracked{ending}"
    read = pd.read_csv if to == "csv" else pd.read_parquet
    assert len(read(tmp_path / f"bakeoff-tracked{ending}")) >= 6


def test_the_table_that_a_study_was_made_for_is_not_written_over(tmp_path, monkeypatch) -> None:
    """Such a study has the name of its table."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{i},{i * i % 7},{'yes' if i % 2 else 'no'}" for i in range(120)]
    table = "a,b,y\n" + "\n".join(rows) + "\n"
    (tmp_path / "mine.csv").write_text(table)
    made = Study(
        "mine.csv", target="y", base={"epochs": 1}, looks=[3], audit=False, baselines=False
    )
    made.stage("width", hidden=[[2], [4]]).run()
    done = CliRunner().invoke(app, ["export", "mine", "--to", "csv"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine.csv").read_text() == table
    assert (tmp_path / "bakeoff-mine.csv").exists()


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
    monkeypatch.delitem(sys.modules, f"bakeoff.tracking.{tool}", raising=False)
    for name in [tool, *(one for one in sys.modules if one.startswith(f"{tool}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"pip install 'bakeoff\[{tool}\]'"):
        stored[1].log_to(tool)

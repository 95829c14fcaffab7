"""Studies in the tools people track experiments with: MLflow and TensorBoard.

A run becomes a run there: its settings parameters, its curves metrics per epoch, its stage and candidate
tags; a study becomes an experiment (a folder), with a run of its own that holds the verdicts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

from bakeoff import words
from bakeoff.errors import UsageError
from bakeoff.evidence.summary import summarise
from bakeoff.execution.events import Event, Observer, RunFinished
from bakeoff.files import file_stem
from bakeoff.records import Run, StudyResult
from bakeoff.report.text import summary_rows
from bakeoff.settings import Settings

TOOLS = ("mlflow", "tensorboard")
DEFAULT_PLACE = {"mlflow": "mlflow.db", "tensorboard": "runs"}
MOST_IN_A_BATCH = 900
MOST_TEXT = 5_000


class Log(Protocol):
    """One study in one tool."""

    def run(self, run: Run, stage: str, label: str, settings: Settings) -> None:
        """Writes a finished or failed run; one that is there already is left as it is."""
        ...

    def study(self, record: StudyResult) -> None:
        """Writes what was found."""
        ...

    def close(self) -> None: ...


def open_log(tool: str, place: str | None, study: str) -> Log:
    """The log of a study.

    Args:
        tool: ``mlflow`` or ``tensorboard``.
        place: of MLflow the tracking URI or the path of an SQLite file, by default ``mlflow.db``; of
            TensorBoard a folder, by default ``runs``.
        study: its name.

    Raises:
        UsageError: another tool, one that is not installed, or a place that it does not take.
    """
    if tool not in TOOLS:
        raise UsageError(
            f"--to: must be one of {', '.join(TOOLS)}, csv or parquet, but is {tool!r}"
        )
    made = _Mlflow if tool == "mlflow" else _TensorBoard
    try:
        return made(place or DEFAULT_PLACE[tool], study)
    except ImportError as error:
        raise UsageError(
            f"{tool} is not installed ({error}); install it with `pip install 'bakeoff[{tool}]'`"
        ) from error


def write(record: StudyResult, log: Log) -> int:
    """Writes a whole study; how many runs it has.

    Returns:
        number of runs, tuning, audit and refits included.
    """
    number = 0
    try:
        for stage, label, settings, run in _runs(record):
            log.run(run, stage, label, settings)
            number += 1
        log.study(record)
    finally:
        log.close()
    return number


class Logging:
    """An observer that logs while a study runs, beside another one. A log that fails ends the logging,
    not the study.
    """

    def __init__(self, log: Log, beside: Observer) -> None:
        self._log: Log | None = log
        self._beside = beside
        self.failure: str | None = None

    def __call__(self, event: Event) -> None:
        self._beside(event)
        if isinstance(event, RunFinished):
            one = event.request
            self._try(lambda log: log.run(event.run, one.stage, one.label, one.settings))

    def finish(self, record: StudyResult) -> None:
        """Writes the verdicts."""
        self._try(lambda log: log.study(record))

    def close(self) -> None:
        self._try(lambda log: log.close())

    def _try(self, act: Any) -> None:
        if self._log is None:
            return
        try:
            act(self._log)
        except Exception as error:  # whatever a server or a full disk does
            self._log = None
            self.failure = " ".join(str(error).split())[:300] or type(error).__name__


def _runs(record: StudyResult) -> Any:
    for stage in record.stages:
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
            for run in runs:
                yield stage.name, candidate.label, candidate.settings, run
    if record.final is not None:
        for run in record.final.runs:
            yield "final", "final", record.final.settings, run


def _verdict_tags(record: StudyResult) -> dict[str, str]:
    tags = {"bakeoff.study": record.name, "bakeoff.kind": record.kind}
    for stage in record.stages:
        tags[f"bakeoff.verdict.{stage.name}"] = stage.verdict.kind
        tags[f"bakeoff.chosen.{stage.name}"] = stage.verdict.chosen
    return tags


def _summary_text(record: StudyResult) -> str:
    rows = [" | ".join(row) for row in summary_rows(summarise(record))]
    return "question | verdict | choice | by\n--- | --- | --- | ---\n" + "\n".join(rows)


def _params(settings: Settings) -> dict[str, str]:
    return {key: words.setting(value)[:MOST_TEXT] for key, value in settings.effective().items()}


class _Mlflow:
    """MLflow's own client; ``bakeoff.key`` is the tag by which a run is found again."""

    def __init__(self, place: str, study: str) -> None:
        import logging

        from mlflow import MlflowClient, entities
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        for name in ("alembic", "alembic.runtime.migration"):
            logging.getLogger(name).setLevel(logging.ERROR)
        uri = place if "://" in place or place == "databricks" else f"sqlite:///{place}"
        self._entities = entities
        self._client = MlflowClient(tracking_uri=uri)
        try:
            found = self._client.get_experiment_by_name(study)
            self._experiment = (
                found.experiment_id if found is not None else self._client.create_experiment(study)
            )
            self._there = self._known()
        except MlflowException as error:
            line = " ".join(str(error).split())[:300]
            raise UsageError(f"mlflow: {place} cannot be used ({line}); check the place") from error

    def _known(self) -> set[str]:
        found, token = set(), None
        while True:
            page = self._client.search_runs([self._experiment], max_results=1_000, page_token=token)
            found |= {one.data.tags.get("bakeoff.key", "") for one in page}
            token = page.token
            if not token:
                return found

    def run(self, run: Run, stage: str, label: str, settings: Settings) -> None:
        """See ``Log.run``."""
        if run.key in self._there:
            return
        self._there.add(run.key)
        tags = {
            "bakeoff.key": run.key,
            "bakeoff.stage": stage,
            "bakeoff.candidate": label,
            "bakeoff.replicate": str(run.replicate + 1),
            "bakeoff.engine": run.engine,
        }
        if run.reason:
            tags["bakeoff.reason"] = run.reason[:MOST_TEXT]
        end = int(time.time() * 1_000)
        start = end - int(run.train_seconds * 1_000)
        name = f"{stage} / {label} / replicate {run.replicate + 1}"
        made = self._client.create_run(self._experiment, start, tags, name).info.run_id
        metrics = [
            self._entities.Metric(key, float(value), start, step)
            for key, curve in run.curves.items()
            for step, value in enumerate(curve, 1)
        ]
        metrics += [
            self._entities.Metric(key, value, end, len(run.curves.get(key, ())) or 0)
            for key, value in run.metrics.items()
            if key not in run.curves
        ]
        params = [self._entities.Param(key, value) for key, value in _params(settings).items()]
        self._client.log_batch(made, params=params[:100])
        for first in range(0, len(metrics), MOST_IN_A_BATCH):
            self._client.log_batch(made, metrics=metrics[first : first + MOST_IN_A_BATCH])
        status = {"finished": "FINISHED", "failed": "FAILED"}.get(run.status, "KILLED")
        self._client.set_terminated(made, status, end)

    def study(self, record: StudyResult) -> None:
        """See ``Log.study``: tags of the experiment, and a run that holds the verdicts."""
        tags = {key: value[:MOST_TEXT] for key, value in _verdict_tags(record).items()}
        for key, value in tags.items():
            self._client.set_experiment_tag(self._experiment, _key(key), value)
        key = f"study {record.started_at}"
        if key in self._there:
            return
        note = {"mlflow.note.content": _summary_text(record)[:MOST_TEXT], "bakeoff.key": key}
        made = self._client.create_run(
            self._experiment,
            tags={**{_key(k): v for k, v in tags.items()}, **note},
            run_name="verdicts",
        ).info.run_id
        if record.final is not None:
            summary = summarise(record).final
            assert summary is not None  # noqa: S101  (of a record with a final step)
            for name, spread in summary.metrics.items():
                if name.startswith("test_"):
                    self._client.log_metric(made, name, spread.mean)
            for name, value in _params(record.final.settings).items():
                self._client.log_param(made, name, value)
        self._client.set_terminated(made)

    def close(self) -> None:
        """Everything was written at once."""


def _key(text: str) -> str:
    """A name as MLflow takes it."""
    return "".join(one if one.isalnum() or one in "_-. /" else "_" for one in text)[:250]


class _TensorBoard:
    """Event files, one folder per run, with its settings for the page of hyperparameters."""

    def __init__(self, place: str, study: str) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
        from tensorboard.plugins.text import metadata as text
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._events, self._summaries, self._writer = event_pb2, summary_pb2, EventFileWriter
        self._api, self._hparams, self._plugin, self._text = (
            api_pb2,
            metadata,
            plugin_data_pb2,
            text,
        )
        self._folder = Path(place) / file_stem(study)
        if Path(place).exists() and not Path(place).is_dir():
            raise UsageError(f"tensorboard: {place} is no folder; name one")

    def run(self, run: Run, stage: str, label: str, settings: Settings) -> None:
        """See ``Log.run``."""
        folder = (
            self._folder / file_stem(stage) / file_stem(label) / f"replicate-{run.replicate + 1}"
        )
        if folder.is_dir() and any(folder.iterdir()):
            return
        values = [
            (step, name, float(value))
            for name, curve in run.curves.items()
            for step, value in enumerate(curve, 1)
        ]
        values += [
            (0, name, value) for name, value in run.metrics.items() if name not in run.curves
        ]
        start = self._plugin.SessionStartInfo(start_time_secs=time.time() - run.train_seconds)
        for name, value in settings.effective().items():
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, (int, float)):
                start.hparams[name].number_value = value
            else:
                start.hparams[name].string_value = words.setting(value)
        status = {"finished": "STATUS_SUCCESS"}.get(run.status, "STATUS_FAILURE")
        end = self._plugin.SessionEndInfo(
            status=self._api.Status.Value(status), end_time_secs=time.time()
        )
        writer = self._writer(str(folder))
        try:
            self._hyperparameters(
                writer, self._hparams.SESSION_START_INFO_TAG, session_start_info=start
            )
            for step, name, value in values:
                self._write(
                    writer,
                    step,
                    self._summaries.Summary.Value(
                        tag=name.replace("_", "/", 1), simple_value=value
                    ),
                )
            self._hyperparameters(writer, self._hparams.SESSION_END_INFO_TAG, session_end_info=end)
        finally:
            writer.close()

    def study(self, record: StudyResult) -> None:
        """See ``Log.study``: the verdicts as a text."""
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        text = TensorProto(dtype=7, tensor_shape=shape, string_val=[_summary_text(record).encode()])
        value = self._summaries.Summary.Value(
            tag="verdicts",
            tensor=text,
            metadata=self._text.create_summary_metadata("verdicts", ""),
        )
        writer = self._writer(str(self._folder))
        try:
            self._write(writer, 0, value)
        finally:
            writer.close()

    def close(self) -> None:
        """Every run closed its own file."""

    def _hyperparameters(self, writer: Any, tag: str, **content: Any) -> None:
        data = self._plugin.HParamsPluginData(**content)
        value = self._summaries.Summary.Value(
            tag=tag,
            metadata=self._hparams.create_summary_metadata(data),
            tensor=self._hparams.NULL_TENSOR,
        )
        self._write(writer, 0, value)

    def _write(self, writer: Any, step: int, value: Any) -> None:
        summary = self._summaries.Summary(value=[value])
        writer.add_event(self._events.Event(wall_time=time.time(), step=step, summary=summary))


def place_of(text: str) -> tuple[str, str | None]:
    """Tool and place of ``mlflow``, ``mlflow:URI`` or ``tensorboard:FOLDER``.

    Raises:
        UsageError: another tool.
    """
    tool, found, place = text.partition(":")
    if tool not in TOOLS:
        raise UsageError(f"--log: must begin with {' or '.join(TOOLS)}, but is {text!r}")
    return tool, place if found and place else None

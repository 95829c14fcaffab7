"""A study as an experiment of MLflow, written by MLflow's own client."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from bakeoff import words
from bakeoff.errors import UsageError
from bakeoff.evidence.summary import summarise
from bakeoff.files import must_be_writable
from bakeoff.records import StudyResult
from bakeoff.settings import Settings
from bakeoff.store.frames import RunOfStudy, which_replicate
from bakeoff.tracking.log import MOST_TEXT, summary_table, verdict_tags

DEFAULT = "mlflow.db"
KEY = "bakeoff.key"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
MOST_METRICS, MOST_PARAMS = 800, 100  # at once: MLflow takes 1,000 of all kinds, 100 parameters


class Mlflow:
    """See ``log.Log``; the tag ``bakeoff.key`` is what a run is found again by."""

    def __init__(self, place: str | None, study: str) -> None:
        self.place = place or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT
        if "://" in self.place or self.place.startswith(("file:", "databricks")):
            uri = self.place
        else:
            uri = f"sqlite:///{self.place}"
            _must_be_database(Path(self.place))
        with _opening():
            self._client = MlflowClient(tracking_uri=uri)
            found = self._client.get_experiment_by_name(study)
            if found is not None and found.lifecycle_stage == "deleted":
                raise UsageError(
                    f"mlflow: {self.place} has the experiment {study!r} among its deleted ones; restore it "
                    f"with `mlflow experiments restore -x {found.experiment_id}`, or name another place"
                )
            self._experiment: str = (
                self._client.create_experiment(study) if found is None else found.experiment_id
            )
            self._there = self._known()

    def _known(self) -> set[str]:
        keys: set[str] = set()
        token = None
        while True:
            page = self._client.search_runs([self._experiment], max_results=1_000, page_token=token)
            keys |= {one.data.tags[KEY] for one in page if KEY in one.data.tags}
            token = page.token
            if not token:
                return keys

    def run(self, one: RunOfStudy) -> None:
        """See ``Log.run``."""
        run = one.run
        if run.key in self._there:
            return
        tags = {
            "bakeoff.stage": one.stage,
            "bakeoff.step": one.step,
            "bakeoff.candidate": one.label,
            "bakeoff.replicate": which_replicate(run.replicate),
            "bakeoff.engine": run.engine,
            **({"bakeoff.reason": run.reason} if run.reason else {}),
        }
        end = int(time.time() * 1_000)
        start = end - int(run.train_seconds * 1_000)
        metrics = [
            Metric(_key(name), float(value), start, step)
            for name, curve in run.curves.items()
            for step, value in enumerate(curve, 1)
        ]
        metrics += [
            Metric(_key(name), value, end, 0)
            for name, value in run.metrics.items()
            if name not in run.curves
        ]
        status = {"finished": "FINISHED", "failed": "FAILED"}.get(run.status, "KILLED")
        name = f"{one.stage} / {one.label} / {which_replicate(run.replicate)}"
        self._write(name, run.key, tags, one.settings, metrics, start, end, status)

    def study(self, record: StudyResult) -> None:
        """See ``Log.study``: tags of the experiment, and a run that holds the verdicts and the test."""
        tags = {_key(name): value[:MOST_TEXT] for name, value in verdict_tags(record).items()}
        for name, value in tags.items():
            self._client.set_experiment_tag(self._experiment, name, value)
        key = f"study {record.started_at}"
        if key in self._there:
            return
        now = int(time.time() * 1_000)
        final = summarise(record).final
        metrics = [
            Metric(_key(name), spread.mean, now, 0)
            for name, spread in (final.metrics.items() if final else ())
            if name.startswith("test_")
        ]
        settings = record.final.settings if record.final else Settings({})
        note = {"mlflow.note.content": summary_table(record)}
        start = now - int(record.seconds * 1_000)
        self._write("verdicts", key, {**tags, **note}, settings, metrics, start, now, "FINISHED")

    def _write(
        self,
        name: str,
        key: str,
        tags: dict[str, str],
        settings: Settings,
        metrics: list[Metric],
        start: int,
        end: int,
        status: str,
    ) -> None:
        tags = {name: value[:MOST_TEXT] for name, value in tags.items()}
        tags["mlflow.source.name"] = "bakeoff"
        made = self._client.create_run(self._experiment, start, tags, name).info.run_id
        params = [
            Param(_key(name), words.setting(value)[:MOST_TEXT])
            for name, value in settings.effective().items()
        ]
        # As few calls as can be: each is a transaction, or a request. The key comes last, so that what an
        # interruption leaves half written is not taken for the run.
        num_batches = max(1, -(-len(params) // MOST_PARAMS), -(-len(metrics) // MOST_METRICS))
        for batch in range(num_batches):
            self._client.log_batch(
                made,
                metrics[batch * MOST_METRICS : (batch + 1) * MOST_METRICS],
                params[batch * MOST_PARAMS : (batch + 1) * MOST_PARAMS],
                [RunTag(KEY, key)] if batch == num_batches - 1 else [],
            )
        self._client.set_terminated(made, status, end)
        self._there.add(key)


def _key(text: str) -> str:
    """A name as MLflow takes it."""
    return "".join(one if one.isalnum() or one in "_-. " else "_" for one in text)[:250]


def _must_be_database(path: Path) -> None:
    """Refuses at once what MLflow would try to open again and again, for two minutes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    must_be_writable(path)
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        head = file.read(16)
        if head and not head.startswith(b"SQLite format 3"):
            raise UsageError(f"mlflow: {path} is no SQLite file; name another, such as {DEFAULT}")


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    """No log of every table that is made; and a server that is not there is told after seconds, not after
    the four minutes of MLflow's own seven retries.
    """
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [one.level for one in loggers]
    given = os.environ.get(RETRIES)
    for one in loggers:
        one.setLevel(logging.ERROR)
    if given is None:
        os.environ[RETRIES] = "1"
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
        if given is None:
            del os.environ[RETRIES]

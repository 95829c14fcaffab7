"""Writes a study into a tool that tracks experiments, afterwards or while it runs; knows no tool itself.

A run becomes a run there: its settings parameters, its curves metrics per epoch, its stage and
candidate tags; a study becomes an experiment (a folder) that holds the verdicts. A run is known by
its key, so that what is there already is left as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol

from bakeoff import words
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.evidence.summary import summarise
from bakeoff.execution.audit import STAGE as AUDIT
from bakeoff.execution.baselines import STAGE as BASELINES
from bakeoff.execution.events import Event, Note, Observer, RunFinished, nobody
from bakeoff.records import StudyResult
from bakeoff.report.text import summary_rows
from bakeoff.store.frames import RunOfStudy, runs_of

TOOLS = ("mlflow", "tensorboard")
MOST_TEXT = 5_000  # characters of one text: MLflow's limit of a tag


class Log(Protocol):
    """One study in one tool.

    Attributes:
        place: where it is, as a user would type it.
    """

    place: str

    def run(self, one: RunOfStudy) -> None:
        """Writes a finished or failed run; one that is there already is left as it is."""
        ...

    def study(self, record: StudyResult) -> None:
        """Writes the verdicts."""
        ...


def open_log(tool: str, place: str | None, study: str) -> Log:
    """The log of a study.

    Args:
        tool: ``mlflow`` or ``tensorboard``.
        place: of MLflow the tracking URI or the path of an SQLite file, by default what
            ``MLFLOW_TRACKING_URI`` says, else ``mlflow.db``; of TensorBoard a folder, by default ``runs``.
        study: its name.

    Raises:
        UsageError: another tool, one that is not installed, or a place that it does not take.
    """
    if tool not in TOOLS:
        raise UsageError(f"a study is logged to {' or '.join(TOOLS)}, but got {tool!r}")
    try:
        made = _log_of(tool)
    except ImportError as error:
        raise UsageError(
            f"{tool} is not installed ({error}); install it with `pip install 'bakeoff[{tool}]'`"
        ) from error
    try:
        return made(place, study)
    except BakeoffError:
        raise
    except Exception as error:  # each tool, and each library below it, has errors of its own
        raise UsageError(
            f"{tool}: {place or 'the default place'} cannot be used ({said(error)}); check the place"
        ) from error


def _log_of(tool: str) -> Callable[[str | None, str], Log]:
    if tool == "mlflow":
        from bakeoff.tracking.mlflow import Mlflow

        return Mlflow
    from bakeoff.tracking.tensorboard import TensorBoard

    return TensorBoard


def place_of(text: str) -> tuple[str, str | None]:
    """Tool and place of ``mlflow``, ``mlflow:URI`` or ``tensorboard:FOLDER``.

    Raises:
        UsageError: another tool.
    """
    tool, _, place = text.partition(":")
    if tool not in TOOLS:
        raise UsageError(f"--log: must begin with {' or '.join(TOOLS)}, but is {text!r}")
    return tool, place or None


def write(record: StudyResult, log: Log) -> int:
    """Writes a whole study.

    Returns:
        how many runs it has, those of tuning, audit and final step included; each is counted once,
        however many stages it serves.

    Raises:
        UsageError: the tool failed; what it had taken until then is there.
    """
    written: set[str] = set()
    try:
        for one in runs_of(record):
            if one.run.key not in written:
                written.add(one.run.key)
                log.run(one._replace(stage=AUDIT) if one.step == "audit" else one)
        log.study(record)
    except BakeoffError:
        raise
    except Exception as error:  # whatever a server or a full disk does
        raise UsageError(
            f"{log.place}: could not be written to ({said(error)}); run the same command again, what is "
            "there is left as it is"
        ) from error
    return len(written)


class Logging:
    """An observer that logs while a study runs, beside another one.

    A log that fails ends the logging, not the study; whoever watches is told, and where nobody does,
    a ``RuntimeWarning`` says it.

    Attributes:
        failure: what ended the logging; None while all is well.
    """

    def __init__(self, log: Log, beside: Observer) -> None:
        self.failure: str | None = None
        self._log = log
        self._beside = beside

    def __call__(self, event: Event) -> None:
        self._beside(event)
        # A refit is only measured after all of them are trained: `finish` writes it whole.
        if isinstance(event, RunFinished) and not event.request.refit:
            self._try(lambda: self._log.run(_of(event)))

    def finish(self, record: StudyResult) -> None:
        """Writes what is not there yet: runs that were reused, refits with their scores, the verdicts."""
        self._try(lambda: write(record, self._log))

    def _try(self, act: Callable[[], object]) -> None:
        if self.failure is not None:
            return
        try:
            act()
        except Exception as error:  # whatever a server or a full disk does
            self.failure = said(error)
            told = (
                f"{self._log.place}: logging ended ({self.failure}); the study goes on without it"
            )
            if self._beside is nobody:
                warnings.warn(told, RuntimeWarning, stacklevel=2)
            else:
                self._beside(Note(told))


def _of(event: RunFinished) -> RunOfStudy:
    asked = event.request
    step = {AUDIT: "audit", BASELINES: "baseline"}.get(asked.stage, "stage")
    if asked.replicate.screening:
        step = "tuning"
    return RunOfStudy(asked.stage, step, asked.label, event.run, asked.settings)


def said(error: Exception) -> str:
    """An error in one line that is not too long for a message."""
    return words.clip(" ".join(str(error).split()), 300) or type(error).__name__


def verdict_tags(record: StudyResult) -> dict[str, str]:
    """Name → text of every verdict and of what was chosen."""
    tags = {"bakeoff.study": record.name, "bakeoff.kind": record.kind}
    for stage in record.stages:
        tags[f"bakeoff.verdict.{stage.name}"] = stage.verdict.kind
        tags[f"bakeoff.chosen.{stage.name}"] = stage.verdict.chosen
    return tags


def summary_table(record: StudyResult) -> str:
    """The verdicts as a table of Markdown, as the terminal sums them up."""
    rows = [" | ".join(row) for row in summary_rows(summarise(record))]
    return "question | verdict | choice | by\n--- | --- | --- | ---\n" + "\n".join(rows)

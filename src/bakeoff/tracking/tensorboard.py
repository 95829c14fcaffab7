"""A study as event files of TensorBoard: a folder per run, with its settings for the page of hyperparameters."""

from __future__ import annotations

import time
from datetime import datetime
from io import BytesIO
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.plugins.text import metadata as text
from tensorboard.summary.writer.record_writer import RecordWriter

from bakeoff import words
from bakeoff.errors import UsageError
from bakeoff.files import file_stem, write_whole
from bakeoff.records import StudyResult
from bakeoff.settings import Settings
from bakeoff.store.frames import RunOfStudy, which_replicate
from bakeoff.tracking.log import summary_table

DEFAULT = "runs"


class TensorBoard:
    """See ``log.Log``; a run's folder ends in the beginning of its key, so that another run of the same
    name (a tuned value, a changed study) is one beside it.
    """

    def __init__(self, place: str | None, study: str) -> None:
        self.place = place or DEFAULT
        self._folder = Path(self.place) / file_stem(study)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"tensorboard: {self.place} cannot be made a folder ({error.strerror}); name another"
            ) from error

    def run(self, one: RunOfStudy) -> None:
        """See ``Log.run``."""
        run = one.run
        name = f"{file_stem(which_replicate(run.replicate))}-{run.key[:8]}"
        folder = self._folder / file_stem(one.stage) / file_stem(one.label) / name
        if folder.is_dir() and any(folder.glob("events.*")):
            return
        now = time.time()
        start, end = SessionStartInfo(start_time_secs=now - run.train_seconds), SessionEndInfo()
        _set(start, one.settings)
        end.end_time_secs = now
        end.status = Status.Value(
            "STATUS_SUCCESS" if run.status == "finished" else "STATUS_FAILURE"
        )
        values = [(0, _hparams(hparams.SESSION_START_INFO_TAG, session_start_info=start))]
        values += [
            (step, _scalar(name, float(value)))
            for name, curve in run.curves.items()
            for step, value in enumerate(curve, 1)
        ]
        values += [
            (0, _scalar(name, value))
            for name, value in run.metrics.items()
            if name not in run.curves
        ]
        values.append((0, _hparams(hparams.SESSION_END_INFO_TAG, session_end_info=end)))
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, now, values)

    def study(self, record: StudyResult) -> None:
        """See ``Log.study``: the verdicts as a text of the whole study."""
        content = TensorProto(
            dtype=DT_STRING,
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
            string_val=[summary_table(record).encode("utf-8", "backslashreplace")],
        )
        value = Summary.Value(
            tag="verdicts", tensor=content, metadata=text.create_summary_metadata("verdicts", "")
        )
        started = datetime.fromisoformat(record.started_at).timestamp()
        _write(self._folder, started, [(0, value)])


def _set(start: SessionStartInfo, settings: Settings) -> None:
    for name, value in settings.effective().items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            start.hparams[name].number_value = value
        else:
            start.hparams[name].string_value = words.setting(value)


def _scalar(name: str, value: float) -> Summary.Value:
    """``val_accuracy`` as ``val/accuracy``: the slash is what TensorBoard groups by."""
    return Summary.Value(tag=name.replace("_", "/", 1), simple_value=value)


def _hparams(tag: str, **content: SessionStartInfo | SessionEndInfo) -> Summary.Value:
    data = HParamsPluginData(**content)
    metadata = hparams.create_summary_metadata(data)
    return Summary.Value(tag=tag, metadata=metadata, tensor=hparams.NULL_TENSOR)


def _write(folder: Path, moment: float, values: list[tuple[int, Summary.Value]]) -> None:
    """One event file, whole or not at all: half of a run would be taken for the run."""
    file = BytesIO()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=moment, file_version="brain.Event:2").SerializeToString())
    for step, value in values:
        event = Event(wall_time=moment, step=step, summary=Summary(value=[value]))
        writer.write(event.SerializeToString())
    write_whole(folder / f"events.out.tfevents.{moment:.0f}.bakeoff", file.getvalue())

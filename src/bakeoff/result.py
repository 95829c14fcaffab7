"""Result: what a study found, to read, draw, save and take away; trains nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.dense.base import is_network
from bakeoff.errors import UsageError
from bakeoff.files import write_whole
from bakeoff.records import StudyPlan, StudyResult, Verdict
from bakeoff.report.json import result_document
from bakeoff.settings import Settings
from bakeoff.spec import StudySpec
from bakeoff.store.frames import result_frame
from bakeoff.store.listing import latest
from bakeoff.store.sqlite import Store

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.report.notebook import Plots


class Result:
    """What a study found.

    Attributes:
        record: everything, as the store holds it (``bakeoff.records.StudyResult``).
    """

    def __init__(self, record: StudyResult) -> None:
        self.record = record

    @classmethod
    def load(cls, store: str | Path, study: str | int | None = None) -> Result:
        """A result from a store; the latest study by default.

        Raises:
            StoreError: the store cannot be read or has no such study.
        """
        with Store.open(store, write=False) as opened:
            return cls(opened.load_result(study if study is not None else latest(opened)))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of every stage, by name, in order."""
        return {stage.name: stage.verdict for stage in self.record.stages}

    @property
    def best(self) -> Settings:
        """The final settings (of a replication: what its author ended with)."""
        if self.record.final is not None:
            return self.record.final.settings
        return self.record.stages[-1].chosen.settings

    @property
    def model(self) -> Any:
        """The trained model to take away: a ``TrainedModel``, or the estimator or Keras model.

        Raises:
            UsageError: the study is a replication or unfinished, so there is no final model; or
                what trained gave none that has a file.
        """
        final = self.record.final
        if final is not None and "file" in final.model:
            from bakeoff.trainables.files import opened_model

            return opened_model(final.model["file"].tobytes(), self.model_ending or "")
        from bakeoff.dense.model import TrainedModel

        return TrainedModel.from_result(self.record)

    @property
    def plot(self) -> Plots:
        """The charts of the report, such as ``result.plot.forest("depth")``."""
        from bakeoff.report.notebook import Plots

        return Plots(self.record)

    def report(self, path: str | Path) -> Path:
        """Writes the report, one self-contained HTML file, and returns its path."""
        from bakeoff.report.html import write

        return write(self.record, path)

    @property
    def model_ending(self) -> str | None:
        """Ending of the final model's file, such as ``.safetensors``; None where there is none."""
        final = self.record.final
        if final is None or not final.model:
            return None
        if "file" not in final.model:
            return ".safetensors" if is_network(final.model) else None
        name = final.runs[final.delivered].notes.get("file_name")
        return Path(str(name or "")).suffix

    def with_model(self, path: str | Path) -> Result:
        """Saves the final model and returns the result that names its path.

        Raises:
            UsageError: there is no final model.
        """
        final = self.record.final
        if final is None or self.model_ending is None:
            raise UsageError(
                f"{self.record.name}: has no final model to save; run a study to its end"
            )
        if "file" in final.model:
            from bakeoff.trainables.files import ENDINGS, with_names

            content = final.model["file"].tobytes()
            named = self.model_ending in ENDINGS
            if named:
                content = with_names(content, self.record.data, final.model.get("encoding"))
            write_whole(Path(path), content)
        else:
            self.model.save(Path(path))
        final = dataclasses.replace(final, model_path=str(path))
        return Result(dataclasses.replace(self.record, final=final))

    def export(self, folder: str | Path) -> list[Path]:
        """Writes study file, result JSON, runs as CSV, report and model into a folder.

        Plain files, so that a result can be copied, diffed and put under version control.

        Returns:
            the files, in the order they were written.

        Raises:
            UsageError: the folder cannot be made or written.
        """
        from bakeoff.report.json import dumps

        target = Path(folder)
        known = set(StudySpec.model_fields)
        spec = StudySpec.model_validate(
            {key: value for key, value in self.record.spec.items() if key in known}
        )
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{folder}: cannot be made ({error.strerror}); give another folder"
            ) from None
        written = [target / "study.toml", target / "result.json", target / "runs.csv"]
        write_whole(written[0], spec.to_toml())
        write_whole(written[1], dumps(self.record))
        write_whole(written[2], self.to_frame().to_csv(index=False, lineterminator="\n"))
        written.append(self.report(target / "report.html"))
        if self.model_ending is not None:
            written.append(target / f"model{self.model_ending}")
            self.with_model(written[-1])
        return written

    def log_to(self, tool: str, place: str | None = None) -> int:
        """Writes every run, and the verdicts, into a tool that tracks experiments.

        Args:
            tool: ``mlflow`` or ``tensorboard``.
            place: of MLflow the tracking URI or an SQLite file, by default what ``MLFLOW_TRACKING_URI``
                says, else ``mlflow.db``; of TensorBoard a folder, by default ``runs``.

        Returns:
            how many runs there are; those that are in that place already are left as they are.

        Raises:
            UsageError: another tool, one that is not installed, or a place that it does not take.
        """
        from bakeoff.tracking.log import open_log, write

        return write(self.record, open_log(tool, place, self.record.name))

    def to_dict(self) -> dict[str, Any]:
        """The result document (``"format": 1``), as ``--json`` writes it."""
        return result_document(self.record)

    def to_frame(self) -> pd.DataFrame:
        """One row per run, of stages, their tuning, the chain audit, simple models and the final step.

        Columns: ``stage``; ``step`` (``stage``, ``tuning``, ``audit``, ``baseline`` or ``final``); ``candidate``,
        ``replicate``, ``status``, the metrics, ``train_seconds``, ``key`` and the settings, widths as
        ``64-64``.
        """
        return result_frame(self.record)

    def __repr__(self) -> str:
        from bakeoff.report.text import result_text

        return result_text(self.record)

    def _repr_html_(self) -> str:
        from bakeoff.report.notebook import result_html

        return result_html(self.record)


class Plan(StudyPlan):
    """A ``StudyPlan`` that shows itself, on a line of its own or in a notebook."""

    __slots__ = ()

    @classmethod
    def of(cls, planned: StudyPlan) -> Plan:
        """The same plan."""
        return cls(**{one.name: getattr(planned, one.name) for one in dataclasses.fields(planned)})

    def __repr__(self) -> str:
        from bakeoff.report.plan import plan_text

        return plan_text(self)

    def _repr_html_(self) -> str:
        from bakeoff.report.notebook import plan_html

        return plan_html(self)

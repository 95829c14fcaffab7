"""Study: declare, check, run, resume, report — the Python face of everything below it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bakeoff.data import sources
from bakeoff.data.dataset import Dataset
from bakeoff.engines.registry import get_engine
from bakeoff.errors import UsageError
from bakeoff.execution.chain import RunOptions, run_study
from bakeoff.execution.events import Observer
from bakeoff.execution.plan import plan_study
from bakeoff.records import StudyPlan, StudyResult, Verdict
from bakeoff.report.json import result_document
from bakeoff.settings import Settings
from bakeoff.spec import DataSpec, LoadedSpec, StudySpec, from_dict, load
from bakeoff.store.sqlite import Store
from bakeoff.terminal.jupyter import default_observer

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.models.trained import TrainedModel
    from bakeoff.report.plot import Plots

DEFAULT_STORE = "bakeoff.sqlite"

DataLike = str | Path | Dataset | tuple[ArrayLike, ArrayLike]


class Study:
    """An ordered list of stages on one dataset.

    Args:
        data: a built-in name (``digits``, ``mnist``, ``fashion-mnist``, ``kmnist``), a path, a pair
            of arrays (features of shape (num_examples, num_features) or images of shape
            (num_examples, height, width), labels of shape (num_examples,)), or a ``Dataset``.
        base: settings every stage starts from; what is left out has its default.
        name: of the study; the data's name by default.
        **options: any other key of a study file (``seed``, ``looks``, ``delta``, ``metric``, …).

    Raises:
        SpecError: when a setting or an option breaks a rule; it lists all mistakes.

    Example:
        >>> study = Study("digits", base={"scale": "unit", "epochs": 5})
        >>> _ = study.stage("width", hidden=[[16], [32]])
        >>> [stage.name for stage in study.spec.stage]
        ['width']
    """

    def __init__(
        self,
        data: DataLike = "digits",
        *,
        base: Mapping[str, Any] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        self._data = data
        self._dataset: Dataset | None = data if isinstance(data, Dataset) else None
        self._folder = Path()
        self._document: dict[str, Any] = {
            "format": 1,
            "name": name or _name_of(data),
            "data": _data_value(data),
            **options,
            "base": dict(base or {}),
            "stage": [],
        }
        self._spec: StudySpec | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Study:
        """A study from a study file, or a built-in one by its name.

        Raises:
            UsageError: no such file or built-in study.
            SpecError: the file breaks a rule; it lists all mistakes.
        """
        return cls.from_loaded(load(path))

    @classmethod
    def from_loaded(cls, loaded: LoadedSpec) -> Study:
        """A study from a specification that was already read."""
        study = cls.__new__(cls)
        study._data = ""
        study._dataset = None
        study._folder = loaded.folder or Path()
        study._document = loaded.spec.to_dict()
        study._spec = loaded.spec
        return study

    def stage(
        self,
        name: str,
        question: str = "",
        *,
        tune: Mapping[str, Any] | None = None,
        carry: Mapping[str, Any] | None = None,
        candidates: Sequence[Mapping[str, Any]] | None = None,
        **vary: Sequence[Any],
    ) -> Study:
        """Adds a question and returns the study, so that calls can be chained.

        Args:
            name: short and unique within the study.
            question: in words, for the report.
            tune: nuisance hyperparameters and their values; each candidate finds its own best.
            carry: pins the choice.
            candidates: full alternatives instead of ``vary``.
            **vary: hyperparameters and their values; several make their product.
        """
        declared: dict[str, Any] = {"name": name, "question": question}
        if candidates is not None:
            declared["candidate"] = [dict(candidate) for candidate in candidates]
        if vary:
            declared["vary"] = {key: list(values) for key, values in vary.items()}
        if tune:
            declared["tune"] = {
                key: dict(values) if isinstance(values, Mapping) else list(values)
                for key, values in tune.items()
            }
        if carry is not None:
            declared["carry"] = dict(carry)
        document = {**self._document, "stage": [*self._document["stage"], declared]}
        self._spec = from_dict(document, source="Study(...)")
        self._document = document
        return self

    @property
    def spec(self) -> StudySpec:
        """The validated specification.

        Raises:
            SpecError: when there is no stage yet.
        """
        if self._spec is None:
            self._spec = from_dict(self._document, source="Study(...)")
        return self._spec

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the study start from."""
        return self._folder

    def load_data(self, progress: Any = None) -> Dataset:
        """The dataset, loaded once.

        Raises:
            DataError: it cannot be found, read or used.
        """
        if self._dataset is None:
            self._dataset = load_dataset(
                self._data if isinstance(self._data, tuple) else self.spec.data,
                self._folder,
                progress,
            )
        return self._dataset

    def check(self, *, replicates: int | None = None, workers: int | None = None) -> StudyPlan:
        """The plan: candidates, runs at each look, a rough estimate of the time. Trains nothing."""
        return plan_study(
            self.spec,
            self.load_data(),
            get_engine(self.spec.engine),
            replicates=replicates,
            workers=workers,
        )

    def run(
        self,
        *,
        store: str | Path | Store | None = None,
        observer: Observer | None = None,
        engine: str | None = None,
        replicates: int | None = None,
        workers: int | None = None,
        fresh: bool = False,
        retry_failed: bool = False,
        follow_audit: int = 0,
        wait: bool = False,
    ) -> Result:
        """Runs the study, or goes on where it stopped.

        Args:
            store: path of the results store, ``":memory:"``, or an open ``Store``; by default
                ``bakeoff.sqlite`` in the folder of the study.
            observer: who watches; by default one line in a Jupyter notebook, else nobody.
            engine: ``auto``, ``native`` or ``reference``, instead of the study's own.
            replicates: at most this many per candidate.
            workers: threads; all cores by default. The result does not depend on it.
            fresh: ignore runs that are in the store.
            retry_failed: train failed runs again.
            follow_audit: take what the audit confirms and audit again, at most this many times.
            wait: wait when another process is writing to the store.

        Raises:
            RunsFailedError: no verdict was possible in some stage.
            Interrupted: Ctrl-C; everything finished is kept.
            DataError, StoreError, EngineError: see there.
        """
        _positive("replicates", replicates)
        _positive("workers", workers)
        options = RunOptions(
            replicates=replicates,
            workers=workers,
            fresh=fresh,
            retry_failed=retry_failed,
            follow_audit=follow_audit,
        )
        spec = self.spec
        trainer = get_engine(engine or spec.engine)

        def go(opened: Store) -> StudyResult:
            return run_study(
                spec,
                self.load_data(),
                opened,
                trainer,
                options=options,
                observer=observer or default_observer(),
                folder=self._folder,
            )

        if isinstance(store, Store):
            return Result(go(store))
        with Store.open(store or self._folder / DEFAULT_STORE, wait=wait) as opened:
            return Result(go(opened))

    def __repr__(self) -> str:
        stages = self._document["stage"]
        names = ", ".join(str(stage["name"]) for stage in stages) or "no stages yet"
        return f"Study({self._document['name']!r}: {names})"

    def _repr_html_(self) -> str:
        from bakeoff.report.notebook import study_html

        return study_html(self._document)


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
            return cls(opened.load_result(study if study is not None else _latest(opened)))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of every stage, by name, in order."""
        return {stage.name: stage.verdict for stage in self.record.stages}

    @property
    def best(self) -> Settings:
        """The final settings (of a replication: what its author ended with)."""
        if self.record.final is not None:
            return self.record.final.settings
        last = self.record.stages[-1]
        return last.candidate(last.verdict.chosen).settings

    @property
    def model(self) -> TrainedModel:
        """The trained model to take away.

        Raises:
            UsageError: the study is a replication or unfinished, so there is no final model.
        """
        from bakeoff.models.trained import TrainedModel

        return TrainedModel.from_result(self.record)

    @property
    def plot(self) -> Plots:
        """Charts of the report as Altair objects, such as ``result.plot.forest("depth")``."""
        from bakeoff.report.plot import Plots

        return Plots(self.record)

    def report(self, path: str | Path) -> Path:
        """Writes the report, one self-contained HTML file, and returns its path."""
        from bakeoff.report.html import write

        return write(self.record, path)

    def with_model(self, path: str | Path) -> Result:
        """Saves the final model and returns the result that names its path.

        Raises:
            UsageError: there is no final model.
        """
        target = Path(path)
        self.model.save(target)
        final = self.record.final
        if final is None:
            raise UsageError("a replication has no final model; run a study")
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
        spec = from_dict(
            {key: value for key, value in self.record.spec.items() if key in known},
            source=self.record.name,
        )
        try:
            target.mkdir(parents=True, exist_ok=True)
            written = [target / "study.toml", target / "result.json", target / "runs.csv"]
            written[0].write_text(spec.to_toml(), encoding="utf-8")
            written[1].write_text(dumps(self.record), encoding="utf-8")
            self.to_frame().to_csv(written[2], index=False, lineterminator="\n")
        except OSError as error:
            raise UsageError(
                f"{folder}: cannot be written ({error.strerror}); give another folder"
            ) from None
        written.append(self.report(target / "report.html"))
        if self.record.final is not None:
            path = target / "model.safetensors"
            self.model.save(path)
            written.append(path)
        return written

    def to_dict(self) -> dict[str, Any]:
        """The result document (``"format": 1``), as ``--json`` writes it."""
        return result_document(self.record)

    def to_frame(self) -> pd.DataFrame:
        """One row per run: stage, candidate, replicate, settings and scores."""
        import pandas as pd

        rows = []
        for stage in self.record.stages:
            for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
                for run in runs:
                    row: dict[str, Any] = {
                        "stage": stage.name,
                        "candidate": candidate.label,
                        "replicate": run.replicate,
                        "status": run.status,
                        "train_loss": run.train.loss,
                        "train_accuracy": run.train.accuracy,
                        "val_loss": run.val.loss,
                        "val_accuracy": run.val.accuracy,
                        "val_macro_recall": run.val.macro_recall,
                        "test_loss": run.test.loss if run.test else None,
                        "test_accuracy": run.test.accuracy if run.test else None,
                        "train_seconds": run.train_seconds,
                        "key": run.key,
                    }
                    row.update(candidate.settings.model_dump(mode="json"))
                    rows.append(row)
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        from bakeoff.report.text import result_text

        return result_text(self.record)

    def _repr_html_(self) -> str:
        from bakeoff.report.notebook import result_html

        return result_html(self.record)


def load_dataset(data: Any, folder: Path, progress: Any = None) -> Dataset:
    """The dataset that a study names.

    Args:
        data: a built-in name, a path, a ``DataSpec``, a ``Dataset`` or a pair of arrays.
        folder: what relative paths start from.
        progress: called with (done_bytes, total_bytes, name) while something is downloaded.

    Raises:
        DataError: it cannot be found, read or used.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        if len(data) != 2:
            raise UsageError(f"data: a pair (features, labels) is needed, got {len(data)} items")
        return sources.from_arrays(np.asarray(data[0]), np.asarray(data[1]))
    if isinstance(data, DataSpec):
        options = data.model_dump(exclude={"path", "name", "test"}, exclude_none=True)
        test = None if data.test is None else folder / data.test
        dataset = sources.load_path(folder / data.path, test_path=test, **options)
        return dataset if data.name is None else dataclasses.replace(dataset, name=data.name)
    text = str(data)
    if isinstance(data, Path) or sources.looks_like_path(text):
        return sources.load_path(folder / text)
    return sources.load_named(text, progress=progress)


def _name_of(data: DataLike) -> str:
    if isinstance(data, Dataset):
        return data.name
    if isinstance(data, tuple):
        return "arrays"
    path = Path(data)
    return path.stem if path.suffix else str(data)


def _data_value(data: DataLike) -> str:
    if isinstance(data, Dataset):
        return data.name
    return "arrays" if isinstance(data, tuple) else str(data)


def _positive(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UsageError(f"{name}: `{name} >= 1` must hold, but got {value}")


def _latest(store: Store) -> int:
    rows = store.studies()
    if not rows:
        raise UsageError(f"{store.path}: holds no study yet; `bakeoff run` makes one")
    return max(row.id for row in rows)

"""Study: declare, check, run, resume, report — the Python face of everything below it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bakeoff.data.dataset import Dataset, no_data
from bakeoff.data.loading import load_dataset
from bakeoff.errors import UsageError
from bakeoff.execution.chain import RunOptions, run_study
from bakeoff.execution.context import Budget
from bakeoff.execution.events import Observer
from bakeoff.execution.models import (
    DataLike,
    as_said,
    as_values,
    brought,
    data_value,
    model_table,
    name_of_data,
    reads_data_itself,
    split_frame,
    study_model,
)
from bakeoff.execution.plan import plan_study
from bakeoff.executors.base import available_cores
from bakeoff.records import StudyResult
from bakeoff.result import Plan, Result
from bakeoff.spec import CandidateSpec, LoadedSpec, ModelSpec, StudySpec, from_dict, load
from bakeoff.spec.parts import DENSE
from bakeoff.spec.space import Space
from bakeoff.store.sqlite import Store
from bakeoff.tasks import task_of
from bakeoff.terminal.progress import default_observer
from bakeoff.trainables.brought import Brought

DEFAULT_STORE = "bakeoff.sqlite"


class Study:
    """An ordered list of stages on one dataset.

    Args:
        data: a built-in name (``digits``, the default, ``mnist``, ``fashion-mnist``, ``kmnist``), a path, a pair
            of arrays (features of shape (num_examples, num_features) or images of shape
            (num_examples, height, width), labels of shape (num_examples,)), or a ``Dataset``.
        model: what trains: dense networks, or an estimator, its class, a function, or the table
            ``[model]`` of a study file as a dict, where an object may stand for its reference.
        base: settings every stage starts from; what is left out has its default.
        name: of the study; the data's name by default.
        target: column to predict of a table or a data frame.
        task: ``classification`` or ``regression``; told by the target by default.
        seed: of every random stream of the study.
        metric: what decides, such as ``balanced_accuracy`` or ``roc_auc``; by default the data decides.
        split: validation parts: stratified ``folds``, always the ``last`` part, or in the order of ``time``.
        folds: validation share is 1/folds.
        looks: numbers of replicates at which the evidence is looked at, increasing.
        delta: smallest difference that matters, in units of the metric.
        audit: whether the choices are swapped back at the end to find interactions.
        baselines: whether simple models are trained on the same folds; None: where networks are
            trained on a table.
        final_replicates: how often the final candidate is refitted.
        max_models: most candidates of all stages together, counted once per tuning point.
        engine: of dense networks; ``auto`` takes the compiled one where there is one.
        kind: ``replication`` for a study whose choices are all pinned.
        question: what the study as a whole asks.
        description: anything a reader should know.

    What is None has the default of a study file: docs/study-file.md.

    Raises:
        SpecError: when a setting or an option breaks a rule; it lists all mistakes.

    Attributes:
        brought: reference → trainable of every model of the user's own, once the study was checked.

    Examples:
        >>> study = Study("digits", base={"scale": "unit", "epochs": 5})
        >>> _ = study.stage("width", hidden=[[16], [32]])
        >>> [stage.name for stage in study.spec.stage]
        ['width']
    """

    def __init__(
        self,
        data: DataLike | None = None,
        *,
        model: Any = DENSE,
        base: Mapping[str, Any] | None = None,
        name: str | None = None,
        target: str | None = None,
        task: str | None = None,
        seed: int | None = None,
        metric: str | None = None,
        split: Literal["folds", "last", "time"] | None = None,
        folds: int | None = None,
        looks: Sequence[int] | None = None,
        delta: float | None = None,
        audit: bool | None = None,
        baselines: bool | None = None,
        final_replicates: int | None = None,
        max_models: int | None = None,
        engine: Literal["auto", "native", "reference"] | None = None,
        kind: Literal["study", "replication"] | None = None,
        question: str | None = None,
        description: str | None = None,
    ) -> None:
        options = {
            "seed": seed,
            "metric": metric,
            "split": split,
            "folds": folds,
            "delta": delta,
            "looks": None if looks is None else list(looks),
            "audit": audit,
            "baselines": baselines,
            "final_replicates": final_replicates,
            "engine": engine,
            "max_models": max_models,
            "kind": kind,
            "question": question,
            "description": description,
        }
        self._folder = Path()
        self._task = task
        if hasattr(data, "columns") and hasattr(data, "dtypes"):
            data = split_frame(data, target)
        self._objects: dict[str, Any] = {}
        self.brought: dict[str, Brought] = {}
        table = model_table(model, self._objects)
        if data is None and not reads_data_itself(table):
            data = "digits"
        self._data: DataLike = "" if data is None else data
        value: Any = None if data is None else data_value(data)
        if isinstance(data, str | Path) and (target is not None or task is not None):
            asked = {"path": str(data), "target": target, "task": task}
            value = {key: one for key, one in asked.items() if one is not None}
        self._dataset: Dataset | None = data if isinstance(data, Dataset) else None
        self._document: dict[str, Any] = {
            "format": 1,
            "name": name or name_of_data(self._data) or "study",
            **({} if data is None else {"data": value}),
            "model": table,
            **{key: one for key, one in options.items() if one is not None},
            "base": as_said(dict(base or {})),
            "stage": [],
        }
        self._spec: StudySpec | None = None

    @classmethod
    def from_file(cls, path: str | Path, *, overrides: Sequence[str] = ()) -> Study:
        """A study from a study file, or a built-in one by its name.

        Args:
            path: of the file, or the name.
            overrides: such as ``base.epochs=50``: keys that shall have another value.

        Raises:
            UsageError: no such file or built-in study.
            SpecError: the file breaks a rule; it lists all mistakes.
        """
        made: dict[str, Brought] = {}

        def space_of(model: ModelSpec, folder: Path) -> Space:
            made[model.reference] = brought(model, folder)
            return made[model.reference].space

        study = cls.from_loaded(load(path, space_of=space_of, overrides=overrides))
        study.brought = made
        return study

    @classmethod
    def from_loaded(cls, loaded: LoadedSpec, *, dataset: Dataset | None = None) -> Study:
        """A study from a specification, and perhaps its data, that were already read."""
        study = cls.__new__(cls)
        study._data = ""
        study._task = None
        study._dataset = dataset
        study._folder = loaded.folder or Path()
        study._document = loaded.spec.to_dict()
        study._spec = loaded.spec
        study._objects, study.brought = {}, {}
        return study

    def _space_of(self, model: ModelSpec) -> Space:
        if model.reference not in self.brought:
            self.brought[model.reference] = brought(model, self._folder, self._objects)
        return self.brought[model.reference].space

    def _checked(self, document: Mapping[str, Any]) -> StudySpec:
        return from_dict(document, source="Study(...)", space_of=self._space_of)

    def stage(
        self,
        name: str,
        question: str = "",
        *,
        tune: Mapping[str, Any] | None = None,
        carry: Mapping[str, Any] | None = None,
        candidates: Sequence[Mapping[str, Any]] | None = None,
        search: Mapping[str, Any] | None = None,
        **vary: Sequence[Any] | Mapping[str, Any],
    ) -> Study:
        """Adds a question and returns the study, so that calls can be chained.

        Args:
            name: short and unique within the study.
            question: in words, for the report.
            tune: nuisance hyperparameters and their values; each candidate finds its own best.
            carry: pins the choice.
            candidates: full alternatives instead of ``vary``.
            search: looks for good values of ``vary``, such as ``{"runs": 60}``, and the best three
                compete; needs Optuna.
            **vary: hyperparameters and their values; several make their product. Of a search also
                ranges, such as ``{"low": 0.001, "high": 1.0}``.
        """
        declared: dict[str, Any] = {"name": name, "question": question}
        if candidates is not None:
            declared["candidate"] = [self._candidate(one) for one in candidates]
        if vary:
            declared["vary"] = {key: as_values(values) for key, values in vary.items()}
        if search is not None:
            declared["search"] = dict(search)
        if tune:
            declared["tune"] = {key: as_values(values) for key, values in tune.items()}
        if carry is not None:
            declared["carry"] = as_said(dict(carry))
        document = {**self._document, "stage": [*self._document["stage"], declared]}
        self._spec = self._checked(document)
        self._document = document
        return self

    def _candidate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        own = {key: one for key, one in given.items() if key in CandidateSpec.model_fields}
        if "model" in own:
            own["model"] = model_table(own["model"], self._objects)
        return own | {key: as_said(one) for key, one in given.items() if key not in own}

    @property
    def spec(self) -> StudySpec:
        """The validated specification.

        Raises:
            SpecError: when there is no stage yet.
        """
        if self._spec is None:
            self._spec = self._checked(self._document)
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
        if self._dataset is None and not self.spec.data:
            self._dataset = no_data("the program's own data")
        if self._dataset is None:
            self._dataset = load_dataset(
                self._data if isinstance(self._data, tuple) else self.spec.data,
                self._folder,
                progress,
                in_order=self.spec.split == "time",
                task=self._task or self._only_task(),
            )
        return self._dataset

    def _only_task(self) -> str | None:
        """The task that all models are made for, such as several regressors; else None."""
        brings = [one for one in self.spec.models.values() if not isinstance(one, str)]
        found = {self.brought[one.reference].only for one in brings}
        return (
            next(iter(found)) if len(found) == 1 and len(brings) == len(self.spec.models) else None
        )

    def _fitted(self) -> StudySpec:
        """The specification with what depends on the data.

        Folds that come with the data are its folds; a table's columns are standardised unless the
        author says what is to be done about their scale.
        """
        spec, dataset = self.spec, self.load_data()
        if dataset.folds is not None:
            num_folds = int(dataset.folds.max()) + 1
            changes = {"split": "last"} if num_folds == 1 else {"folds": num_folds}
            spec = spec.model_copy(update=changes)
        if spec.model == DENSE and dataset.is_table and "scale" not in spec.base:
            spec = spec.model_copy(update={"base": {**spec.base, "scale": "standard"}})
        return spec

    def check(
        self,
        *,
        replicates: int | None = None,
        workers: int | None = None,
        timed: bool = True,
    ) -> Plan:
        """The plan: candidates, runs at each look, how long it will take. Trains none of it.

        It shows itself as a table; its attributes are those of ``bakeoff.records.StudyPlan``.

        Args:
            replicates: as in ``run``.
            workers: as in ``run``.
            timed: whether networks are timed on made-up examples, which takes up to two seconds.
        """
        dataset = self.load_data()
        spec = self._fitted()
        model = study_model(spec, self.brought, task_of(dataset.task, spec.metric))
        planned = plan_study(
            spec,
            dataset,
            model.trainable,
            slots=workers or max(1, available_cores() // model.threads),
            replicates=replicates,
            timed=timed,
        )
        return Plan.of(planned)

    def run(
        self,
        *,
        store: str | Path | Store | None = None,
        observer: Observer | None = None,
        engine: str | None = None,
        replicates: int | None = None,
        workers: int | None = None,
        on: str | None = None,
        address: str | None = None,
        fresh: bool = False,
        retry_failed: bool = False,
        follow_audit: int = 0,
        wait: bool = False,
        budget: float | None = None,
        log: str | None = None,
    ) -> Result:
        """Runs the study, or goes on where it stopped.

        Args:
            store: path of the results store, ``":memory:"``, or an open ``Store``; by default
                ``bakeoff.sqlite`` in the folder of the study.
            observer: who watches: called with each event, as ``print`` would be; by default one
                line in a Jupyter notebook, else nobody.
            engine: ``auto``, ``native`` or ``reference``, instead of the study's own.
            replicates: at most this many per candidate.
            workers: runs at the same time; all cores by default. The result does not depend on it.
            on: ``threads``, ``processes`` or ``ray``; by default what the model needs, here.
            address: of a Ray cluster (with ``on="ray"``); by default ``RAY_ADDRESS``, else one of
                this machine alone.
            fresh: ignore runs that are in the store.
            retry_failed: train failed runs again.
            follow_audit: take what the audit confirms and audit again, at most this many times.
            wait: wait when another process is writing to the store.
            budget: seconds that it may take: no more replicates are asked for that would probably
                not end in time. The first look of each stage and the refits are trained anyhow.
            log: ``mlflow:URI`` or ``tensorboard:FOLDER``: runs are written there as they finish.

        Raises:
            RunsFailedError: no verdict was possible in some stage.
            Interrupted: Ctrl-C, SIGTERM or SIGHUP; everything finished is kept.
            DataError, StoreError, EngineError: see there.
        """
        _positive("replicates", replicates)
        _positive("workers", workers)
        if budget is not None and not budget > 0.0:
            raise UsageError(f"budget: `budget > 0` must hold, but got {budget:g} seconds")
        options = RunOptions(
            replicates=replicates,
            fresh=fresh,
            retry_failed=retry_failed,
            follow_audit=follow_audit,
            budget=None
            if budget is None
            else Budget(budget, self.check(replicates=replicates, workers=workers, timed=False)),
        )
        spec, dataset = self._fitted(), self.load_data()
        model = study_model(spec, self.brought, task_of(dataset.task, spec.metric), engine=engine)

        watching: Observer = observer or default_observer()
        logging = None
        if log is not None:
            from bakeoff.tracking.log import Logging, open_log, place_of

            logging = watching = Logging(open_log(*place_of(log), spec.name), watching)

        def go(opened: Store) -> StudyResult:
            with contextlib.closing(model.executor(workers, on, address, self._folder)) as executor:
                return run_study(
                    spec,
                    dataset,
                    opened,
                    model.trainable,
                    executor,
                    options=options,
                    observer=watching,
                    folder=self._folder,
                )

        if isinstance(store, Store):
            record = go(store)
        else:
            with Store.open(store or self._folder / DEFAULT_STORE, wait=wait) as opened:
                record = go(opened)
        if logging is not None:
            logging.finish(record)
        return Result(record)

    @classmethod
    def from_notebook(cls, path: str | Path) -> Study:
        """A replication of the Keras networks that a notebook or a script trains; it is not run.

        Raises:
            UsageError: it cannot be read, or trains no such network that can be followed.
        """
        from bakeoff.notebook.study import import_notebook

        spec = from_dict(import_notebook(path).document, source=str(path))
        return cls.from_loaded(LoadedSpec(spec, str(path), Path(path).parent, ""))

    @classmethod
    def from_optuna(
        cls,
        search: Any,
        data: DataLike | None = None,
        *,
        top: int = 5,
        model: Any = DENSE,
        rename: Mapping[str, str] | None = None,
        base: Mapping[str, Any] | None = None,
        name: str | None = None,
        target: str | None = None,
        task: str | None = None,
        seed: int | None = None,
        metric: str | None = None,
        split: Literal["folds", "last", "time"] | None = None,
        folds: int | None = None,
        looks: Sequence[int] | None = None,
        delta: float | None = None,
        audit: bool | None = None,
        baselines: bool | None = None,
        final_replicates: int | None = None,
    ) -> Study:
        """A study of the best trials of a search: is the best one really better than the others?

        Args:
            search: an ``optuna.Study``.
            top: how many trials, at least 2.
            data: as for ``Study``, as are ``model`` and all that follows ``base``.
            rename: parameter of the search → setting of the model, where they differ.
            base: what the search did not vary.
            name: of the study; that of the search by default.

        Raises:
            DataError: fewer than two finished trials, or several objectives.
            SpecError: a parameter that is no setting of the model.
        """
        from bakeoff.finalists import STAGE, candidates_of, name_of

        question, candidates = candidates_of(search, top, rename)
        study = cls(
            data,
            model=model,
            base=base,
            name=name or name_of(search),
            target=target,
            task=task,
            seed=seed,
            metric=metric,
            split=split,
            folds=folds,
            looks=looks,
            delta=delta,
            audit=audit,
            baselines=baselines,
            final_replicates=final_replicates,
        )
        return study.stage(STAGE, question=question, candidates=candidates)

    def __repr__(self) -> str:
        stages = self._document["stage"]
        names = ", ".join(str(stage["name"]) for stage in stages) or "no stages yet"
        return f"Study({self._document['name']!r}: {names})"

    def _repr_html_(self) -> str:
        from bakeoff.report.notebook import study_html

        return study_html(self._document)


def _positive(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UsageError(f"{name}: `{name} >= 1` must hold, but got {value}")

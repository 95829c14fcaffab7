"""From what a study is given to what trains, and where: dense networks unless something is brought.

What is given to ``Study`` in Python is said here as a study file says it.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from bakeoff.data.dataset import Dataset
from bakeoff.data.frames import find_target
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.errors import DataError, UsageError
from bakeoff.executors.base import Executor
from bakeoff.executors.threads import Threads
from bakeoff.spec import StudySpec
from bakeoff.spec.parts import NONE, ModelSpec
from bakeoff.tasks.base import Task
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.base import Trainable
from bakeoff.trainables.brought import Brought, declared_task
from bakeoff.trainables.mixed import Mixed

DataLike = str | Path | Dataset | tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True, eq=False)
class StudyModel:
    """What trains in a study, and what it needs.

    Attributes:
        trainable: one model, or several of which candidates say which they are.
        threads, gpus, timeout, memory: of a run, as in ``[model]``.
    """

    trainable: Trainable
    threads: int = 1
    gpus: float = 0.0
    timeout: float | None = None
    memory: float | None = None

    def executor(
        self,
        workers: int | None = None,
        on: str | None = None,
        address: str | None = None,
        folder: Path | None = None,
    ) -> Executor:
        """Where its runs happen: threads, or processes for what the user brought.

        Args:
            workers: runs at the same time; by default what the cores allow.
            on: ``threads`` or ``processes``, to have it otherwise, or ``ray``.
            address: of a Ray cluster.
            folder: of the study, with the files that its runs need.

        Raises:
            UsageError: another place, more GPUs for one run than there are, or no such cluster.
        """
        if address is not None and on != "ray":
            raise UsageError("address: is that of a Ray cluster; say on = ray as well")
        if on not in (None, "threads", "processes", "ray"):
            raise UsageError(f"on: runs happen on threads, processes or ray, but got {on!r}")
        place = on
        if place in (None, "ray"):  # a slot of Ray is what this machine would run with
            place = "threads" if self.trainable.lane == "thread" else "processes"
        local: Callable[..., Executor] = Threads
        needs: dict[str, Any] = {"threads": self.threads, "gpus": self.gpus, "memory": self.memory}
        if place == "processes":
            from bakeoff.executors.processes import Processes

            local = partial(Processes, timeout=self.timeout, **needs)
        if on != "ray":
            return local(workers)
        from bakeoff.executors.ray import Ray

        return Ray(partial(local, 1), workers, address=address, folder=folder, **needs)


def study_model(
    spec: StudySpec,
    made: Mapping[str, Brought],
    task: Task = CLASSIFICATION,
    *,
    engine: str | None = None,
) -> StudyModel:
    """What trains in a study.

    Args:
        made: reference → trainable of every model that it brings.
        task: of its data; a program that measures itself has its own.
        engine: of dense networks, instead of the study's own.

    Raises:
        UsageError: a model that needs data in a study without, or the other way round.
    """
    for name in spec.models.keys() & made.keys():
        one = made[name]
        if one.reads_data_itself and spec.data:
            raise UsageError(f"data: {name} reads its data itself; remove `data`")
        if not one.reads_data_itself and not spec.data:
            raise UsageError(f"data: is missing, but {name} takes data; add it")
    members: dict[str, Trainable] = {
        name: Dense(get_engine(engine or spec.engine), task)
        if isinstance(one, str)
        else made[name].on(task)
        for name, one in spec.models.items()
    }
    needs = [one for one in spec.models.values() if not isinstance(one, str)]
    return StudyModel(
        trainable=Mixed(members) if len(members) > 1 else next(iter(members.values())),
        threads=max((one.threads for one in needs), default=1),
        gpus=max((one.gpus for one in needs), default=0.0),
        timeout=max((one.timeout for one in needs if one.timeout is not None), default=None),
        memory=max((one.memory for one in needs if one.memory is not None), default=None),
    )


def brought(spec: ModelSpec, folder: Path, objects: Mapping[str, Any] | None = None) -> Brought:
    """The trainable of one brought model.

    Args:
        spec: its table.
        folder: what paths start from.
        objects: what a reference stands for that was given as an object.

    Raises:
        UsageError: code that cannot be found or is not what it should be.
    """
    what = (objects or {}).get(spec.reference, spec.reference)
    if spec.kind == "command":
        from bakeoff.trainables.command import brought_command

        return brought_command(
            spec.reference,
            declared_task(spec.metrics),
            folder=folder,
            inputs=spec.inputs,
            shell=spec.shell,
            settings=spec.settings,
        )
    if spec.kind == "function":
        from bakeoff.trainables.function import brought_function, takes_data

        declares = bool(spec.metrics) or not takes_data(what, folder)
        task = declared_task(spec.metrics) if declares else CLASSIFICATION
        return brought_function(what, task, folder=folder, inputs=spec.inputs)
    if spec.metrics:
        raise UsageError(f"model.metrics: a model of {spec.kind} is scored here; remove them")
    if spec.kind == "keras":
        from bakeoff.trainables.keras import brought_keras

        return brought_keras(what, CLASSIFICATION, folder=folder, inputs=spec.inputs)
    from bakeoff.trainables.sklearn import brought_estimator

    raw = None if spec.columns is None else spec.columns == "raw"
    return brought_estimator(what, CLASSIFICATION, folder=folder, inputs=spec.inputs, raw=raw)


def model_table(model: Any, objects: dict[str, Any]) -> Any:
    """What ``Study(model=…)`` takes as a study file would have it: ``"dense"`` or a table.

    Args:
        model: that, an estimator, its class, or a function; in a table an object may stand where a
            study file has a reference.
        objects: takes reference → object for what was given as an object.

    Raises:
        UsageError: it is none of these.
    """
    from bakeoff.trainables.sklearn_space import is_estimator

    if isinstance(model, str):
        return model
    if isinstance(model, Mapping):
        table = dict(model)
    elif is_estimator(model) or (inspect.isclass(model) and hasattr(model, "get_params")):
        table = {"sklearn": model}
    elif callable(model):
        table = {"function": model}
    else:
        raise UsageError(
            "model: an estimator, a function or a table as in a study file is needed, but got "
            f"a value of type {type(model).__name__}"
        )
    for kind in ("sklearn", "keras", "function"):
        value = table.get(kind)
        if value is not None and not isinstance(value, str):
            named = getattr(value, "__qualname__", None) or " ".join(repr(value).split())
            names = (named if n == 1 else f"{named} ({n})" for n in itertools.count(1))
            table[kind] = next(one for one in names if objects.get(one, value) is value)
            objects[table[kind]] = value
    return table


def as_values(values: Sequence[Any] | Mapping[str, Any]) -> Any:
    """A range as a table, values as a list."""
    return as_said(dict(values) if isinstance(values, Mapping) else list(values))


def as_said(value: Any) -> Any:
    """Settings as a study file has them: None by its word."""
    if isinstance(value, dict):
        return {key: as_said(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_said(one) for one in value]
    return NONE if value is None else value


def split_frame(frame: Any, target: str | None) -> Any:
    """A data frame as features and labels."""
    names = [str(name) for name in frame.columns]
    name = find_target(names, target, "data")
    if names.count(name) > 1:
        raise DataError(f"data: column names must differ, but {name!r} occurs twice; rename one")
    label = frame.columns[names.index(name)]
    return frame.drop(columns=label), frame[label]


def reads_data_itself(model: Any) -> bool:
    """Whether a study of this model needs no data; a function is asked for its parameters later."""
    if not isinstance(model, dict):
        return False
    return "command" in model or ("function" in model and bool(model.get("metrics")))


def name_of_data(data: DataLike) -> str:
    """What a study of it is called."""
    if isinstance(data, Dataset):
        return data.name
    if isinstance(data, tuple):
        return "arrays"
    path = Path(data)
    return path.stem if path.suffix else str(data)


def data_value(data: DataLike) -> str:
    """How a study file would name it."""
    if isinstance(data, Dataset):
        return data.name
    return "arrays" if isinstance(data, tuple) else str(data)

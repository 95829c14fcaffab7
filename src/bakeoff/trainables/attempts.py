"""One run of brought code: seeded, timed, its raise a failed run, its outputs checked and scored."""

from __future__ import annotations

import importlib.abc
import importlib.util
import math
import random
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.trainables.base import Outcome, Request

if TYPE_CHECKING:
    from bakeoff.tasks.base import Task

ROWS_SUM_TOLERANCE = 1e-3
"""How far from 1 the sum of a row may be that still counts as probabilities (float16 in mind)."""


class RunError(Exception):
    """Brought code did something that makes its run a failed one; the message is the reason."""


def attempt(request: Request, body: Callable[[], Outcome]) -> Outcome:
    """The outcome of ``body``, or of what it raises; seeded before, timed."""
    seed_everything(request.seed)
    started = time.perf_counter()
    try:
        outcome = body()
    except RunError as error:
        outcome = Outcome(request.key, stopped="raised", reason=str(error))
    except BaseException as error:  # SystemExit too: it ends the run, not the worker
        reason, text = failure_of(error)
        outcome = Outcome(request.key, stopped="raised", reason=reason, notes={"traceback": text})
    return replace(outcome, seconds=time.perf_counter() - started)


def failure_of(error: BaseException) -> tuple[str, str]:
    """What a raise says in one line, and its traceback."""
    text = "".join(traceback.format_exception(error))
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})", text
    if isinstance(error, MemoryError):
        return f"ran out of memory: {error}" if str(error) else "ran out of memory", text
    name = type(error).__name__
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    # Behind the line with its name a message may go on, and notes may follow.
    return next((one for one in lines if name in one.partition(":")[0]), lines[-1]), text


def finished(request: Request, metrics: Mapping[str, float], **more: Any) -> Outcome:
    """The outcome of a run that came to its end; diverged, with no metric, if one is not finite."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            return Outcome(request.key, stopped="diverged", reason=f"{name} is {value}", **more)
    return Outcome(request.key, {name: float(one) for name, one in metrics.items()}, **more)


def cancelled(request: Request, **more: Any) -> Outcome:
    """The outcome of a run that was asked to end and did."""
    return Outcome(request.key, stopped="cancelled", reason="ended with the study", **more)


def measured(told: Mapping[Any, Any], task: Task | None = None) -> dict[str, float]:
    """Metrics that a program told, by their full names: ``loss`` and ``val_loss`` are one.

    Args:
        told: name → number of any library.
        task: whose metrics must be among them; of a task that can score itself, one is enough.

    Raises:
        RunError: a value that is no number, or a metric that is missing.
    """
    metrics: dict[str, float] = {}
    for name, value in told.items():
        try:
            metrics[full_name(str(name))] = float(as_array(value))
        except (RunError, TypeError):
            raise RunError(
                f"gave {name} as a value of type {type(value).__name__}, where a number is needed"
            ) from None
    if task is not None:
        metrics = {name: float(fractions(name, one)) for name, one in metrics.items()}
        missing = [one.name for one in task.metrics if full_name(one.name) not in metrics]
        if task.kind != "declared" and len(missing) < len(task.metrics):
            missing = []
        if missing:
            found = ", ".join(map(str, told)) or "nothing"
            raise RunError(f"gave no {' and no '.join(missing)}, but {found}")
    return metrics


def failed_for_another_metric(reason: str | None, task: Task) -> bool:
    """Whether a run failed because it gave no metric that a study by another name for it wanted."""
    found = re.match(r"gave no (.+?), but ", reason or "")
    names = {one.name for one in task.metrics}
    return found is not None and not names.issuperset(found[1].split(" and no "))


def fractions(name: str, values: Any) -> NDArray[np.float64]:
    """Values of a metric; those of a share that were told in per cent become fractions.

    Args:
        name: of the metric, with or without its part.
        values: one, or a curve; of a curve the largest says how it was told.
    """
    array = np.asarray(values, np.float64)
    largest = np.nanmax(array, initial=0.0)
    return array / 100.0 if is_share(name) and 1.0 < largest <= 100.0 else array


def is_share(name: str) -> bool:
    """Whether a metric of that name, with or without its part, lies between 0 and 1."""
    from bakeoff.tasks.classification import CLASSIFICATION

    bare = name.removeprefix("val_").removeprefix("train_")
    return any(one.share and one.name == bare for one in CLASSIFICATION.metrics)


OF_PROBABILITIES = ("roc_auc", "average_precision", "brier")
"""Metrics that a task has only where they decide, and that need more than the names of classes."""


def full_name(name: str) -> str:
    """A metric with its part: ``val_`` unless it is of the training part."""
    return name if name.startswith(("val_", "train_")) else f"val_{name}"


def probabilities(outputs: Any, num_rows: int, num_classes: int) -> tuple[NDArray[Any], bool]:
    """What a model predicts, as probabilities; in a regression (0 classes) the values, shape (n,).

    Args:
        outputs: arrays of any library: probabilities or scores before the softmax, shape (n,
            num_classes); with two classes also the probability of the second, shape (n,) or
            (n, 1); or classes 0 … num_classes - 1, shape (n,).
        num_rows: n.
        num_classes: of the data.

    Returns:
        float64, shape (n, num_classes), rows summing to 1; and whether the model itself gave
        probabilities or scores, so that a loss of them means something.

    Raises:
        RunError: another shape, numbers that are not finite, classes that do not exist.
    """
    values = as_array(outputs)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if not num_classes:
        if values.shape != (num_rows,):
            raise RunError(f"predicts shape {values.shape}, where ({num_rows},) values are needed")
        if not np.isfinite(values).all():
            raise RunError("predicts numbers that are not finite")
        return values, True
    if values.shape not in ((num_rows,), (num_rows, num_classes)):
        raise RunError(
            f"predicts shape {values.shape} for {num_rows} examples of {num_classes} classes, "
            f"where ({num_rows}, {num_classes}) or ({num_rows},) is needed"
        )
    if not np.isfinite(values).all():
        raise RunError("predicts numbers that are not finite")
    if values.ndim == 2:
        low, sums = values.min(initial=0.0), values.sum(axis=1)
        if low >= 0.0 and np.abs(sums - 1.0).max(initial=0.0) <= ROWS_SUM_TOLERANCE:
            return values / sums[:, None], True
        from bakeoff.tasks.classification import softmax

        return softmax(values), True
    classes = values.astype(np.int64)
    if (classes == values).all():
        if num_rows and not 0 <= classes.min() <= classes.max() < num_classes:
            raise RunError(
                f"predicts classes from {classes.min()} to {classes.max()}, "
                f"but they are 0 to {num_classes - 1}"
            )
        return np.eye(num_classes)[classes], False
    if num_classes == 2 and 0.0 <= values.min() <= values.max() <= 1.0:
        return np.stack([1.0 - values, values], axis=1), True
    raise RunError(f"predicts one number per example, but there are {num_classes} classes")


def as_array(outputs: Any) -> NDArray[np.float64]:
    """Numbers of any library (NumPy, PyTorch, JAX, TensorFlow, pandas) as float64.

    Raises:
        RunError: they are no numbers, or rows of different lengths.
    """
    if hasattr(outputs, "detach"):  # a tensor of PyTorch, perhaps on a GPU, perhaps with gradients
        outputs = outputs.detach().cpu()
    try:
        return np.asarray(outputs, np.float64)
    except (TypeError, ValueError):
        raise RunError(f"predicts {type(outputs).__name__}, which is no array of numbers") from None


def scores(
    task: Task, outputs: Any, labels: NDArray[Any], num_classes: int, *, part: str = "val"
) -> dict[str, float]:
    """Metrics of what a model predicts; without a loss where it only names classes.

    Raises:
        RunError: see ``probabilities``; it only names classes, and what decides asks for more.
    """
    given, soft = probabilities(outputs, len(labels), num_classes)
    asked = [one.name for one in task.metrics if one.name in OF_PROBABILITIES]
    if asked and not soft:
        raise RunError(
            f"only names classes, of which {asked[0]} cannot be told; give probabilities"
        )
    assert task.score is not None  # noqa: S101  (a declared task has no outputs)
    found = task.score(given, labels)
    return {f"{part}_{name}": value for name, value in found.items() if soft or name != "loss"}


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy, PyTorch and Keras; the latter two also if they are imported only later."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (brought code may use the global state)
    for name, how in _SEEDERS.items():
        if name in sys.modules:
            how(sys.modules[name], seed)
    _SeedOnImport.install(seed)


def _seed_torch(torch: Any, seed: int) -> None:
    if hasattr(torch, "manual_seed"):  # not while it is still being imported
        torch.manual_seed(seed)


def _seed_keras(keras: Any, seed: int) -> None:
    if hasattr(keras, "utils"):
        keras.utils.set_random_seed(seed % 2**32)


def _seed_tensorflow(tensorflow: Any, seed: int) -> None:
    if hasattr(tensorflow, "random"):
        tensorflow.random.set_seed(seed)


_SEEDERS: dict[str, Callable[[Any, int], None]] = {
    "torch": _seed_torch,
    "tensorflow": _seed_tensorflow,
    "keras": _seed_keras,
}


class _SeedOnImport(importlib.abc.MetaPathFinder):
    """Seeds a library right after a run imports it: a function may do so in its first run only."""

    current: _SeedOnImport | None = None

    def __init__(self) -> None:
        self.seed = 0
        self._looking = False

    @classmethod
    def install(cls, seed: int) -> None:
        if cls.current is None:
            cls.current = cls()
            sys.meta_path.insert(0, cls.current)
        cls.current.seed = seed

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _SEEDERS or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_seed(module: ModuleType) -> None:
                execute(module)
                _SEEDERS[name](module, self.seed)

            spec.loader.exec_module = execute_and_seed  # type: ignore[method-assign]
        return spec

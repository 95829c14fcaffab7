"""A program of any language as a trainable: its placeholders are its settings, it prints metrics.

``python train.py --lr {learning_rate} --seed {seed}`` is split into words once; each placeholder
is filled in within its word, so that no value can become a second word or a command of a shell.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bakeoff.data.study_data import StudyData
from bakeoff.errors import UsageError
from bakeoff.spec.messages import unknown_name
from bakeoff.tasks.base import Task
from bakeoff.trainables.attempts import (
    RunError,
    cancelled,
    finished,
    fractions,
    full_name,
    measured,
)
from bakeoff.trainables.base import Model, Outcome, Request, Watch
from bakeoff.trainables.brought import Brought
from bakeoff.trainables.parameters import REQUIRED, make_space, type_of
from bakeoff.trainables.printed import Printed
from bakeoff.trainables.programs import MAX_OUTPUT_BYTES, run_program
from bakeoff.trainables.sources import hash_of, name_of, read_inputs

GIVEN = ("seed", "fold", "folds", "replicate")
"""Placeholders that are no settings: what a run is given."""


def brought_command(
    command: str,
    task: Task,
    *,
    folder: Path | None = None,
    inputs: Sequence[str] = (),
    shell: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Brought:
    """A trainable of a command.

    Args:
        command: with placeholders in braces; ``{{`` and ``}}`` for braces themselves.
        task: what it prints.
        folder: where it runs.
        inputs: files that determine its numbers, beside those that the command names.
        shell: whether a shell reads it; values are quoted for it.
        settings: placeholder → default, or a table with ``type``, ``default``, ``low``, ``high``
            and ``choices``, as in ``[model.settings]``.

    Raises:
        UsageError: it cannot be split into words, or its program is not there.
    """
    folder = (folder or Path()).absolute()
    words = _words(command)
    placeholders = _placeholders(command)
    declared = dict(settings or {})
    for name in declared:
        if name not in placeholders or name in GIVEN:
            raise UsageError(
                f"model.settings: {name} is no placeholder of the command, "
                f"which has {', '.join(placeholders) or 'none'}"
            )
    if not shell:
        _find_program(words[0], folder)
    named = [word for word in words if (folder / word).is_file()]
    digest = hash_of([command, str(shell), *read_inputs([*named, *inputs], folder)])
    what = Path(named[-1] if named else words[0]).name
    hashed = bool(named or inputs)
    return Brought(
        name=name_of("command", what, digest, {}, hashed=hashed),
        kind="command",
        space=make_space(
            what,
            {
                name: _parameter(name, declared.get(name))
                for name in placeholders
                if name not in GIVEN
            },
        ),
        task=task,
        learner=Command(command, folder, shell),
        reads_data_itself=True,
    )


@dataclass(frozen=True, eq=False)
class Command:
    """Runs a program; see ``Learner``.

    Attributes:
        command: with placeholders.
        folder: where it runs.
        shell: whether a shell reads it.
    """

    command: str
    folder: Path
    shell: bool = False

    def arguments(self, request: Request, num_folds: int) -> list[str] | str:
        """The words of one run; for a shell, one text with every value quoted."""
        values = {
            **{name: as_text(value) for name, value in request.settings.items()},
            # Programs read it as a signed 32-bit number.
            "seed": str(request.seed & 0x7FFFFFFF),
            "fold": str(request.replicate.fold),
            "folds": str(num_folds),
            "replicate": str(request.replicate.index),
        }
        if self.shell:
            return self.command.format_map({name: shlex.quote(one) for name, one in values.items()})
        return [word.format_map(values) for word in _words(self.command)]

    def learn(self, request: Request, data: StudyData, task: Task, watch: Watch) -> Outcome:
        arguments = self.arguments(request, data.num_folds)
        printed = Printed()

        def on_line(text: str) -> None:
            told = printed.line(text)
            if told is not None:
                numbers = {full_name(name): value for name, value in told[1].items()}
                watch.epoch(request, told[0], numbers)

        try:
            ended = run_program(
                arguments,
                folder=self.folder,
                environment={"PYTHONUNBUFFERED": "1", **os.environ},
                on_line=on_line,
                cancelled=lambda: watch.cancelled,
            )
        except OSError as error:
            raise RunError(f"cannot be started: {error.strerror or error}") from None
        names = {full_name(metric.name) for metric in task.metrics}
        curves = {
            full_name(name): fractions(name, values)
            for name, values in printed.curves.items()
            if full_name(name) in names and np.isfinite(values).all()
        }
        shown = arguments if isinstance(arguments, str) else shlex.join(arguments)
        notes = {"command": shown} | ({"stderr": ended.stderr} if ended.stderr else {})
        if ended.why == "cancelled":
            return cancelled(request, curves=curves, notes=notes)
        try:
            if ended.why == "output":
                limit = MAX_OUTPUT_BYTES >> 20
                raise RunError(f"printed more than {limit} MiB; print metrics, and logs elsewhere")
            if ended.code != 0:
                said = (ended.stderr or ended.stdout).splitlines()
                raise RunError(f"{ended}" + (f": {said[-1][:500]}" if said else ""))
            metrics = measured(printed.metrics, task)
        except RunError as error:
            notes |= {"stdout": ended.stdout} if ended.stdout else {}
            return Outcome(
                request.key, curves=curves, notes=notes, stopped="raised", reason=str(error)
            )
        # What nobody declared is kept too, as long as it is a number.
        kept = {n: value for n, value in metrics.items() if n in names or math.isfinite(value)}
        return finished(request, kept, curves=curves, notes=notes)

    def predict(self, model: Model, features: NDArray[Any]) -> NDArray[Any]:
        del model, features
        raise UsageError("a command measures itself, so it predicts nothing here")


def as_text(value: Any) -> str:
    """A setting as a word of a command: lists as JSON writes them, ``true``, ``none``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"model.command: cannot be split into words: {error}") from None
    if not words:
        raise UsageError("model.command: must not be empty")
    return words


def _placeholders(command: str) -> list[str]:
    """Names in braces, each once, in order."""
    try:
        parts = list(string.Formatter().parse(command))
    except ValueError as error:
        raise UsageError(
            f"model.command: {error}; a placeholder is a name in braces, braces themselves are doubled"
        ) from None
    names = []
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise UsageError(
                f"model.command: a placeholder is a name in braces, such as {{seed}}, but got "
                f"{{{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}; "
                "braces themselves are doubled"
            )
        names.append(name)
    return list(dict.fromkeys(names))


def _find_program(name: str, folder: Path) -> None:
    if "{" in name:
        return
    found = shutil.which(name) if os.sep not in name else shutil.which(str(folder / name))
    if found is None:
        there = (folder / name).is_file()
        advice = "make it executable" if there else "give its path, or set `shell = true`"
        raise UsageError(f"model.command: there is no program {name}; {advice}")


_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool}


def _parameter(name: str, declared: Any) -> tuple[Any, Any]:
    """Annotation and default of a placeholder: any plain value unless ``[model.settings]`` says."""
    if not isinstance(declared, Mapping):
        return (type_of(REQUIRED), REQUIRED) if declared is None else (type_of(declared), declared)
    known = {"type", "default", "low", "high", "choices"}
    for key in declared.keys() - known:
        raise UsageError(f"model.settings.{name}: {unknown_name('key', key, known)}")
    default = declared.get("default", REQUIRED)
    kind = declared.get("type")
    if kind is not None and kind not in _TYPES:
        raise UsageError(
            f"model.settings.{name}.type: must be one of {', '.join(_TYPES)}, but got {kind!r}"
        )
    annotation: Any = _TYPES[kind] if kind else type_of(default)
    if "choices" in declared:
        annotation = Literal[tuple(declared["choices"])]
    if "low" in declared or "high" in declared:
        bounds = Field(ge=declared.get("low"), le=declared.get("high"))
        annotation = Annotated[annotation if kind or default is not REQUIRED else float, bounds]
    return annotation, default

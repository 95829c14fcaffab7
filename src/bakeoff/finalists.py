"""From a search of Optuna's to a study of its best trials: is the best one really better?"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bakeoff import words
from bakeoff.errors import DataError, UsageError, first_line
from bakeoff.execution.search import load_optuna
from bakeoff.spec.parts import DENSE, MODEL_KINDS, NONE

STAGE = "finalists"
_PLACE = re.compile(r"[0-9]{1,3}\]")


def open_search(storage: str, name: str | None = None) -> Any:
    """The Optuna study in a storage.

    Args:
        storage: path of an SQLite file or of a journal file, or a URL as Optuna takes it.
        name: of the study; left out where there is only one.

    Raises:
        UsageError: Optuna is not installed, or which study is meant is not clear.
        DataError: the storage cannot be read.
    """
    optuna = load_optuna("finalists")
    try:
        where = _storage(storage)
        names = optuna.get_all_study_names(where)
    except DataError:
        raise
    except Exception as error:  # whatever its database drivers raise
        raise DataError(
            f"{storage}: is no storage of Optuna's ({first_line(error.__cause__ or error)})"
        ) from error
    if not names:
        raise DataError(f"{storage}: holds no study of Optuna's; check the path")
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        raise UsageError(
            f"--study: must name a study of {storage}, which holds "
            + words.listing(sorted(map(repr, names)))
            + ("" if name is None else f", but is {name!r}")
        )
    try:
        return optuna.load_study(study_name=name, storage=where)
    except Exception as error:
        raise DataError(
            f"{storage}: study {name!r} cannot be read ({first_line(error.__cause__ or error)})"
        ) from error


def _storage(text: str) -> Any:
    """Of a path or a URL; a file is only read, as one that is none of Optuna's is somebody's."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy import URL

    path = text
    if text.startswith("sqlite:///"):
        path = text.removeprefix("sqlite:///").partition("?")[0]
    elif "://" in text:
        return text
    if not Path(path).is_file():
        raise DataError(f"{text}: is no file; give the storage of the search")
    with Path(path).open("rb") as file:
        if file.read(15) != b"SQLite format 3":
            return JournalStorage(JournalFileBackend(path))
    url = URL.create("sqlite", database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"})
    return RDBStorage(url.render_as_string(), skip_table_creation=True)


def best_trials(search: Any, top: int, rename: Mapping[str, str] | None = None) -> list[Any]:
    """The best finished trials with different settings, the best first.

    Raises:
        DataError: there are fewer than two, or the search has several objectives.
    """
    try:
        directions = search.directions
        finished = [
            one
            for one in search.trials
            if one.state.name == "COMPLETE" and one.values and not math.isnan(one.values[0])
        ]
    except Exception as error:  # read when they are asked for: whatever the drivers raise
        raise DataError(
            f"study {search.study_name!r} cannot be read ({first_line(error.__cause__ or error)})"
        ) from error
    if len(directions) != 1:
        raise DataError(
            f"study {search.study_name!r} has {len(directions)} objectives; a verdict is about "
            "one: make a study of the trials that you would choose from"
        )
    sign = -1.0 if directions[0].name == "MAXIMIZE" else 1.0
    finished.sort(key=lambda one: (sign * one.values[0], one.number))
    found: list[Any] = []
    seen: list[dict[str, Any]] = []
    for one in finished:
        settings = _settings(one.params, rename or {})
        if settings not in seen:
            seen.append(settings)
            found.append(one)
    if len(found) < 2:
        raise DataError(
            f"study {search.study_name!r} has {words.plural(len(found), 'finished trial')} with "
            "different parameters; at least 2 are needed"
        )
    return found[:top]


def candidates_of(
    search: Any, top: int, rename: Mapping[str, str] | None = None
) -> tuple[str, list[dict[str, Any]]]:
    """A question and the best trials as candidates of a stage.

    Args:
        search: an ``optuna.Study``.
        top: how many trials.
        rename: parameter of the search → setting of the model, where they differ: ``hidden[0]`` is
            the first element of a list, and what becomes an empty name is left out.

    Raises:
        UsageError: ``top`` is below 2, or an element of a list is no place in one.
        DataError: see ``best_trials``.
    """
    if top < 2:
        raise UsageError(f"top: `top >= 2` must hold, but got {top}")
    trials = best_trials(search, top, rename)
    found = [
        {"label": f"trial {one.number}", **_settings(one.params, rename or {})} for one in trials
    ]
    shown = ", ".join(f"{one.number} ({words.number(one.values[0])})" for one in trials)
    return f"Which of the best trials is really better? In the search: {shown}.", found


def _settings(params: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of a trial as settings."""
    made: dict[str, Any] = {}
    elements: dict[str, dict[int, Any]] = {}
    for key, value in params.items():
        name = names.get(key, key)
        name, bracket, place = name.partition("[")
        if not name:
            continue
        if bracket:
            if not _PLACE.fullmatch(place):
                raise UsageError(
                    f"rename: {key!r} must become a setting, such as hidden, or an element of one, "
                    f"such as hidden[0], but is {names.get(key, key)!r}"
                )
            elements.setdefault(name, {})[int(place[:-1])] = value
        else:
            made[name] = NONE if value is None else value  # as study files spell it
    # A trial of fewer layers has no parameter of the others.
    return made | {name: [one[i] for i in sorted(one)] for name, one in elements.items()}


def name_of(search: Any) -> str:
    """Of a study of its trials."""
    return words.visible(search.study_name)[:60].strip() or "search"


def model_from(text: str) -> Any:
    """What ``--model`` says: ``dense``, ``sklearn=NAME``, or a table as a study file has it.

    Raises:
        UsageError: it is none of these.
    """
    if text == DENSE:
        return text
    kind, found, reference = text.partition("=")
    if found and kind.strip() in MODEL_KINDS:
        return {kind.strip(): reference.strip()}
    try:
        return tomllib.loads(f"model = {text}")["model"]
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"--model: must be dense, KIND=REFERENCE or a table such as "
            f'{{function = "train.py:train", metrics = {{loss = "min"}}}}, but is {text!r} ({error})'
        ) from error

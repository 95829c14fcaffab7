"""From the trainings of a notebook to a study file: settings, stages, choices and printed numbers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakeoff import words
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import UsageError
from bakeoff.notebook.cells import Scores, printed_scores, read_cells
from bakeoff.notebook.following import follow
from bakeoff.notebook.networks import read_network
from bakeoff.notebook.values import Data, Training

MOST_MODELS = 1_000
MOST_SAID = 4  # of what was left, where nothing was understood
DEFAULT_FOLDS = 12
LOOKS = [5]

_ALWAYS_TOLD = frozenset({"hidden", "activation", "optimizer", "learning_rate", "epochs", "scale"})
_NAMED = re.compile(r"^(?:model|network|net|clf|nn)[_ ]?(?=\w)", re.I)


@dataclass(frozen=True)
class Found:
    """One training as a candidate.

    Attributes:
        settings: of the dense network, all of them.
        label: what it is called.
        training: where it came from.
        scores: what it printed on the test part; None where nothing was.
    """

    settings: dict[str, Any]
    label: str
    training: Training
    scores: Scores | None


@dataclass(frozen=True)
class Imported:
    """What became of a notebook.

    Attributes:
        document: the study, as a study file has it.
        understood: a line for each model.
        left: a line for everything that was not understood, or has no place in a study.
    """

    document: dict[str, Any]
    understood: tuple[str, ...]
    left: tuple[str, ...]


def import_notebook(path: str | Path) -> Imported:
    """Reads a notebook or a script, without running it, as a replication.

    Args:
        path: of an ``.ipynb`` or ``.py`` file.

    Raises:
        UsageError: it cannot be read, or trains no network of dense layers that can be followed.
    """
    path = Path(path)
    cells, left = read_cells(path)
    follower = follow(cells)
    left += follower.left
    found: list[Found] = []
    scores = {cell.number: printed_scores(cell.printed) for cell in cells}
    for number, count in follower.num_evaluations.items():
        # Two numbers without names may be a loss and an accuracy, or the accuracies of two models.
        if len(scores[number]) != count and not all(one.named for one in scores[number]):
            left.append(f"cell {number}: what its printed numbers are is not known")
            scores[number] = []
    for training in follower.trainings[:MOST_MODELS]:
        reading = read_network(training)
        where = training.cell.place(training.line)
        left += [f"{where}: {training.name or 'model'}: {one}" for one in reading.left]
        if reading.is_dense:
            found.append(Found(reading.settings, "", training, _scores_of(training, scores)))
    if not found:
        detail = f" ({'; '.join(left[-MOST_SAID:])})" if left else ""
        raise UsageError(
            f"{path}: trains no Keras network of dense layers that reading can follow{detail}"
        )
    given = {key for one in found for key in one.settings}
    found = _completed(_labelled(found))
    sources = {one.training.x.source for one in found if isinstance(one.training.x, Data)} - {""}
    if len(sources) > 1:
        left.append(f"its models are trained on several datasets: {words.listing(sorted(sources))}")
    document = _document(path, found, given, next(iter(sorted(sources)), None), left)
    return Imported(
        document,
        tuple(words.visible(_told(one)) for one in found),
        tuple(dict.fromkeys(map(words.visible, left))),
    )


def _scores_of(training: Training, printed: dict[int, list[Scores]]) -> Scores | None:
    if training.evaluated is None:
        return None
    cell, number = training.evaluated
    known = printed.get(cell.number, [])
    return known[number] if number < len(known) else None


def _told(one: Found) -> str:
    told = DENSE_SPACE.complete(one.settings).effective()
    shown = ", ".join(
        f"{key.replace('_', ' ')} {words.setting(value)}"
        for key, value in told.items()
        if key in _ALWAYS_TOLD or value != DENSE_SPACE.defaults[key]
    )
    printed = "nothing printed of it is known"
    if one.scores is not None:
        printed = f"printed test accuracy {one.scores.accuracy:.4f}"
        if one.scores.loss is not None:
            printed += f", loss {one.scores.loss:.4f}"
    where = one.training.cell.place(one.training.line)
    return f"{where}: {one.label}: {shown}; {printed}"


def _labelled(found: Sequence[Found]) -> list[Found]:
    """Each with a label of its own: what its variable says, or the loop around it."""
    taken: dict[str, int] = {}
    made = []
    for one in found:
        training = one.training
        loops = ", ".join(
            words.setting(value) for value in training.names.values() if _is_short(value)
        )
        label = loops or _NAMED.sub("", training.name) or training.name or "model"
        label = words.visible(label)[:40]
        taken[label] = taken.get(label, 0) + 1
        if taken[label] > 1:
            label = f"{label} ({taken[label]})"
        made.append(replace(one, label=label))
    return made


def _is_short(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) < 10 and all(isinstance(one, int) for one in value)
    return isinstance(value, (int, float, str)) and len(str(value)) <= 30


def _completed(found: Sequence[Found]) -> list[Found]:
    """All settings of each; one without effect is as the others have it, so that no two differ in it."""
    full = [DENSE_SPACE.complete(one.settings) for one in found]
    fixed = {}
    for key in DENSE_SPACE.names:
        known = [one[key] for one in full if key not in one.inert]
        if known and all(value == known[0] for value in known):
            fixed[key] = known[0]
    made = []
    for one, settings in zip(found, full, strict=True):
        values: dict[str, Any] = {
            **settings.plain(),
            **{key: fixed[key] for key in settings.inert if key in fixed},
        }
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        made.append(replace(one, settings=values))
    return made


def _groups(found: Sequence[Found]) -> Iterator[list[Found]]:
    """Which models answer one question: those of one cell or loop, or neighbours that differ in the
    same settings.
    """
    cells = [
        list(group) for _, group in itertools.groupby(found, lambda one: id(one.training.cell))
    ]
    if len(cells) == 1:
        cells = [[one] for one in cells[0]] if not any(f.training.names for f in found) else cells
    current: list[Found] = []
    varied: frozenset[str] = frozenset()
    for group in cells:
        if len(group) > 1:
            if current:
                yield current
            yield group
            current = []
            continue
        if current:
            differs = _differing([current[-1], group[0]])
            if differs and (len(current) == 1 or differs <= varied):
                varied = differs if len(current) == 1 else varied
                current.append(group[0])
                continue
            yield current
        current = list(group)
    if current:
        yield current


def _differing(group: Sequence[Found]) -> frozenset[str]:
    values = [one.settings for one in group]
    return frozenset(key for key in values[0] if any(one[key] != values[0][key] for one in values))


def _document(
    path: Path, found: Sequence[Found], given: set[str], source: str | None, left: list[str]
) -> dict[str, Any]:
    groups = list(_groups(found))
    base = found[0].settings
    keys = given | {"hidden", "scale", "epochs"} | _differing(found)
    current = {key: base[key] for key in base if key in keys}
    first = dict(current)
    stages, names = [], dict[str, int]()
    for number, group in enumerate(groups):
        varied = [key for key in current if any(one.settings[key] != current[key] for one in group)]
        again = not varied
        varied = varied or ["learning_rate"]
        stage_name = "again" if again else " and ".join(map(_spoken, varied[:2]))
        names[stage_name] = names.get(stage_name, 0) + 1
        if names[stage_name] > 1:
            stage_name = f"{stage_name} {names[stage_name]}"
        went_on = _chosen(group, varied, groups[number + 1 :])
        if went_on is None:
            went_on = max(group, key=_accuracy)
            if len(group) > 1:
                left.append(
                    f"stage {stage_name}: nothing after it says which of {len(group)} models went "
                    f"on; {went_on.label} is taken"
                )
        chosen = {key: went_on.settings[key] for key in varied}
        stages.append(
            {
                "name": stage_name,
                "question": "How much does the same model differ when it is trained again?"
                if again
                else f"Which {words.listing(list(map(_spoken, varied)))}?",
                "carry": chosen,
                "candidate": [_candidate(one, varied) for one in group],
            }
        )
        current.update(chosen)
    share = _validation_share(found)
    return {
        "format": 1,
        "name": re.sub(r"[^A-Za-z0-9 _.-]", "", path.stem)[:60].strip() or "notebook",
        "kind": "replication",
        "question": "Do the choices of this notebook hold when each model is trained more than once?",
        "data": _data(source, left),
        "split": "last" if share else "folds",
        "folds": round(1.0 / share) if share else DEFAULT_FOLDS,
        "looks": LOOKS,
        "base": first,
        "stage": stages,
    }


def _validation_share(found: Sequence[Found]) -> float | None:
    """What ``fit`` was told to set aside, by the first that was told."""
    for one in found:
        share = one.training.fit.get(None, "validation_split")
        if isinstance(share, (int, float)) and 0.0 < share <= 0.5:
            return float(share)
    return None


def _data(source: str | None, left: list[str]) -> Any:
    if source is None:
        left.append("its data: `data` says mnist, change it")
        return "mnist"
    return {"path": source} if Path(source).suffix else source


def _accuracy(one: Found) -> float:
    return -1.0 if one.scores is None else one.scores.accuracy


def _spoken(key: str) -> str:
    return "hidden layers" if key == "hidden" else key.replace("_", " ")


def _chosen(
    group: Sequence[Found], varied: Sequence[str], later: Sequence[Sequence[Found]]
) -> Found | None:
    """The candidate that what came next was built on: the later models say it."""
    for one in group if later else ():
        if all(after.settings[key] == one.settings[key] for after in later[0] for key in varied):
            return one
    return None


def _candidate(one: Found, varied: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"label": one.label, **{key: one.settings[key] for key in varied}}
    if one.scores is not None:
        made["published"] = {"test_accuracy": round(one.scores.accuracy, 6)}
        if one.scores.loss is not None:
            made["published"]["test_loss"] = round(one.scores.loss, 6)
    return made

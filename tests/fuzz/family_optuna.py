"""Searches of Optuna's that were damaged, or whose names are hostile, become studies or are refused."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.finalists import STAGE, candidates_of, name_of, open_search
from bakeoff.spec import from_dict
from bakeoff.spec.document import study_to_toml
from tests.fuzz import family
from tests.fuzz.family_store import _damaged_database
from tests.fuzz.mutations import damaged, hostile_text


def _search(storage: Any, names: list[str], values: list[Any], study: str) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = optuna.create_study(storage=storage, study_name=study)
    kinds = {
        names[0]: optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        names[1]: optuna.distributions.CategoricalDistribution(values),
        names[2]: optuna.distributions.IntDistribution(1, 64),
    }
    for number in range(6):
        params = {names[0]: 0.01 + 0.01 * number, names[1]: values[number % len(values)]}
        params[names[2]] = 1 + number
        trial = optuna.trial.create_trial(
            params=params, distributions=kinds, value=float(number % 4)
        )
        search.add_trial(trial)


@functools.cache
def _golden() -> tuple[bytes, bytes]:
    """A search as an SQLite file and as a journal."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    names = ["learning_rate", "activation", "batch_size"]
    with tempfile.TemporaryDirectory(prefix="bakeoff-fuzz-") as folder:
        database, journal = Path(folder) / "a.db", Path(folder) / "a.log"
        _search(f"sqlite:///{database}", names, ["relu", "tanh"], "s")
        _search(JournalStorage(JournalFileBackend(str(journal))), names, ["relu", "tanh"], "s")
        return database.read_bytes(), journal.read_bytes()


@family("optuna", prepare=_golden)
def searches(rng: np.random.Generator, folder: Path) -> None:
    database, journal = _golden()
    path = folder / "search"
    match int(rng.integers(0, 3)):
        case 0:
            path.write_bytes(_damaged_database(rng, database))
        case 1:
            path.write_bytes(damaged(rng, journal))
        case _:
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalFileBackend

            names = [f"{number}{hostile_text(rng)}" for number in range(3)]
            values: list[Any] = [hostile_text(rng), None, 1e300, True]
            study = hostile_text(rng).encode("utf-8", "replace").decode() or "s"
            _search(JournalStorage(JournalFileBackend(str(path))), names, values, study)
    search = open_search(str(path))
    question, candidates = candidates_of(search, 3)
    stage = {"name": STAGE, "question": question, "candidate": candidates}
    document = {"format": 1, "data": "digits", "name": name_of(search), "stage": [stage]}
    assert study_to_toml(from_dict(document, source="search")), "no study"

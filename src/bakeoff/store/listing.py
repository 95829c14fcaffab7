"""The studies of a store at a glance."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bakeoff.errors import StoreError, StoreVersionError, UsageError
from bakeoff.records import DataSummary
from bakeoff.store import studies
from bakeoff.store.codec import from_json

if TYPE_CHECKING:
    from bakeoff.store.sqlite import Store

_SHOWN = (
    *("name", "kind", "state", "metric", "engine", "data_hash"),
    *("started_at", "finished_at"),
)


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study of the store at a glance.

    Attributes:
        id: what ``load_result`` takes besides the name.
        name, kind, metric, engine, started_at: as in ``StudyResult``.
        state: finished or unfinished.
        data_name, data_hash: of the dataset.
        num_stages: stages with a verdict.
        num_runs: runs it asked for, whoever trained them.
        num_finished, num_failed: of those.
        finished_at: ISO 8601, UTC; None while unfinished.
        tags: what it was tagged with, ascending.
    """

    id: int
    name: str
    kind: str
    state: Literal["finished", "unfinished"]
    metric: str
    engine: str
    data_name: str
    data_hash: str
    num_stages: int
    num_runs: int
    num_finished: int
    num_failed: int
    started_at: str
    finished_at: str | None
    tags: tuple[str, ...] = ()


def rows(connection: sqlite3.Connection) -> list[StudyRow]:
    """All studies at a glance that are not damaged, oldest first."""
    found = connection.execute(
        """
        WITH linked AS (SELECT DISTINCT study_id, run_id FROM study_run),
        counts AS (
            SELECT study_id, count(*) AS runs, sum(state = 'finished') AS finished,
                   sum(state = 'failed') AS failed
            FROM linked JOIN run ON run.id = run_id GROUP BY study_id
        )
        SELECT id, (SELECT count(*) FROM stage WHERE study_id = study.id),
               coalesce(runs, 0), coalesce(finished, 0), coalesce(failed, 0)
        FROM study LEFT JOIN counts ON counts.study_id = study.id ORDER BY id
        """
    ).fetchall()
    made = []
    for number, num_stages, num_runs, num_finished, num_failed in found:
        try:
            study = studies.sound_row(connection, number, whole=False)
            data = from_json(study["data"], DataSummary)
        except StoreVersionError:
            raise
        except StoreError:
            continue  # `load_result` and `check` name it
        made.append(
            StudyRow(
                id=number,
                data_name=data.name,
                num_stages=num_stages,
                num_runs=num_runs,
                num_finished=num_finished,
                num_failed=num_failed,
                tags=studies.tags(connection, number),
                **{name: study[name] for name in _SHOWN},
            )
        )
    return made


def latest(store: Store) -> int:
    """The number of the latest study.

    Raises:
        UsageError: there is none.
    """
    found = store.studies()
    if not found:
        raise UsageError(f"{store.path}: holds no study yet; `bakeoff run` makes one")
    return max(row.id for row in found)


def damaged(connection: sqlite3.Connection) -> list[str]:
    """A sentence for each study that ``rows`` leaves out."""
    sentences = []
    for (number,) in connection.execute("SELECT id FROM study ORDER BY id").fetchall():
        try:
            studies.sound_row(connection, number, whole=False)
        except StoreVersionError:
            raise
        except StoreError as error:
            sentences.append(str(error))
    return sentences

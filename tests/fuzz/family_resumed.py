"""Damaged stores that the same command goes on with: what is damaged is trained again, nothing else is other."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np

from bakeoff.records import StudyResult
from bakeoff.study import Study
from tests.fuzz import family
from tests.fuzz.family_store import _damaged_database


@functools.cache
def _finished() -> tuple[bytes, StudyResult, Study]:
    """A store with one finished study: its bytes, the result and the study."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(160, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int32)
    base = {"epochs": 2, "learning_rate": 0.1}
    study = Study((x, y), name="small", looks=[3], folds=4, final_replicates=2, base=base)
    study.stage("width", hidden=[[4], [8]])
    study.stage("momentum", momentum=[0.0, 0.5], tune={"l2": [0.0, 0.1]})
    with tempfile.TemporaryDirectory(prefix="bakeoff-fuzz-") as folder:
        path = Path(folder) / "a.sqlite"
        result = study.run(store=path, workers=1)
        return path.read_bytes(), result.record, study


@family("resumed", prepare=_finished)
def resumed(rng: np.random.Generator, folder: Path) -> None:
    content, wanted, study = _finished()
    path = folder / "a.sqlite"
    path.write_bytes(_damaged_database(rng, content))
    found = study.run(store=path, workers=1).record
    for one, other in zip(found.stages, wanted.stages, strict=True):
        assert one.verdict.reason == other.verdict.reason, "it says something else"
        for run, true in zip(sum(one.runs, ()), sum(other.runs, ()), strict=True):
            assert run.key == true.key, "other runs"
            assert dict(run.metrics) == dict(true.metrics), f"run {run.key} has other numbers"
    assert found.final is not None and wanted.final is not None
    for name, values in wanted.final.model.items():
        assert np.array_equal(found.final.model[name], values), "it delivers another model"

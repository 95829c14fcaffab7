"""How long a dense network trains: a short training on made-up examples, timed.

Counted operations alone say little: how many of them a core does a second depends on the widths, on
the batch, on how many features are zero and on the machine.
"""

from __future__ import annotations

import time

import numpy as np

from bakeoff.dense.base import Engine, Scaling, Watch
from bakeoff.dense.jobs import new_job
from bakeoff.dense.settings import DenseSettings
from bakeoff.records import DataSummary

MOST_ROWS = 2_048
MOST_OPERATIONS = 2e9
"""Of one timed training: a few hundredths of a second."""

MOST_SECONDS = 1.5
"""For all networks of a study together; those beyond are told from the counted operations."""

SPARSE = 0.3
"""Share of zeros from which bytes are made up, of which the kernels leave the zeros out."""

_WITHOUT_EFFECT = {
    "learning_rate",
    "epochs",
    "patience",
    "schedule",
    "decay_rate",
    "warmup_epochs",
}


class Stopwatch:
    """Times networks for one engine; each kind once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[object, ...], float] = {}
        self._spent = 0.0
        self._operations = 0.0

    def seconds(self, settings: DenseSettings, data: DataSummary) -> float | None:
        """Of a whole run, on one core; None of a network that has no room in memory."""
        shape = (data.num_inputs or data.num_features, max(1, data.num_classes))
        per_row = settings.operations_per_epoch(*shape, 1)
        key = (
            *((k, v) for k, v in settings.model_dump().items() if k not in _WITHOUT_EFFECT),
            *(*shape, data.num_train),
        )
        if key not in self._known and self._spent < MOST_SECONDS:
            rows = max(1, min(data.num_train, MOST_ROWS, int(MOST_OPERATIONS / per_row)))
            try:
                taken = self._timed(settings, data, shape, rows)
            except MemoryError:
                return None
            self._spent += taken
            self._operations += per_row * rows
            self._known[key] = taken / rows
        rate = self._known.get(key, per_row * self._spent / max(1.0, self._operations))
        return rate * data.num_train * settings.epochs

    def _timed(
        self, settings: DenseSettings, data: DataSummary, shape: tuple[int, int], rows: int
    ) -> float:
        """Seconds of one epoch of so many examples, the second of two: the first warms up."""
        generator = np.random.default_rng(0)
        num_val = min(rows, max(1, rows * data.num_validation // max(1, data.num_train)))
        size = (rows + num_val, shape[0])
        sparse = data.zero_share > SPARSE
        features: np.ndarray = generator.random(size, np.float32)
        if sparse:
            features = (features > data.zero_share).astype(np.uint8)
        one = DenseSettings.model_construct(**{**dict(settings), "epochs": 1, "warmup_epochs": 0.0})
        job = new_job(
            one,
            features,
            generator.integers(0, shape[1], size[0]).astype(np.int32),
            np.arange(rows, dtype=np.int32),
            np.arange(rows, size[0], dtype=np.int32),
            shape[1],
            scaling=_scaling(one, shape[0]),
            study_seed=0,
            replicate=0,
            order=lambda _: np.arange(rows, dtype=np.int32),
        )
        for _ in range(2):
            started = time.perf_counter()
            self._engine.train(job, Watch())
            taken = time.perf_counter() - started
            if taken > 0.1:
                break
        return taken


def _scaling(settings: DenseSettings, num_features: int) -> Scaling:
    """A standardised zero is none, so nothing can be left out."""
    shift = 0.5 if settings.scale == "standard" else 0.0
    size = num_features if settings.scale == "standard" else 1
    return Scaling(np.full(size, shift, np.float32), np.ones(size, np.float32))

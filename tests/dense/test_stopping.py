"""Early stopping: who watches, when it ends, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bakeoff.data.splits import set_aside
from bakeoff.dense.base import Watch
from bakeoff.dense.jobs import new_job
from bakeoff.dense.reference import ReferenceEngine
from bakeoff.dense.scaling import fit_scaling
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.dense.stopping import EarlyStop, loss_of
from bakeoff.dense.trainable import get_engine
from bakeoff.errors import DataError

ENGINES = ("reference", "native")


def test_the_best_epoch_is_kept_and_patience_ends_it() -> None:
    early = EarlyStop(patience=2)
    ended = [early.ends(loss, epoch) for epoch, loss in enumerate([3.0, 2.0, 2.0, 2.5, 1.0], 1)]
    assert ended == [False, False, False, True, False]
    early = EarlyStop(patience=2)
    for epoch, loss in enumerate([3.0, 2.0, 2.0], 1):
        early.ends(loss, epoch)
    assert (early.best, early.num_epochs) == (2, 2)


def test_a_loss_that_is_no_number_is_never_the_best_but_the_first() -> None:
    early = EarlyStop(patience=3)
    assert not early.ends(float("nan"), "first")
    assert not early.ends(1.0, "second")
    assert not early.ends(float("nan"), "third")
    assert early.best == "second"


@pytest.mark.parametrize("kind", ["classes", "values", "groups", "time"])
def test_a_tenth_watches_and_every_row_is_used_once(kind: str) -> None:
    draw = np.random.default_rng(3)
    labels = (
        draw.integers(0, 3, 500).astype(np.int32) if kind != "values" else draw.normal(size=500)
    )
    groups = np.repeat(np.arange(50), 10).astype(np.int32) if kind == "groups" else None
    rows = np.sort(draw.permutation(500)[:300]).astype(np.int32)
    for replicate in range(5):
        kept, watching = set_aside(
            rows,
            labels,
            study_seed=1,
            replicate=replicate,
            groups=groups,
            in_order=kind == "time",
        )
        assert np.array_equal(np.sort(np.concatenate([kept, watching])), rows)
        assert 20 <= len(watching) <= 40
        if groups is not None:
            assert not set(groups[kept]) & set(groups[watching])
        if kind == "time":
            assert kept.max() < watching.min()


def test_too_few_examples_are_told() -> None:
    with pytest.raises(DataError, match="patience: 1 training examples are too few"):
        set_aside(np.arange(1, dtype=np.int32), np.zeros(1, np.int32), study_seed=0, replicate=0)


def _job(regression: bool, **settings: Any) -> Any:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(260, 5)).astype(np.float32)
    signal = x[:, 0] + 0.5 * draw.normal(size=260)
    labels = (signal > 0).astype(np.int32)
    made = DenseSettings(
        hidden=(64, 64), optimizer="adam", learning_rate=0.02, epochs=60, batch_size=16, **settings
    )
    kept, watching = set_aside(np.arange(200, dtype=np.int32), labels, study_seed=5, replicate=0)
    return new_job(
        made,
        x,
        np.zeros_like(labels) if regression else labels,
        kept,
        np.arange(200, 260, dtype=np.int32),
        1 if regression else 2,
        scaling=fit_scaling(x, kept, "none"),
        study_seed=5,
        replicate=0,
        order=lambda epoch: np.random.default_rng(epoch).permutation(len(kept)).astype(np.int32),
        targets=signal.astype(np.float32) if regression else None,
        watching_rows=watching if made.patience else None,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("regression", [False, True])
def test_what_is_kept_is_what_fewer_epochs_give(engine: str, regression: bool) -> None:
    job = _job(regression, patience=4)
    trainer = ReferenceEngine() if engine == "reference" else get_engine("native")
    run = trainer.train(job, Watch())
    epochs = run.history.num_epochs
    assert run.stopped is None
    assert 1 <= epochs < 50
    # The oracle: a training that is told that number of epochs, and every loss on the way.
    short = _job(regression, patience=4)
    object.__setattr__(short, "watching_rows", None)
    object.__setattr__(short, "settings", short.settings.model_copy(update={"epochs": epochs}))
    plain = trainer.train(short, Watch())
    for ours, theirs in zip(run.layers, plain.layers, strict=True):
        np.testing.assert_array_equal(ours.kernel, theirs.kernel)
        np.testing.assert_array_equal(ours.bias, theirs.bias)
    np.testing.assert_array_equal(run.history.val_loss, plain.history.val_loss)
    np.testing.assert_array_equal(run.val_predictions, plain.val_predictions)
    assert run.health == plain.health
    losses = []
    for count in range(1, epochs + 5):
        object.__setattr__(short, "settings", short.settings.model_copy(update={"epochs": count}))
        layers = trainer.train(short, Watch()).layers
        outputs = trainer.logits(
            short.settings, layers, short.scaling, short.features, job.watching_rows
        )
        losses.append(loss_of(outputs, job.watching_rows, job.labels, job.targets))
    assert int(np.argmin(losses)) + 1 == epochs


def test_engines_agree_on_the_epoch() -> None:
    job = _job(False, patience=4)
    assert (
        ReferenceEngine().train(job, Watch()).history.num_epochs
        == get_engine("native").train(job, Watch()).history.num_epochs
    )


def test_runs_made_before_it_was_there_keep_their_keys() -> None:
    assert "patience" not in DENSE_SPACE.complete({"hidden": [8]}).effective()
    assert "patience" in DENSE_SPACE.complete({"patience": 3}).effective()

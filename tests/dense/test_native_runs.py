"""How native runs behave among threads, cancellations, bad arrays and environments."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from native_samples import flat, relative_difference, run_settings, sample_job

from bakeoff import _native
from bakeoff.dense import native
from bakeoff.dense.base import Job, Watch
from bakeoff.dense.native import NativeEngine, available_instruction_sets, fma_peak
from bakeoff.dense.reference import ReferenceEngine
from bakeoff.errors import EngineError

SETS = available_instruction_sets()
ENGINE = NativeEngine()


# --- instruction sets ----------------------------------------------------------------------------


def in_subprocess(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("instruction_set", SETS)
def test_the_environment_chooses_the_instruction_set(instruction_set: str) -> None:
    """BAKEOFF_ISA decides which kernels run, and training leaves no trace in the float mode."""
    folder = str(Path(__file__).parent)
    code = f"""
import sys
sys.path.insert(0, {folder!r})
from native_samples import run_settings, sample_job
import bakeoff._native
assert sys.float_info.min / 2 != 0.0
from bakeoff.dense.base import Watch
from bakeoff.dense.trainable import get_engine
engine = get_engine()
run = engine.train(sample_job(run_settings(optimizer="adam")), Watch())
assert run.stopped is None
assert sys.float_info.min / 2 != 0.0
print(engine.name)
"""
    done = in_subprocess(code, BAKEOFF_ISA=instruction_set)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"native/2/{instruction_set}"


def test_the_best_instruction_set_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAKEOFF_ISA", raising=False)
    assert NativeEngine().instruction_set == SETS[-1]
    monkeypatch.setenv("BAKEOFF_ISA", "")
    assert NativeEngine().instruction_set == SETS[-1]


def test_an_unknown_instruction_set_names_the_allowed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match=f"instruction_set: .*'mmx'.*{SETS[0]}"):
        NativeEngine("mmx")
    monkeypatch.setenv("BAKEOFF_ISA", "mmx")
    with pytest.raises(EngineError, match=f"BAKEOFF_ISA: .*'mmx'.*{SETS[0]}"):
        NativeEngine()


@pytest.mark.parametrize("instruction_set", SETS)
def test_the_peak_is_measured_per_instruction_set(instruction_set: str) -> None:
    assert fma_peak(0.001, instruction_set) > 0.1


# --- threads and cancellation --------------------------------------------------------------------


def test_bits_do_not_depend_on_other_threads() -> None:
    """Six runs side by side give the bytes that one run alone gives."""
    job = sample_job(run_settings(dropout=0.2, optimizer="adam", epochs=5))
    alone = flat(ENGINE.train(job, Watch()).layers).tobytes()
    with ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda _: ENGINE.train(job, Watch()), range(6)))
    assert {flat(run.layers).tobytes() for run in runs} == {alone}


def long_job(started: threading.Event, **changes: Any) -> Job:
    """An epoch of minutes; the event is set when it is about to begin."""
    job = sample_job(run_settings(hidden=(2048, 2048), epochs=1, **changes), num_train=200_000)

    def order(epoch: int) -> np.ndarray:
        started.set()
        return job.order(epoch)

    return dataclasses.replace(job, order=order)


@pytest.mark.parametrize("batch_size", [32, 200_000])
def test_cancelling_stops_within_a_huge_epoch(batch_size: int) -> None:
    """Also within one huge step; the unfinished epoch is not in the history."""
    started, watch = threading.Event(), Watch()
    job = long_job(started, batch_size=batch_size)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(ENGINE.train, job, watch)
        started.wait()
        watch.cancel()
        run = future.result(timeout=30)
    assert run.stopped == "cancelled"
    assert run.history.num_epochs == 0
    assert run.val_predictions.shape == (0,)


def test_cancelling_between_epochs_keeps_the_finished_ones() -> None:
    watch = Watch()
    watch.on_epoch = lambda epoch, *_: watch.cancel() if epoch == 1 else None
    run = ENGINE.train(sample_job(run_settings(epochs=9)), watch)
    assert run.stopped == "cancelled"
    assert run.history.num_epochs == 2


def native_run(job: Job) -> Any:
    return ENGINE._start(job)


def test_a_run_used_from_two_threads_raises() -> None:
    """The second thread gets an error instead of a race; the first goes on."""
    started, cancel = threading.Event(), np.zeros(1, np.int32)
    job = long_job(started)
    run = native_run(job)
    with ThreadPoolExecutor(1) as pool:
        order, rates = job.order(0), job.learning_rates(0)
        future = pool.submit(run.epoch, order, rates, cancel, False)
        raised = False
        while not raised and not future.done():
            try:
                run.health()
            except RuntimeError as error:
                assert "one thread" in str(error)
                raised = True
        cancel[0] = 1
        assert future.result(timeout=30)[0] == 2
    assert raised
    assert run.health() == []


# --- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_rows": np.array([0, 190], np.int32)}, "0 <= row < num_examples"),
        ({"val_rows": np.array([-1], np.int32)}, "0 <= row < num_examples"),
        ({"train_rows": np.zeros(0, np.int32)}, "must not be empty"),
        ({"labels": np.full(190, 5, np.int32)}, "0 <= label < num_classes"),
        ({"labels": np.zeros(7, np.int32)}, "one value per example"),
        ({"order": lambda _: np.full(150, 150, np.int32)}, "0 <= order < num_train"),
        ({"order": lambda _: np.zeros(3, np.int32)}, "one entry per training row"),
        ({"learning_rates": lambda _: np.zeros(3)}, "one learning rate per step"),
        ({"features": np.zeros((190, 36), np.uint8)}, "kernel must have shape"),
        ({"features": np.zeros((190, 37))}, "must be a matrix of uint8 or float32"),
        ({"layers": ()}, "at least the output layer"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(
    change: dict[str, Any], message: str
) -> None:
    """No array reaches the kernels unchecked: each mistake is one line, not a crash."""
    job = dataclasses.replace(sample_job(run_settings()), **change)
    with pytest.raises(EngineError, match=message) as caught:
        ENGINE.train(job, Watch())
    assert "\n" not in str(caught.value)


def test_lit_features_need_a_scaling_that_keeps_zeros() -> None:
    """The native module itself refuses the sparse path where it would not be exact."""
    job = sample_job(run_settings())
    with pytest.raises(ValueError, match="needs a `shift` of zero"):
        _native.logits(
            instruction_set=SETS[0],
            features=job.features,
            sparse=True,
            rows=job.val_rows,
            shift=np.ones(1, np.float32),
            factor=job.scaling.factor,
            layers=[(layer.kernel, layer.bias) for layer in job.layers],
            activation=0,
            negative_slope=0.0,
        )


def test_strided_and_writable_arrays_train_the_same() -> None:
    """Layout and flags of the arrays do not matter."""
    job = sample_job(run_settings())
    strided = np.repeat(job.features, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    expected = flat(ENGINE.train(job, Watch()).layers)
    for features in (strided, job.features.copy()):
        run = ENGINE.train(dataclasses.replace(job, features=features), Watch())
        np.testing.assert_array_equal(flat(run.layers), expected)


def test_a_matrix_changed_in_place_is_seen() -> None:
    """What is remembered about a writable matrix is checked before it is used again."""
    job = sample_job(run_settings())
    job = dataclasses.replace(job, features=job.features.copy())
    before = ENGINE.train(job, Watch())
    nonzero = np.argwhere(job.features[job.train_rows[0]])[0]
    job.features[job.train_rows[0], nonzero] ^= 0xFF
    after = ENGINE.train(job, Watch())
    assert not np.array_equal(flat(before.layers), flat(after.layers))
    assert relative_difference(after.layers, ReferenceEngine().train(job, Watch()).layers) < 1e-4


def test_the_memory_of_a_matrix_goes_with_it() -> None:
    """Nothing is kept of a data matrix once nobody else keeps it."""
    gc.collect()
    before = len(native.density_cache)
    job = sample_job(run_settings(epochs=1))
    ENGINE.train(job, Watch())
    assert len(native.density_cache) == before + 1
    del job
    gc.collect()
    assert len(native.density_cache) == before


def test_dense_data_takes_the_dense_path() -> None:
    """The measured density decides, not the data type."""
    assert _native.density(sample_job(run_settings(), "full bytes").features) == 1.0
    assert _native.density(sample_job(run_settings(), "sparse floats").features) < 0.3
    assert not native._is_sparse(sample_job(run_settings(), "full bytes").features)
    assert native._is_sparse(sample_job(run_settings(), "sparse floats").features)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_density_and_checksum_see_every_entry(dtype: type) -> None:
    for width in (1, 63, 64, 65, 1000):
        x = np.zeros((9, width), dtype)
        seen = {_native.checksum(x)}
        assert _native.density(x) == 0.0
        for place in range(0, x.size, max(1, x.size // 50)):
            x.flat[place] = 1
            assert _native.density(x) == pytest.approx(np.count_nonzero(x) / x.size)
            seen.add(_native.checksum(x))
        assert len(seen) == 1 + len(range(0, x.size, max(1, x.size // 50)))


@pytest.mark.slow
def test_ten_thousand_tiny_runs_leave_memory_flat() -> None:
    """Growth below 5 MiB after the first 500, in a process of its own."""
    folder = str(Path(__file__).parent)
    code = f"""
import sys
sys.path.insert(0, {folder!r})
from native_samples import run_settings, sample_job
from bakeoff.dense.base import Watch
from bakeoff.dense.native import NativeEngine

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

engine = NativeEngine()
jobs = [sample_job(run_settings(epochs=1, optimizer=o), k, num_train=40, num_validation=8)
        for o in ("sgd", "adam") for k in ("sparse bytes", "full floats")]
for number in range(10_000):
    engine.train(jobs[number % 4], Watch())
    if number == 500:
        early = resident()
print(resident() - early)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    done = in_subprocess(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 5 * 2**20


def test_arrays_that_begin_between_two_numbers_are_copied_and_below_the_engine_refused() -> None:
    job = sample_job(run_settings(), kind="full floats")
    raw = np.frombuffer(b"\0" + job.features.tobytes(), np.uint8)[1:]
    features = raw.view(np.float32).reshape(job.features.shape)
    assert not features.flags.aligned
    run = ENGINE.train(dataclasses.replace(job, features=features), Watch())
    np.testing.assert_array_equal(flat(run.layers), flat(ENGINE.train(job, Watch()).layers))
    with pytest.raises(ValueError, match="aligned"):
        _native.density(features)

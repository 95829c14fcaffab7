"""Learning rates per step, against the formulas written out step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.dense.base import steps_per_epoch
from bakeoff.dense.jobs import learning_rates
from bakeoff.dense.settings import SCHEDULES, DenseSettings


def whole_run(num_train: int, **values: Any) -> np.ndarray:
    settings = DenseSettings(**values)
    rates = learning_rates(settings, num_train)
    return np.concatenate([rates(epoch) for epoch in range(settings.epochs)])


def test_the_last_smaller_batch_is_a_step() -> None:
    assert [steps_per_epoch(n, 8) for n in (1, 8, 9, 16, 17)] == [1, 1, 2, 2, 3]
    assert len(learning_rates(DenseSettings(batch_size=32), 55_000)(0)) == 1719


def test_constant_stays() -> None:
    np.testing.assert_array_equal(whole_run(20, batch_size=8, learning_rate=0.3, epochs=2), 0.3)


def test_cosine_goes_from_the_peak_to_almost_zero_over_the_run() -> None:
    rates = whole_run(40, batch_size=10, epochs=5, schedule="cosine", learning_rate=2.0)
    expected = [1.0 + math.cos(math.pi * step / 20) for step in range(20)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_exponential_would_reach_the_decay_rate_one_step_after_the_run() -> None:
    rates = whole_run(
        40, batch_size=10, epochs=5, schedule="exponential", decay_rate=0.25, learning_rate=2.0
    )
    np.testing.assert_allclose(rates, [2.0 * 0.25 ** (step / 20) for step in range(20)], rtol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_is_linear_from_zero_and_the_schedule_starts_after_it(schedule: str) -> None:
    rates = whole_run(
        40, batch_size=10, epochs=5, schedule=schedule, warmup_epochs=1.5, learning_rate=0.6
    )
    np.testing.assert_allclose(rates[:6], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-15)
    assert rates[6] == 0.6
    if schedule == "cosine":
        assert rates[13] == pytest.approx(0.3)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_warm_up_as_long_as_the_run_leaves_no_decay(schedule: str) -> None:
    rates = whole_run(
        8, batch_size=2, epochs=2, schedule=schedule, warmup_epochs=2.0, learning_rate=0.8
    )
    np.testing.assert_allclose(rates, np.arange(8) / 10, atol=1e-15)


@given(
    num_train=st.integers(1, 500),
    batch_size=st.integers(1, 600),
    epochs=st.integers(1, 6),
    schedule=st.sampled_from(SCHEDULES),
    share=st.floats(0.0, 1.0),
)
def test_rates_are_finite_between_zero_and_the_peak(
    num_train: int, batch_size: int, epochs: int, schedule: str, share: float
) -> None:
    rates = whole_run(
        num_train,
        batch_size=batch_size,
        epochs=epochs,
        schedule=schedule,
        warmup_epochs=share * epochs,
        learning_rate=0.5,
    )
    assert len(rates) == epochs * steps_per_epoch(num_train, batch_size)
    assert np.isfinite(rates).all()
    assert (rates >= 0.0).all()
    assert (rates <= 0.5).all()

"""Power by the noncentral t, held against simulation and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from bakeoff.evidence.intervals import paired_comparison
from bakeoff.evidence.power import (
    detectable_difference,
    note,
    power,
    prior_sd,
    replicates_needed,
)

PARTS = {"num_train": 55_000, "num_validation": 5_000}


@pytest.mark.parametrize("size", [3, 8, 30])
@pytest.mark.parametrize("effect", [0.2, 0.9, 2.0])
def test_without_the_correction_it_is_the_power_of_the_paired_t_test(
    size: int, effect: float
) -> None:
    ours = power(effect, 1.0, size, num_train=10**15, num_validation=1, alpha=0.0125)
    theirs = TTestPower().power(effect, size, 0.0125, alternative="larger")
    two_sided_level = TTestPower().power(effect, size, 0.0125 / 2, alternative="larger")
    assert ours == pytest.approx(two_sided_level, abs=1e-9)
    assert ours < theirs


def test_it_is_what_simulation_finds_at_the_correlation_the_correction_assumes() -> None:
    rng = np.random.default_rng(5)
    rho, size, count = 1 / 12, 8, 40_000
    noise = math.sqrt(1 - rho) * rng.standard_normal((count, size))
    noise += math.sqrt(rho) * rng.standard_normal((count, 1))
    difference = 1.0 + noise
    se = difference.std(axis=1, ddof=1) * math.sqrt(1 / size + rho / (1 - rho))
    found = np.mean(difference.mean(axis=1) / se > 3.4994832973504937)  # t(.995, 7)
    sd = math.sqrt(1 - rho)
    ours = power(1.0, sd, size, num_train=55_000, num_validation=5_000, alpha=0.01)
    assert ours == pytest.approx(found, abs=0.01)


def test_power_rises_with_replicates_and_with_the_difference() -> None:
    by_size = [power(0.01, 0.01, size, alpha=0.0125, **PARTS) for size in (2, 3, 5, 8, 12, 50)]
    assert by_size == sorted(by_size)
    by_gap = [power(gap, 0.01, 8, alpha=0.0125, **PARTS) for gap in (0.0, 0.01, 0.02, 0.1, 10.0)]
    assert by_gap == sorted(by_gap)
    assert by_gap[0] == pytest.approx(0.0125 / 2, abs=1e-9)
    assert by_gap[-1] == 1.0


def test_one_replicate_finds_nothing() -> None:
    assert power(1.0, 0.01, 1, alpha=0.05, **PARTS) == 0.0
    assert detectable_difference(1, 0.01, alpha=0.05, **PARTS) is None


def test_the_detectable_difference_is_found_with_the_power_promised() -> None:
    gap = detectable_difference(12, 0.003, alpha=0.0125, **PARTS)
    assert power(gap, 0.003, 12, alpha=0.0125, **PARTS) == pytest.approx(0.8, abs=1e-9)
    assert detectable_difference(12, 0.0, alpha=0.0125, **PARTS) == 0.0


def test_the_replicates_needed_are_enough_and_one_fewer_is_not() -> None:
    needed = replicates_needed(0.01, 0.006, alpha=0.0125, **PARTS)
    assert needed is not None
    assert power(0.01, 0.006, needed, alpha=0.0125, **PARTS) >= 0.8
    assert power(0.01, 0.006, needed - 1, alpha=0.0125, **PARTS) < 0.8


def test_for_small_differences_no_number_of_replicates_is_enough() -> None:
    assert replicates_needed(0.001, 0.006, alpha=0.0125, most=100_000, **PARTS) is None
    assert replicates_needed(0.0, 0.006, alpha=0.0125, **PARTS) is None


def test_nothing_known_of_the_data_a_documented_spread_is_assumed() -> None:
    assert prior_sd(5_000) == pytest.approx(math.sqrt(2 * 0.0015**2 + 0.05 / 5_000))
    assert detectable_difference(12, **PARTS) == pytest.approx(
        detectable_difference(12, prior_sd(5_000), alpha=0.0125, **PARTS)
    )


def spoken(a: list[float], b: list[float]) -> str:
    pair = paired_comparison(
        np.array(a), np.array(b), first=0, second=1, level=0.9875, err_floor=False, **PARTS
    )
    return note(pair, metric="accuracy", alpha=0.0125, **PARTS)


def test_the_note_says_what_more_replicates_would_do() -> None:
    base = [0.95, 0.95, 0.95]
    assert "would be needed for the 2.00 points seen here" in spoken([0.96, 0.97, 0.98], base)
    assert "only more data would" in spoken([0.951, 0.94, 0.96], base)
    assert "a few more replicates" in spoken([0.968, 0.97, 0.972], base)
    assert "3 are the fewest" in spoken([0.96], [0.95])
    assert "no spread" in spoken(base, base)

"""Error of the vectorised functions, measured against float64 over the ranges that matter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from bakeoff import _native
from bakeoff.dense.native import available_instruction_sets

Function = Callable[[np.ndarray], np.ndarray]

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

EXACT: dict[str, Function] = {
    "exp": np.exp,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * special.ndtr(x),
    "silu": lambda x: x * special.expit(x),
    "softplus": lambda x: np.logaddexp(0, x),
}
# Derivatives that cross zero cannot be relatively exact there; they are of the order of 1.
EXACT_SLOPES: dict[str, Function] = {
    "gelu_slope": lambda x: special.ndtr(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    "silu_slope": lambda x: special.expit(x) * (1 + x * special.expit(-x)),
}
SMALLEST_NORMAL = np.finfo(np.float32).tiny


def arguments(low: float, high: float) -> np.ndarray:
    """Even steps, steps in the exponent towards zero, and the neighbours of both ends."""
    powers = np.logspace(-37, math.log10(max(abs(low), abs(high))), 60_000)
    x = np.concatenate([np.linspace(low, high, 200_001), powers, -powers]).astype(np.float32)
    return x[(x >= low) & (x <= high)]


def measured(instruction_set: str, name: str, x: np.ndarray) -> np.ndarray:
    return np.asarray(_native.evaluate(instruction_set, name, x)).astype(np.float64)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_functions_stay_within_the_stated_error(instruction_set: str, name: str) -> None:
    """2e-7 relative or 4 units in the last place wherever the result is a normal number."""
    x = arguments(-87.0, 88.7) if name in ("exp", "softplus") else arguments(-86.0, 86.0)
    exact = EXACT[name](x.astype(np.float64))
    result = measured(instruction_set, name, x)
    normal = np.abs(exact) >= 4 * SMALLEST_NORMAL
    assert normal.mean() > 0.5
    allowed = np.maximum(2e-7 * np.abs(exact), 4 * np.spacing(np.abs(exact).astype(np.float32)))
    excess = (np.abs(result - exact) / allowed)[normal]
    assert excess.max() <= 1.0, (
        f"{excess.max():.2f} of what is allowed at {x[normal][excess.argmax()]}"
    )
    # Below that, flushing to zero may take everything, but nothing larger appears.
    assert np.abs(result - exact)[~normal].max(initial=0.0) <= 4 * SMALLEST_NORMAL


@pytest.mark.parametrize("name", EXACT_SLOPES)
@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_slopes_are_exact_to_rounding(instruction_set: str, name: str) -> None:
    x = arguments(-86.0, 86.0)
    exact = EXACT_SLOPES[name](x.astype(np.float64))
    assert np.abs(measured(instruction_set, name, x) - exact).max() < 5e-7


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_logarithm_of_a_sum_of_exponentials(instruction_set: str) -> None:
    x = np.concatenate([np.linspace(1, 3, 100_001), np.logspace(0, 38, 100_001)]).astype(np.float32)
    exact = np.log(x.astype(np.float64))
    error = np.abs(measured(instruction_set, "log", x) - exact)
    assert (error <= np.maximum(2e-7 * exact, 4 * np.spacing(exact.astype(np.float32)))).all()


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_ends_of_the_range(instruction_set: str) -> None:
    """Overflow gives infinity, underflow zero, saturation its limit, and NaN stays NaN."""
    ends = np.array([-np.inf, -1e30, -200.0, 200.0, 1e30, np.inf], np.float32)
    with np.errstate(all="ignore"):
        for name, low, high in [
            ("exp", 0.0, np.inf),
            ("sigmoid", 0.0, 1.0),
            ("tanh", -1.0, 1.0),
            ("elu", -1.0, None),
            ("softplus", 0.0, None),
        ]:
            result = measured(instruction_set, name, ends)
            np.testing.assert_array_equal(result[:3], low, err_msg=name)
            np.testing.assert_array_equal(result[3:], ends[3:] if high is None else high)
    for name in ("exp", "sigmoid", "tanh", "gelu", "silu", "softplus", "elu", "selu"):
        assert np.isnan(measured(instruction_set, name, np.array([np.nan], np.float32))).all(), name


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown function"):
        _native.evaluate(available_instruction_sets()[0], "sine", np.zeros(1, np.float32))

# ruff: noqa: T201
"""Prints the polynomial coefficients of vector_math.h; run it again only to change a degree.

Each fit is a Chebyshev interpolation in float64 of a smooth function on the reduced range, which is
within a small factor of the minimax error; the residual is printed beside the coefficients.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy import special


def fit(name: str, function: object, low: float, high: float, degree: int) -> None:
    """Prints one polynomial, lowest power first, and how far it is off."""
    series = Chebyshev.interpolate(function, degree, domain=[low, high])
    coefficients = series.convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1]).coef
    x = np.linspace(low, high, 20_001)
    residual = np.abs(Polynomial(coefficients.astype(np.float32))(x) - function(x)).max()
    print(f"{name}, degree {degree} on [{low:g}, {high:g}], largest residual {residual:.2g}")
    print("  " + ", ".join(f"{np.float32(c):.9g}f" for c in coefficients))


def expm1_tail(r: np.ndarray) -> np.ndarray:
    """(e^r - 1 - r) / r², by its series near zero where the quotient cancels."""
    r = np.asarray(r, np.float64)
    total, term = np.zeros_like(r), np.full_like(r, 0.5)
    for k in range(3, 25):
        total, term = total + term, term * r / k
    return total


def atanh_tail(t: np.ndarray) -> np.ndarray:
    """(atanh(s)/s - 1) / s² as a function of t = s²."""
    t = np.asarray(t, np.float64)
    return sum(t**k / (2 * k + 3) for k in range(60))


def tanh_tail(t: np.ndarray) -> np.ndarray:
    """(tanh(x)/x - 1) / x² as a function of t = x²."""
    x = np.sqrt(np.maximum(np.asarray(t, np.float64), 1e-8))
    return np.where(x < 0.02, -1 / 3 + 2 * x**2 / 15, (np.tanh(x) / x - 1) / x**2)


def normal_tail(u: np.ndarray) -> np.ndarray:
    """(1 + t) · Φ(-t) · e^(t²/2) as a function of u = (t - 3) / (t + 3)."""
    t = 3 * (1 + np.asarray(u, np.float64)) / (1 - np.asarray(u, np.float64))
    return (1 + t) * 0.5 * special.erfcx(t / np.sqrt(2))


if __name__ == "__main__":
    fit("expm1_tail", expm1_tail, -0.347, 0.347, 5)
    fit("atanh_tail", atanh_tail, 0.0, 1 / 9, 5)
    fit("tanh_tail", tanh_tail, 0.0, 0.4, 5)
    fit("normal_tail", normal_tail, -1.0, 0.7, 10)

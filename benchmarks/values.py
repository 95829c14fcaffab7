"""Regressions beside scikit-learn's own network: ``python -m benchmarks.values [--repeats 12]``.

``BakeoffRegressor`` and ``MLPRegressor`` with the same widths, optimizer, learning rate, batch size and
number of epochs, on the same splits of the diabetes table and of a generated surface (Friedman's first
function with noise); inputs and target standardised for both. Differences are paired over splits.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bakeoff

TUNED = {
    "diabetes": {"hidden": (16,), "learning_rate": 0.003, "epochs": 60, "batch_size": 32},
    "surface": {"hidden": (64, 64), "learning_rate": 0.003, "epochs": 60, "batch_size": 32},
}


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "diabetes":
        return load_diabetes(return_X_y=True)
    return make_friedman1(4_000, n_features=10, noise=1.0, random_state=0)


def ours(hidden, learning_rate, epochs, batch_size, seed):
    return bakeoff.BakeoffRegressor(
        scale="standard",
        hidden=hidden,
        optimizer="adam",
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        random_state=seed,
    )


def theirs(hidden, learning_rate, epochs, batch_size, seed):
    network = MLPRegressor(
        hidden_layer_sizes=hidden,
        solver="adam",
        alpha=0.0,
        learning_rate_init=learning_rate,
        max_iter=epochs,
        batch_size=batch_size,
        tol=0.0,
        n_iter_no_change=epochs,
        random_state=seed,
    )
    whole = make_pipeline(StandardScaler(), network)
    return TransformedTargetRegressor(whole, transformer=StandardScaler())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=12)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name, settings in TUNED.items():
        x, y = data(name)
        errors, seconds = np.zeros((2, repeats)), np.zeros((2, repeats))
        splits = ShuffleSplit(repeats, test_size=0.2, random_state=0).split(x)
        for number, (train, test) in enumerate(splits):
            for which, make in enumerate((ours, theirs)):
                model = make(**settings, seed=number)
                began = time.perf_counter()
                model.fit(x[train], y[train])
                seconds[which, number] = time.perf_counter() - began
                errors[which, number] = np.sqrt(np.mean((model.predict(x[test]) - y[test]) ** 2))
        difference = errors[0] - errors[1]
        spread = difference.std(ddof=1) / np.sqrt(repeats)
        ratio = np.median(seconds[1]) / np.median(seconds[0])
        print(
            f"{name}, {len(x):,} × {x.shape[1]}, n = {repeats}: rmse {errors[0].mean():.3f} against "
            f"{errors[1].mean():.3f}, difference {difference.mean():+.3f} ± {spread:.3f} (standard error); "
            f"{1e3 * np.median(seconds[0]):.0f} ms against {1e3 * np.median(seconds[1]):.0f} ms: {ratio:.1f} ×"
        )


if __name__ == "__main__":
    import sklearn

    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, bakeoff {bakeoff.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    main()

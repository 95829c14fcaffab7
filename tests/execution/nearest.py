"""A model in NumPy alone, in a module of its own: a worker that trains it imports nothing else."""

from __future__ import annotations

import numpy as np


def learn(data, *, seed, shrink=0.0):
    """Nearest centroids, moved towards their mean."""
    centres = np.stack([data.x_train[data.y_train == k].mean(axis=0) for k in range(3)])
    centres += shrink * (centres.mean(axis=0) - centres)
    return lambda x: -((x[:, None, :] - centres) ** 2).sum(axis=2)

"""Learning rates of every step of a run; knows nothing of weights and data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.settings import DenseSettings


def steps_per_epoch(num_train: int, batch_size: int) -> int:
    """Batches of one epoch, the last, smaller one included."""
    return -(-num_train // batch_size)


def learning_rates(settings: DenseSettings, num_train: int) -> Callable[[int], NDArray[np.float64]]:
    """The learning rate of every step, by epoch.

    With S steps per epoch, T = ``epochs`` · S steps in all, W = round(``warmup_epochs`` · S)
    steps of warm-up and D = T - W steps after it, step t (0-based over the whole run) has::

        t < W         lr · t / W
        constant      lr
        cosine        lr · ½ · (1 + cos(π · (t - W) / D))
        exponential   lr · decay_rate ^ ((t - W) / D)

    which is, in Keras 3, for W = 0 ``CosineDecay(lr, decay_steps=D)`` and ``ExponentialDecay(lr,
    decay_steps=D, decay_rate=decay_rate)``, and for W > 0 ``CosineDecay(0.0, decay_steps=D,
    warmup_target=lr, warmup_steps=W)``; Keras has no warm-up for the other two, they get the
    same linear one. As in Keras, the first step of a warm-up has learning rate 0. A half is
    rounded to the even neighbour, as Python's ``round`` does.

    Args:
        settings: of the candidate.
        num_train: examples in the training part, at least 1.

    Returns:
        a function from the epoch (0-based) to float64 learning rates, shape (S,).
    """
    per_epoch = steps_per_epoch(num_train, settings.batch_size)
    num_warmup = round(settings.warmup_epochs * per_epoch)
    num_decay = settings.epochs * per_epoch - num_warmup
    peak = settings.learning_rate

    def of_epoch(epoch: int) -> NDArray[np.float64]:
        step = np.arange(epoch * per_epoch, (epoch + 1) * per_epoch, dtype=np.float64)
        # Both denominators are at least 1: where one is 0, no step uses its branch.
        done = np.clip((step - num_warmup) / max(num_decay, 1), 0.0, 1.0)
        if settings.schedule == "cosine":
            after = peak * 0.5 * (1.0 + np.cos(math.pi * done))
        elif settings.schedule == "exponential":
            after = peak * settings.decay_rate**done
        else:
            after = np.full(per_epoch, peak)
        return np.where(step < num_warmup, peak * step / max(num_warmup, 1), after)

    return of_epoch

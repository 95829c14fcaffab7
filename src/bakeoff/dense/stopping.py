"""Early stopping: when the examples that watch have seen enough (``splits.set_aside`` takes them)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

Rows = NDArray[np.int32]


class EarlyStop:
    """Remembers the epoch with the lowest loss; as ``keras.callbacks.EarlyStopping`` with
    ``restore_best_weights=True`` and ``min_delta=0``.

    Args:
        patience: epochs without a lower loss after which training ends.

    Attributes:
        best: what was given with the lowest loss.
        num_epochs: how many epochs had been trained then.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best: Any = None
        self.num_epochs = 0
        self._lowest = np.inf
        self._epochs = 0

    def ends(self, loss: float, state: Any) -> bool:
        """Takes the loss after one more epoch; whether that was the last one."""
        self._epochs += 1
        if self.num_epochs == 0 or loss < self._lowest:
            self.best, self.num_epochs = state, self._epochs
            self._lowest = loss if np.isfinite(loss) else np.inf
        return self._epochs - self.num_epochs >= self.patience


def loss_of(
    outputs: NDArray[Any], rows: Rows, labels: NDArray[np.int32], targets: NDArray[Any] | None
) -> float:
    """Mean cross-entropy in nats, or mean squared error where there are targets.

    Args:
        outputs: before the softmax, shape (len(rows), num_outputs).
        labels, targets: of all examples, as in ``Job``.
    """
    if targets is not None:
        return float(np.square(outputs[:, 0].astype(np.float64) - targets[rows]).mean())
    log_p = log_softmax(outputs.astype(np.float64), axis=1)
    return -float(log_p[np.arange(len(rows)), labels[rows]].mean())

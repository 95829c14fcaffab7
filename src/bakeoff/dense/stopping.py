"""Early stopping: which examples of the training part watch, and when they have seen enough.

They are taken from the training part of a run, so that the validation part judges a choice that it
had no say in, and a refit, which has no validation part, stops by the same rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from bakeoff import streams
from bakeoff.data.splits import hold_out, hold_out_groups, strata
from bakeoff.errors import DataError

WATCHING_SHARE = 0.1

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


def set_aside(
    train_rows: Rows,
    labels: NDArray[Any],
    *,
    study_seed: int,
    replicate: int,
    groups: NDArray[np.int32] | None = None,
    in_order: bool = False,
) -> tuple[Rows, Rows]:
    """A training part without the tenth that watches, and that tenth, int32, ascending.

    It is stratified as the folds are, holds whole groups where there are groups, and is the end of
    the training part where examples follow each other in time. No setting has a part in it.

    Args:
        train_rows: of the run, ascending.
        labels, groups: of all examples.

    Raises:
        DataError: too few examples.
    """
    chosen = labels[train_rows]
    random = streams.generator(study_seed, streams.Stream.STOPPING, replicate)
    kept: NDArray[Any]
    held: NDArray[Any]
    if in_order:
        cut = len(train_rows) - max(1, round(WATCHING_SHARE * len(train_rows)))
        kept, held = np.arange(cut), np.arange(cut, len(train_rows))
    elif groups is not None:
        kept, held = hold_out_groups(_numbered(groups[train_rows]), WATCHING_SHARE, random)
    else:
        kept, held = hold_out(strata(chosen), WATCHING_SHARE, random)
    if not len(kept) or not len(held):
        raise DataError(
            f"patience: {len(train_rows)} training examples are too few to set a tenth aside; "
            "leave patience out"
        )
    return train_rows[kept], train_rows[held]


def _numbered(groups: NDArray[np.int32]) -> NDArray[np.int32]:
    """The groups that are there, as 0, 1, 2 …"""
    return np.unique(groups, return_inverse=True)[1].astype(np.int32)

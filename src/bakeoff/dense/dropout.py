"""Dropout masks from Philox4x32-10, the same on every engine; knows nothing of layers' values.

The masks are a pure function of the run's key and of the place, so that no engine has to agree
with another on the order in which it draws. With the key (k0, k1) from
``bakeoff.streams.dropout_key``::

    counter = (block, layer, step mod 2^32, step div 2^32)
    step    = 0-based training step over the whole run
    layer   = 0-based hidden layer
    element = row in the batch · width + unit;  block = element div 4;  lane = element mod 4
    kept    ⇔ word[lane] ≥ floor(rate · 2^32)

Source of the generator: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
3" (SC 2011).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# The multipliers and the Weyl constants of Philox4x32 (Salmon et al. 2011, table 2 and section 4).
MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
NUM_ROUNDS = 10

_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox4x32(counter: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Philox4x32 with ten rounds.

    Args:
        counter: shape (num_blocks, 4), uint32.
        key: two 32-bit words.

    Returns:
        shape (num_blocks, 4), uint32.
    """
    # Products of two 32-bit words need 64 bits; everything is held in those.
    c0, c1, c2, c3 = (counter[:, word].astype(np.uint64) for word in range(4))
    k0, k1 = key
    for _ in range(NUM_ROUNDS):
        product_0 = c0 * np.uint64(MULTIPLIER_0)
        product_1 = c2 * np.uint64(MULTIPLIER_1)
        c0, c1, c2, c3 = (
            (product_1 >> _32) ^ c1 ^ np.uint64(k0),
            product_1 & _LOW_32,
            (product_0 >> _32) ^ c3 ^ np.uint64(k1),
            product_0 & _LOW_32,
        )
        k0 = (k0 + WEYL_0) & 0xFFFFFFFF
        k1 = (k1 + WEYL_1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def keep_mask(
    key: tuple[int, int], *, step: int, layer: int, num_rows: int, width: int, rate: float
) -> NDArray[np.bool_]:
    """Which outputs of a hidden layer are kept in one training step.

    Kept outputs are to be multiplied by ``1 / (1 - rate)`` (inverted dropout, as
    ``keras.layers.Dropout``).

    Args:
        key: of the run, see ``bakeoff.streams.dropout_key``.
        step: 0-based training step over the whole run.
        layer: 0-based hidden layer.
        num_rows: examples in the batch.
        width: units of the layer.
        rate: share that is dropped, in [0, 1).

    Returns:
        shape (num_rows, width), True where the output is kept.
    """
    num_elements = num_rows * width
    counter = np.empty((-(-num_elements // 4), 4), np.uint32)
    counter[:, 0] = np.arange(len(counter), dtype=np.uint32)
    counter[:, 1] = layer
    counter[:, 2] = step & 0xFFFFFFFF
    counter[:, 3] = step >> 32
    words = philox4x32(counter, key).reshape(-1)[:num_elements]
    threshold = math.floor(rate * 2.0**32)
    return (words >= threshold).reshape(num_rows, width)

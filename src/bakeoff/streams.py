"""Every random number of a study: one independent stream per purpose, replicate and index.

Streams come from ``numpy.random.SeedSequence(study_seed, spawn_key=(stream, replicate, index))``.
No setting of a candidate enters a stream, which is what makes the runs of a replicate paired.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What the numbers are for. The values are part of the format: never renumber them."""

    SPLIT = 0
    INIT = 1
    ORDER = 2
    DROPOUT = 3
    TUNING = 4
    RUN = 5
    STOPPING = 6


def sequence(study_seed: int, stream: Stream, replicate: int, index: int) -> np.random.SeedSequence:
    """The seed sequence of one stream.

    Args:
        study_seed: at least 0.
        stream: what for.
        replicate: index of the replicate (of the partition for ``SPLIT``).
        index: layer for ``INIT``, epoch for ``ORDER``, else 0.
    """
    return np.random.SeedSequence(study_seed, spawn_key=(int(stream), replicate, index))


def generator(
    study_seed: int, stream: Stream, replicate: int, index: int = 0
) -> np.random.Generator:
    """A PCG64 generator at the start of one stream."""
    return np.random.Generator(np.random.PCG64(sequence(study_seed, stream, replicate, index)))


def order(study_seed: int, replicate: int, epoch: int, num_train: int) -> np.ndarray:
    """The order in which one epoch visits the training part.

    Returns:
        a permutation of 0 … num_train - 1, shape (num_train,), int32.
    """
    return (
        generator(study_seed, Stream.ORDER, replicate, epoch)
        .permutation(num_train)
        .astype(np.int32)
    )


def dropout_key(study_seed: int, replicate: int) -> tuple[int, int]:
    """Two 32-bit words: the Philox4x32-10 key of a run's dropout masks."""
    words = sequence(study_seed, Stream.DROPOUT, replicate, 0).generate_state(2, np.uint32)
    return int(words[0]), int(words[1])


def run_seed(study_seed: int, replicate: int) -> int:
    """The one seed, 0 to 2³² − 1, that a model which is brought gets for a replicate."""
    return int(sequence(study_seed, Stream.RUN, replicate, 0).generate_state(1, np.uint32)[0])

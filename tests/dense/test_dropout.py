"""Dropout masks: the published generator, and masks that are a pure function of the place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.dense.network import keep_mask, philox4x32

# Known answers of Random123 (kat_vectors, "philox4x32 10"): counter, key, output.
KNOWN_ANSWERS = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], output: tuple[int, ...]
) -> None:
    words = philox4x32(np.array([counter, counter], np.uint32), key)
    assert words.dtype == np.uint32
    assert words.tolist() == [list(output)] * 2


def test_a_mask_reads_the_words_in_order_of_rows_and_units() -> None:
    step = 2**32 + 5
    mask = keep_mask((11, 22), step=step, layer=3, num_rows=3, width=5, rate=0.25)
    counter = np.array([(block, 3, 5, 1) for block in range(4)], np.uint32)
    words = philox4x32(counter, (11, 22)).ravel()[:15]
    np.testing.assert_array_equal(mask.ravel(), words >= 2**30)
    assert mask.shape == (3, 5)
    assert 0 < mask.sum() < 15


@given(
    num_rows=st.integers(1, 9), fewer=st.integers(1, 9), width=st.integers(1, 9),
    step=st.integers(0, 2**40),
)  # fmt: skip
def test_a_smaller_batch_draws_the_first_rows_of_a_larger_one(
    num_rows: int, fewer: int, width: int, step: int
) -> None:
    fewer = min(fewer, num_rows)
    masks = [
        keep_mask((1, 2), step=step, layer=0, num_rows=rows, width=width, rate=0.5)
        for rows in (num_rows, fewer)
    ]
    np.testing.assert_array_equal(masks[0][:fewer], masks[1])


def test_step_layer_and_key_each_change_the_mask() -> None:
    def mask(key: tuple[int, int] = (1, 2), step: int = 0, layer: int = 0) -> bytes:
        shape = {"num_rows": 32, "width": 32, "rate": 0.5}
        return keep_mask(key, step=step, layer=layer, **shape).tobytes()  # type: ignore[arg-type]

    masks = [mask(), mask(step=1), mask(step=2**32), mask(layer=1), mask((2, 1)), mask((1, 3))]
    assert len(set(masks)) == len(masks)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_the_share_kept_and_the_expectation_are_right(rate: float) -> None:
    mask = keep_mask((5, 6), step=9, layer=1, num_rows=1000, width=400, rate=rate)
    sd = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(mask.mean() - (1 - rate)) <= 5 * sd
    # Inverted dropout leaves the mean of a layer's output as it is.
    assert abs((mask / (1 - rate)).mean() - 1.0) <= 5 * sd / (1 - rate)


def test_rate_zero_keeps_everything() -> None:
    assert keep_mask((0, 0), step=0, layer=0, num_rows=7, width=3, rate=0.0).all()

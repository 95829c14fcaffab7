"""Random streams: one per purpose, replicate and index, and no other influence on them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff import streams
from bakeoff.streams import Stream, dropout_key, generator, order, run_seed, sequence

SEEDS = st.integers(0, 2**63 - 1)
SMALL = st.integers(0, 10_000)
PLACES = st.tuples(SEEDS, st.sampled_from(Stream), SMALL, SMALL)


def test_the_numbers_of_the_streams_are_part_of_the_format() -> None:
    assert {stream.name: stream.value for stream in Stream} == {
        "SPLIT": 0,
        "INIT": 1,
        "ORDER": 2,
        "DROPOUT": 3,
        "TUNING": 4,
        "RUN": 5,
        "STOPPING": 6,
    }


@given(PLACES)
def test_a_stream_is_what_numpy_gives_for_its_spawn_key(
    place: tuple[int, Stream, int, int],
) -> None:
    seed, stream, replicate, index = place
    expected = np.random.SeedSequence(seed, spawn_key=(int(stream), replicate, index))
    found = sequence(seed, stream, replicate, index)
    assert found.generate_state(8).tolist() == expected.generate_state(8).tolist()
    fresh = np.random.Generator(np.random.PCG64(expected))
    assert generator(seed, stream, replicate, index).random(4).tolist() == fresh.random(4).tolist()


@given(PLACES, PLACES)
def test_two_places_share_a_stream_only_if_they_are_one(
    first: tuple[int, Stream, int, int], second: tuple[int, Stream, int, int]
) -> None:
    same = (
        sequence(*first).generate_state(8).tolist() == sequence(*second).generate_state(8).tolist()
    )
    assert same == (first == second)


@given(SEEDS, SMALL, SMALL, st.integers(1, 300))
def test_an_order_visits_every_example_once_and_is_repeatable(
    seed: int, replicate: int, epoch: int, num_train: int
) -> None:
    found = order(seed, replicate, epoch, num_train)
    assert found.dtype == np.int32
    assert sorted(found.tolist()) == list(range(num_train))
    assert found.tolist() == order(seed, replicate, epoch, num_train).tolist()


def test_epochs_and_replicates_are_visited_in_orders_of_their_own() -> None:
    orders = {tuple(order(0, r, e, 50).tolist()) for r in range(5) for e in range(5)}
    assert len(orders) == 25


@given(SEEDS, SMALL)
def test_a_dropout_key_is_two_words_of_32_bits(seed: int, replicate: int) -> None:
    key = dropout_key(seed, replicate)
    assert all(0 <= word < 2**32 for word in key)
    assert key == dropout_key(seed, replicate)
    assert key != dropout_key(seed, replicate + 1)


@given(SEEDS, SMALL)
def test_drawing_touches_no_global_generator(seed: int, replicate: int) -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002
    order(seed, replicate, 0, 10)
    dropout_key(seed, replicate)
    generator(seed, Stream.INIT, replicate).random()
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("function", [sequence, generator, order, dropout_key])
def test_nothing_of_a_candidate_can_enter_a_stream(function: object) -> None:
    """What makes runs paired: seed, purpose, place and size are all a stream can depend on."""
    assert callable(function)
    allowed = {"study_seed", "stream", "replicate", "index", "epoch", "num_train"}
    assert set(inspect.signature(function).parameters) <= allowed
    assert "Settings" not in vars(streams)


@given(SEEDS, SMALL)
def test_the_seed_of_a_brought_model_is_32_bits_and_each_replicates_own(
    seed: int, replicate: int
) -> None:
    found = run_seed(seed, replicate)
    assert 0 <= found < 2**32
    assert found == run_seed(seed, replicate)
    assert isinstance(found, int)

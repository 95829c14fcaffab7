"""Bytes and text that records become: versioned, exact, and refused when they are not ours."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from store_samples import assert_same

from bakeoff.dense.base import Layer
from bakeoff.errors import StoreError
from bakeoff.records import Candidate, LintFinding, Published
from bakeoff.store.arrays import pack, unpack
from bakeoff.store.codec import content_hash, from_json, to_json


@given(
    hnp.arrays(
        st.one_of(
            hnp.boolean_dtypes(),
            hnp.integer_dtypes(),
            hnp.unsigned_integer_dtypes(),
            hnp.floating_dtypes(sizes=(16, 32, 64)),
        ),
        hnp.array_shapes(min_dims=0, min_side=0),
    )
)
def test_any_array_of_numbers_comes_back(array: np.ndarray) -> None:
    back = unpack(pack(array))
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.shape == array.shape
    assert back.tobytes() == array.astype(back.dtype).tobytes()
    assert back.flags.writeable


def test_an_array_that_compresses_is_compressed() -> None:
    assert len(pack(np.zeros(10_000))) < 1000
    noise = np.random.default_rng(0).integers(0, 256, 10_000).astype(np.uint8)
    assert len(pack(noise)) <= 10_000 + 14


def test_views_and_strides_are_packed_as_seen() -> None:
    array = np.arange(24).reshape(4, 6)
    for view in (array.T, array[::2, ::-1], array[:, 1]):
        assert_same(unpack(pack(view)), view.copy())


@pytest.mark.parametrize(
    "array",
    [np.array([object()]), np.array(["word"]), np.array([1j]), np.array(["2024"], "datetime64[D]")],
    ids=["objects", "words", "complex", "dates"],
)
def test_what_is_no_array_of_numbers_is_refused(array) -> None:
    with pytest.raises(TypeError, match="arrays of numbers"):
        pack(array)


def test_damaged_bytes_are_refused() -> None:
    blob = pack(np.arange(1000.0))
    for damaged in (b"", blob[:4], b"\x02" + blob[1:], blob[:-1], blob[:1] + b"\x07" + blob[2:]):
        with pytest.raises(ValueError, match="array blob"):
            unpack(damaged)
    with pytest.raises(ValueError, match="array blob"):
        unpack(pack(np.arange(3.0)) + b"x")


@pytest.mark.parametrize(
    "shape",
    [(2**64 - 1,), (2**63, 0), (2**64 - 1, 0), (2**40, 2**40), (10**6,), (0,) * 255],
    ids=str,
)
def test_a_shape_that_no_bytes_can_fill_is_refused_at_once(shape) -> None:
    head = bytes((1, 0, len(shape))) + b"<f8" + struct.pack(f"<{len(shape)}Q", *shape)
    with pytest.raises(ValueError, match="array"):
        unpack(head)


def test_a_blob_that_would_inflate_without_end_is_refused() -> None:
    head = pack(np.zeros(1))[:14]
    bomb = head[:1] + b"\x01" + head[2:] + zlib.compress(bytes(10_000_000))
    with pytest.raises(ValueError, match="cut short or too long"):
        unpack(bomb)


def test_what_json_cannot_say_comes_back() -> None:
    value = {"a": (1, [2.0, (float("inf"), -0.0)]), "$tuple": [1], "$$": {"$float": "x"}, "n": None}
    assert_same(from_json(to_json(value), Mapping[str, Any]), value)
    assert repr(from_json(to_json({"x": float("nan")}), Mapping[str, Any])) == "{'x': nan}"


def test_a_record_written_before_it_gained_a_field_gets_the_default() -> None:
    assert from_json('{"test_accuracy": 0.5}', Published) == Published(0.5, None)


def test_a_field_that_this_version_does_not_know_is_passed_over() -> None:
    text = '{"test_loss": 0.5, "test_accuracy": 0.75, "later": 1}'
    assert from_json(text, Published) == Published(0.75, 0.5)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{", Published),
        ("[]", LintFinding),
        ('{"label": "a"}', Candidate),
        ('{"$tuple": [{}]}', tuple[LintFinding, ...]),
        ('{"kernel": {"$array": "gone"}, "bias": {"$array": "gone"}}', Layer),
        ('{"label": "a", "settings": {"hidden": "wide"}}', Candidate),
    ],
)
def test_text_that_does_not_decode_is_a_store_error(text, kind) -> None:
    with pytest.raises(StoreError) as caught:
        from_json(text, kind)
    assert "\n" not in str(caught.value)


def test_values_that_no_record_has_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="cannot hold a set at a/b"):
        to_json({"a": {"b": {1}}})
    with pytest.raises(TypeError, match="keys of stored mappings must be words"):
        to_json({1: 2})
    with pytest.raises(TypeError, match="no array can be stored at a"):
        to_json({"a": np.zeros(1)})


def test_the_hash_of_a_value_ignores_the_order_of_keys_only() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})
    assert content_hash({"a": 1}) != content_hash({"a": 1.0})


@dataclasses.dataclass(frozen=True)
class Cat:
    lives: int


@dataclasses.dataclass(frozen=True)
class Dog:
    name: str


@dataclasses.dataclass(frozen=True)
class Shelter:
    first: Cat | Dog | None
    others: tuple[Cat | Dog, ...] = ()
    weights: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


def test_a_field_that_may_hold_several_kinds_of_records_says_which_it_holds() -> None:
    shelter = Shelter(Dog("Rex"), (Cat(9), Dog("Wolf")))
    text = to_json(shelter)
    assert from_json(text, Shelter) == shelter
    assert from_json(to_json(Shelter(None)), Shelter) == Shelter(None)
    with pytest.raises(StoreError, match="does not decode"):
        from_json(text.replace('"$kind":"Dog",', ""), Shelter)


def test_named_arrays_of_a_record_come_back() -> None:
    arrays: dict[str, Any] = {}
    shelter = Shelter(None, weights={"layers/0/kernel": np.eye(2), "$odd": np.zeros(1)})
    text = to_json(shelter, arrays)
    assert_same(dict(from_json(text, Shelter, arrays=arrays).weights), dict(shelter.weights))


def test_text_that_nests_without_end_is_a_store_error() -> None:
    for text, kind in (("[" * 100_000, Mapping[str, Any]), ('{"a":' * 100_000, Published)):
        with pytest.raises(StoreError):
            from_json(text, kind)

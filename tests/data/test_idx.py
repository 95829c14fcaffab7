"""The IDX format, friendly and hostile files."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.data import array_files, reading
from bakeoff.errors import DataError

DTYPES = st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64])


@given(DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(max_dims=4))), st.booleans())
def test_what_is_encoded_comes_back(array, zipped) -> None:
    data = array_files.encode_idx(array)
    decoded = array_files.decode_idx(gzip.compress(data) if zipped else data, "file")
    np.testing.assert_array_equal(decoded.array, array)
    assert decoded.array.dtype == array.dtype
    assert not decoded.array.flags.writeable
    assert decoded.sha256 == hashlib.sha256(data).hexdigest()


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_an_array_or_a_data_error(data) -> None:
    for raw in (data, gzip.compress(data), b"\0\0\x08" + data):
        try:
            assert array_files.decode_idx(raw, "file").array.size >= 0
        except DataError as error:
            assert str(error).startswith("file")


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_gzip_file_is_never_taken_for_a_whole_one(position, value) -> None:
    array = np.arange(40, dtype=np.uint8)
    raw = bytearray(gzip.compress(array_files.encode_idx(array), mtime=0))
    raw[position % len(raw)] = value
    try:
        decoded = array_files.decode_idx(bytes(raw), "file").array
    except DataError:
        return
    # Only bytes of the gzip header that say nothing about the data may differ.
    np.testing.assert_array_equal(decoded, array)


def _header(*sizes: int, code: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, code, len(sizes), *sizes)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "must begin with 00 00 .* but got nothing"),
        (b"\x89PNG\r\n", "must begin with 00 00 .* but got 89 50 4e 47"),
        (b"\0\0\x07\x01", "must begin with"),
        (b"\0\0\x08\x00", "1 to 4 dimensions, but its header says 0"),
        (b"\0\0\x08\xff" + b"\0" * 2000, "1 to 4 dimensions, but its header says 255"),
        (b"\0\0\x08\x03\0\0", "stops in the middle of its header"),
        (_header(3) + b"ab", "3 bytes of data, but only 2 follow"),
        (gzip.compress(_header(30) + b"ab", mtime=0), "30 bytes of data, but only 2 follow"),
        (_header(3) + b"abcd", "goes on after the examples"),
        (gzip.compress(_header(3) + b"abcd", mtime=0), "goes on after the examples"),
        (gzip.compress(_header(3) + b"abc", mtime=0)[:-4], "stops in the middle"),
        (b"\x1f\x8bgarbage that is no gzip", "gzip data is damaged"),
    ],
)
def test_damaged_files_say_what_is_wrong(raw, message) -> None:
    with pytest.raises(DataError, match=f"^place: .*{message}"):
        array_files.decode_idx(raw, "place")


def test_a_header_that_claims_a_million_million_images_is_refused_before_any_memory_is_taken() -> (
    None
):
    for raw in (
        _header(1_000_000, 1_000_000, 28, 28) + b"abc",
        gzip.compress(_header(1_000_000, 1_000_000, 28, 28) + b"abc", mtime=0),
    ):
        with pytest.raises(DataError, match="1,000,000 × 1,000,000 × 28 × 28 values, far more"):
            array_files.decode_idx(raw, "bomb")


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(monkeypatch) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(_header(10) + b"\0" * 50_000_000) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="goes on after the examples"):
            array_files.decode_idx(bomb, "bomb")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_more_data_than_half_of_the_memory_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(reading, "memory_limit", lambda: 1000)
    with pytest.raises(
        DataError, match=r"claims 2,000 bytes of data, more than the limit of 1,000"
    ):
        array_files.decode_idx(gzip.compress(_header(2000) + b"\0" * 2000), "large")


def test_a_type_that_idx_does_not_have_cannot_be_encoded() -> None:
    with pytest.raises(DataError, match="but got complex128"):
        array_files.encode_idx(np.zeros(2, np.complex128))


def test_a_missing_file_is_a_data_error(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        array_files.read_idx(tmp_path / "none")

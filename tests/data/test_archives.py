"""NumPy archives, friendly and hostile."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.data.array_files import decode_npy, read_npz
from bakeoff.errors import DataError


class Trap:
    """Pickled, it would run code when loaded."""

    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('code was run')",))


def _npy(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


@given(
    hnp.arrays(
        st.sampled_from(["u1", "<i4", ">i4", "<f8", ">f4", "?", "<U3"]),
        hnp.array_shapes(min_side=0),
    ),
    st.booleans(),
)
def test_what_numpy_writes_comes_back(array, fortran) -> None:
    array = np.asfortranarray(array) if fortran else array
    decoded = decode_npy(_npy(array), "x")
    np.testing.assert_array_equal(decoded, array)
    assert decoded.dtype.isnative


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_an_array_or_a_data_error(data) -> None:
    for raw in (data, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data):
        try:
            assert decode_npy(raw, "x").size >= 0
        except DataError as error:
            assert str(error).startswith("x")


@pytest.mark.parametrize("compressed", [True, False])
def test_archives_come_back_by_name(tmp_path, compressed) -> None:
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "a.npz", x=np.arange(6).reshape(2, 3), words=np.array(["a", "bc"]))
    arrays = read_npz(tmp_path / "a.npz")
    assert arrays["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["words"].tolist() == ["a", "bc"]


def test_pickled_objects_are_refused_unseen(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([Trap(), Trap()], object))
    with pytest.raises(DataError, match=r"a.npz: x: is an object array .*never loaded"):
        read_npz(tmp_path / "a.npz")


def test_structured_arrays_are_refused() -> None:
    with pytest.raises(DataError, match="structured array"):
        decode_npy(_npy(np.zeros(2, [("a", "i4"), ("b", "f4")])), "x")


def _header(text: str) -> bytes:
    padded = text.encode() + b" " * (64 - (len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is no NPY array"),
        (b"\x93NUMPY\x07\x00", "NPY version"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (10**9,)}"), "is no NPY array"),
        (
            _header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,)}") + b"abc",
            "announces 1,000,000,000,000 bytes, but 3 follow",
        ),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}"), "announces"),
        (_header("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}") + b"abc", "but 3"),
        (_header("{'descr': '|u1', 'shape': (2,)}") + b"ab", "is no NPY array"),
        (_header("__import__('os').system('true')"), "is no NPY array"),
        (_header("{'descr': '<U0', 'fortran_order': False, 'shape': (3,)}"), "announces"),
    ],
)
def test_damaged_arrays_say_what_is_wrong(raw, message) -> None:
    with pytest.raises(DataError, match=f"^x: .*{message}"):
        decode_npy(raw, "x")


def test_a_zip_bomb_is_refused_by_the_size_it_claims(tmp_path, monkeypatch) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _npy(np.zeros(3_000_000, np.uint8)))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("bakeoff.data.reading.memory_limit", lambda: 1_000_000)
    with pytest.raises(
        DataError, match="claims 3,000,128 bytes of data, more than the limit of 1,000,000"
    ):
        read_npz(path)


def test_a_bomb_that_lies_about_its_size_is_cut_off_and_noticed(tmp_path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _npy(np.zeros(3_000_000, np.uint8)))
    raw = path.read_bytes()
    true_size = struct.pack("<I", 3_000_128)
    assert raw.count(true_size) == 2
    path.write_bytes(raw.replace(true_size, struct.pack("<I", 1000)))
    with pytest.raises(DataError, match=r"bomb\.npz"):
        read_npz(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no undamaged NPZ file"),
        (b"PK\x03\x04 and then nothing of use", "is no undamaged NPZ file"),
        (b"\x89PNG", "is no undamaged NPZ file"),
    ],
)
def test_files_that_are_no_archives_are_data_errors(tmp_path, content, message) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"a.npz: {message}"):
        read_npz(path)


def test_a_member_whose_name_is_no_text_is_a_data_error(tmp_path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, é=np.arange(3))
    raw = path.read_bytes()
    assert "é".encode() in raw
    path.write_bytes(raw.replace("é".encode(), b"\xff\xff"))
    with pytest.raises(DataError, match="is no undamaged NPZ file"):
        read_npz(path)


def test_a_truncated_or_damaged_archive_is_a_data_error(tmp_path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.arange(1000))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match="is no undamaged NPZ file"):
        read_npz(path)
    middle = len(raw) // 2
    path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 255]) + raw[middle + 1 :])
    with pytest.raises(DataError, match="is no undamaged NPZ file"):
        read_npz(path)


def test_an_archive_without_arrays_or_with_far_too_many_is_refused(tmp_path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match="holds no arrays"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1001):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(DataError, match="at most 1,000 arrays, but holds 1,001"):
        read_npz(path)


def test_text_that_is_none_is_refused_before_numpy_meets_it(tmp_path) -> None:
    for code in (0xD800, 0x110000, 0xFFFFFFFF):
        raw = _npy(np.array(["ab", "cd"]))
        with pytest.raises(DataError, match="x: holds what is no text"):
            decode_npy(raw[:-4] + struct.pack("<I", code), "x")


def test_a_file_that_packs_a_thousandfold_is_refused_and_the_message_says_how_not_to(
    tmp_path, monkeypatch
) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _npy(np.zeros(3_000_000, np.uint8)))
    monkeypatch.setattr("bakeoff.data.reading._RATIO_FROM", 1_000_000)
    with pytest.raises(
        DataError, match=r"more than the limit of 100 times.*BAKEOFF_MAX_BYTES=3000128"
    ):
        read_npz(path)
    monkeypatch.setenv("BAKEOFF_MAX_BYTES", "3000128")
    assert read_npz(path)["x"].shape == (3_000_000,)
    monkeypatch.setenv("BAKEOFF_MAX_BYTES", "many")
    with pytest.raises(DataError, match="must be a whole number of bytes, but is 'many'"):
        read_npz(path)

"""Verified arrays in the cache: shared by all processes, and never other numbers than the source's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bakeoff.data import catalogue, named
from bakeoff.data.dataset import Dataset
from named_files import ARRAYS, shrink, write_files


@pytest.fixture(autouse=True)
def mnist(tmp_path, monkeypatch) -> Path:
    """The folder of a small MNIST."""
    shrink(monkeypatch, tmp_path)
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    return write_files(tmp_path / "data" / "mnist")


def _folder() -> Path:
    (folder,) = (catalogue.cache_folder() / "arrays").iterdir()
    return folder


def _is_mapped(dataset: Dataset) -> bool:
    test = dataset.test.open_()
    arrays = (dataset.features, dataset.labels, test.features, test.labels)
    return all(isinstance(array, np.memmap) for array in arrays)


def _holds_mnist(dataset: Dataset) -> bool:
    test = dataset.test.open_()
    return (
        dataset.features.tobytes() == ARRAYS["train_images"].tobytes()
        and dataset.labels.tolist() == ARRAYS["train_labels"].tolist()
        and test.features.tobytes() == ARRAYS["test_images"].tobytes()
        and test.labels.tolist() == ARRAYS["test_labels"].tolist()
    )


def test_what_was_verified_once_is_mapped_without_its_source(mnist) -> None:
    first = named.load_named("mnist")
    shutil.rmtree(mnist)
    again = named.load_named("mnist")
    for dataset in (first, again):
        assert _is_mapped(dataset)
        assert _holds_mnist(dataset)
    assert first.hash == again.hash
    assert first.test.hash == again.test.hash
    assert first.duplicates_across_splits == again.duplicates_across_splits
    with pytest.raises(ValueError, match="read-only"):
        again.features[0, 0] = 1


def test_the_hash_does_not_depend_on_the_map(monkeypatch) -> None:
    mapped = named.load_named("mnist")
    shutil.rmtree(catalogue.cache_folder())
    monkeypatch.setattr("bakeoff.data.named.keep", lambda *_: None)
    plain = named.load_named("mnist")
    assert not _is_mapped(plain)
    assert (plain.hash, plain.test.hash) == (mapped.hash, mapped.test.hash)


def _flip(path: Path, position: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[position] ^= 4
    path.write_bytes(raw)


@pytest.mark.parametrize("name", ["features", "labels", "test_features", "test_labels"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: _flip(path, 3),
        lambda path: _flip(path, 30),
        lambda path: _flip(path, -5),
        lambda path: os.truncate(path, path.stat().st_size - 7),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.unlink(),
    ],
    ids=["magic", "header", "values", "cut", "empty", "longer", "gone"],
)
def test_a_damaged_file_is_made_again_from_the_source(name, damage) -> None:
    named.load_named("mnist")
    path = _folder() / f"{name}.npy"
    whole = path.read_bytes()
    damage(path)
    dataset = named.load_named("mnist")
    assert _holds_mnist(dataset)
    assert path.read_bytes()[: len(whole)] == whole


def test_arrays_under_another_hash_than_their_own_are_not_taken(tmp_path) -> None:
    named.load_named("mnist")
    folder = _folder()
    features = np.load(folder / "features.npy")
    np.save(folder / "features.npy", features[::-1])
    assert _holds_mnist(named.load_named("mnist"))
    np.save(_folder() / "features.npy", np.asfortranarray(features))
    assert named.load_named("mnist").features.flags.c_contiguous


def test_a_cache_that_cannot_be_written_to_costs_only_time(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        dataset = named.load_named("mnist")
        assert _holds_mnist(dataset)
        assert not _is_mapped(dataset)


def test_a_full_disk_leaves_nothing_behind(monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert _holds_mnist(named.load_named("mnist"))
    assert list((catalogue.cache_folder() / "arrays").iterdir()) == []


def test_files_that_no_checksum_vouches_for_are_read_from_their_source_each_time(tmp_path) -> None:
    write_files(tmp_path / "data" / "kmnist", zipped=False, name="kmnist")
    assert not _is_mapped(named.load_named("kmnist"))
    assert not (catalogue.cache_folder() / "arrays").exists()

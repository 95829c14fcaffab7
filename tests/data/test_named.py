"""Datasets known by name: where they are looked for, verified and fetched."""

from __future__ import annotations

import functools
import gzip
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from bakeoff.data import array_files, catalogue, named
from bakeoff.errors import DataError, DownloadError
from named_files import ARRAYS, shrink, write_files


@pytest.fixture(autouse=True)
def small_world(tmp_path, monkeypatch):
    """A home of its own, no network, and the datasets shrunk to 80 images."""
    shrink(monkeypatch, tmp_path)


def _check(dataset) -> None:
    np.testing.assert_array_equal(dataset.features, ARRAYS["train_images"].reshape(60, 784))
    np.testing.assert_array_equal(dataset.labels, ARRAYS["train_labels"])
    test = dataset.test.open_()
    np.testing.assert_array_equal(test.features, ARRAYS["test_images"].reshape(20, 784))
    np.testing.assert_array_equal(test.labels, ARRAYS["test_labels"])
    assert dataset.features.dtype == np.uint8
    assert dataset.image_shape == (28, 28)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_bakeoff_data_is_used_zipped_or_not(tmp_path, monkeypatch, name, zipped) -> None:
    write_files(tmp_path / "data" / name, zipped=zipped, name=name)
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    dataset = named.load_named(name)
    _check(dataset)
    assert dataset.name == name
    assert named.get(name) == tmp_path / "data" / name


def test_keras_own_copy_of_mnist_is_found_and_verified(tmp_path) -> None:
    path = tmp_path / "home" / ".keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    keys = {"x_train": "train_images", "y_train": "train_labels"}
    keys |= {"x_test": "test_images", "y_test": "test_labels"}
    np.savez_compressed(path, **{key: ARRAYS[part] for key, part in keys.items()})
    _check(named.load_named("mnist"))
    assert named.get("mnist") == path
    damaged = {key: ARRAYS[part].copy() for key, part in keys.items()}
    damaged["x_train"][3, 4, 5] ^= 1
    np.savez_compressed(path, **damaged)
    shutil.rmtree(catalogue.cache_folder())
    with pytest.raises(DataError, match=r"mnist.npz: x_train: the SHA-256"):
        named.load_named("mnist")


def test_debians_folder_is_found(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "usr", name="fashion-mnist")
    entry = replace(catalogue.CATALOGUE["fashion-mnist"], system_folder=str(folder))
    monkeypatch.setitem(catalogue.CATALOGUE, "fashion-mnist", entry)
    _check(named.load_named("fashion-mnist"))


def test_a_flipped_bit_is_noticed_and_the_file_named(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "data" / "mnist", zipped=False)
    path = folder / "t10k-images-idx3-ubyte"
    raw = bytearray(path.read_bytes())
    raw[500] ^= 1
    path.write_bytes(raw)
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: the SHA-256 of its unpacked"):
        named.load_named("mnist")


def test_an_archive_sum_is_checked_where_no_other_is_known(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "data" / "kmnist", name="kmnist")
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(array_files.encode_idx(ARRAYS["train_labels"][::-1]), mtime=0))
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match="the SHA-256 of its archive"):
        named.load_named("kmnist")


def test_labels_beyond_the_classes_are_refused_where_no_sum_protects_them(
    tmp_path, monkeypatch
) -> None:
    folder = write_files(tmp_path / "data" / "kmnist", zipped=False, name="kmnist")
    labels = ARRAYS["train_labels"].copy()
    labels[5] = 10
    (folder / "train-labels-idx1-ubyte").write_bytes(array_files.encode_idx(labels))
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match="train_labels must lie in 0 … 9, but found 10"):
        named.load_named("kmnist")


def test_files_of_another_shape_are_refused(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "data" / "mnist", zipped=False)
    (folder / "train-images-idx3-ubyte").write_bytes(array_files.encode_idx(ARRAYS["test_images"]))
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"must hold bytes of shape \(60, 28, 28\)"):
        named.load_named("mnist")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The small MNIST on a server of this machine; gives its folder."""
    folder = write_files(tmp_path / "mirror" / "mnist")
    handler = functools.partial(_Quiet, directory=str(tmp_path / "mirror"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("BAKEOFF_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_nowhere_is_downloaded_once_into_the_cache(tmp_path, mirror, monkeypatch) -> None:
    seen = []
    _check(named.load_named("mnist", progress=lambda *step: seen.append(step)))
    assert {name for _, _, name in seen} == {
        f"{file.stem}.gz" for file in catalogue.CATALOGUE["mnist"].files
    }
    assert catalogue.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("BAKEOFF_MIRROR", "http://127.0.0.1:9")
    _check(named.load_named("mnist"))


def test_a_download_that_was_interrupted_goes_on_with_the_missing_files(mirror, tmp_path) -> None:
    named.get("mnist")
    (tmp_path / "cache" / "mnist" / "t10k-images-idx3-ubyte.gz").unlink()
    seen = set()
    named.get("mnist", lambda _done, _total, name: seen.add(name))
    assert seen == {"t10k-images-idx3-ubyte.gz"}


def test_a_damaged_file_in_the_cache_is_replaced(mirror, tmp_path) -> None:
    named.get("mnist")
    path = tmp_path / "cache" / "mnist" / "train-labels-idx1-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:30])
    _check(named.load_named("mnist"))
    assert path.read_bytes() == whole
    path.write_bytes(whole[:30])
    seen = set()
    named.get("mnist", lambda _done, _total, name: seen.add(name))
    assert seen == {path.name}
    assert path.read_bytes() == whole


def test_a_folder_with_some_of_the_files_only_is_pointed_out(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "data" / "mnist")
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    with pytest.raises(
        DataError, match=r"the 4 files of mnist, but train-labels-idx1-ubyte\[\.gz\]"
    ):
        named.load_named("mnist")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><title>Log in</title>", "a web page"),
        (b"garbage", "something else instead of a gzip archive"),
        (gzip.compress(b"not IDX", mtime=0), "must begin with 00 00"),
        (
            gzip.compress(array_files.encode_idx(ARRAYS["train_images"][::-1].copy()), mtime=0),
            "the SHA-256",
        ),
    ],
)
def test_a_wrong_download_never_enters_the_cache(mirror, tmp_path, content, reason) -> None:
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DownloadError, match=reason):
        named.load_named("mnist")
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


def test_without_a_network_the_message_says_what_to_do() -> None:
    with pytest.raises(DownloadError, match=r"could not be downloaded .*BAKEOFF_DATA") as caught:
        named.load_named("mnist")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "guess"),
    [("mnits", "mnist"), ("fashion_mnist", "fashion-mnist"), ("Digit", "digits")],
)
def test_an_unknown_name_gets_the_nearest_right_one(name, guess) -> None:
    with pytest.raises(DataError, match=f"no dataset '{name}'. Did you mean '{guess}'"):
        named.load_named(name)


def test_the_list_says_where_each_dataset_is_or_how_to_have_it(tmp_path, monkeypatch) -> None:
    folder = write_files(tmp_path / "data" / "mnist")
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    where = {name: catalogue.where(entry) for name, entry in catalogue.CATALOGUE.items()}
    assert list(where) == ["digits", "mnist", "fashion-mnist", "kmnist"]
    assert "embedded" in where["digits"]
    assert where["mnist"] == f"here: {folder}"
    assert "bakeoff data get kmnist" in where["kmnist"]
    assert "dataset-fashion-mnist" in where["fashion-mnist"]
    assert all(entry.licence for entry in catalogue.CATALOGUE.values())


def test_every_downloadable_dataset_has_two_addresses_and_a_sum_for_every_file() -> None:
    for entry in catalogue.CATALOGUE.values():
        if entry.files:
            assert len(entry.addresses) == 2
            assert all(a.endswith("/") and a.startswith("http") for a in entry.addresses)
            assert all((f.sha256 or f.archive_sha256) for f in entry.files)


def test_digits_are_the_1797_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    dataset = named.load_named("digits")
    test = dataset.test.open_()
    assert dataset.features.dtype == np.float32
    assert dataset.image_shape == (8, 8)
    assert (dataset.num_examples, len(test.labels)) == (1497, 300)
    assert (dataset.features.min(), dataset.features.max()) == (0, 16)
    entry = catalogue.CATALOGUE["digits"]
    assert (entry.num_train, entry.num_test) == (1497, 300)
    official = load_digits()
    rows = {(tuple(x), int(y)) for x, y in zip(official.data, official.target, strict=True)}
    ours = {(tuple(map(float, x)), int(y)) for x, y in zip(test.features, test.labels, strict=True)}
    assert ours <= rows


def test_digits_load_when_scikit_learn_keeps_its_file_elsewhere(tmp_path, monkeypatch) -> None:
    usual = named.load_named("digits")
    monkeypatch.setattr(named, "digits_file", lambda: tmp_path / "none")
    assert named.load_named("digits").hash == usual.hash


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"BAKEOFF_CACHE": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/bakeoff"),
        ({"XDG_CACHE_HOME": "relative"}, "{home}/.cache/bakeoff"),
        ({}, "{home}/.cache/bakeoff"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the folders are Linux's")
def test_the_cache_folder_follows_the_environment(monkeypatch, variables, expected) -> None:
    monkeypatch.delenv("BAKEOFF_CACHE")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(catalogue.cache_folder()) == expected.format(home=os.environ["HOME"])


def test_importing_the_sources_imports_nothing_heavy() -> None:
    code = (
        "import sys, bakeoff.data.named as s; s.load_named('digits');"
        "print([m for m in ('sklearn', 'pandas', 'PIL', 'pyarrow', 'urllib.request', 'scipy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


REAL = Path(os.environ.get("BAKEOFF_DATA", "/none")) / "mnist"


@pytest.mark.mnist
@pytest.mark.skipif(not REAL.is_dir(), reason="needs BAKEOFF_DATA with real MNIST")
def test_real_mnist_has_the_published_sums(monkeypatch) -> None:
    monkeypatch.undo()  # the catalogue and the environment as they really are
    dataset = named.load_named("mnist")
    assert dataset.features.shape == (60_000, 784)
    assert np.bincount(dataset.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
    ]  # fmt: skip
    assert dataset.duplicates_across_splits == 0
    # Part of every run's key: another hash would train every stored run again.
    assert dataset.hash == "f9ee1385f536b709195c1fef1e01395926050ed2d7212ef68113b70c6e47724f"
    assert dataset.test.hash == "52a53a775c02955351555cbe223bf1aa3c91a7b05e013e6cd09806e177202250"

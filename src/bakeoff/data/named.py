"""The datasets known by name: where they may lie, how they are verified, fetched and loaded."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from bakeoff.data import idx, mapped
from bakeoff.data.arrays import from_arrays
from bakeoff.data.catalogue import NamedDataset, Part, RemoteFile, look_up
from bakeoff.data.dataset import Dataset, assemble
from bakeoff.data.reading import read_file
from bakeoff.errors import DataError, DownloadError

if TYPE_CHECKING:
    from bakeoff.data.download import Progress

# The largest archive of the catalogue has 26 MB; an answer beyond this is not one of them.
_MAX_ARCHIVE_BYTES = 64 * 2**20


def load_named(name: str, *, progress: Progress | None = None) -> Dataset:
    """Loads a dataset known by name, fetching it if it is nowhere on this machine.

    What was verified once is memory-mapped from the cache (``mapped``). Else it is looked for, in
    this order: the folder ``BAKEOFF_DATA``, the download cache, Keras's cache (for MNIST), where
    Debian's package puts it (Fashion-MNIST); then downloaded into the cache. Every file is verified
    by its SHA-256 (KMNIST: of the archive).

    Args:
        name: digits, mnist, fashion-mnist or kmnist.
        progress: called during a download with (bytes done, bytes in all or None, file name).

    Raises:
        DataError: an unknown name or a damaged file.
        DownloadError: it is not here and could not be fetched.
    """
    entry = look_up(name)
    if not entry.files:
        return _load_digits(entry)
    sums = "".join(file.sha256 or file.archive_sha256 or "" for file in entry.files)
    place = cache_folder() / "arrays" / f"{name}-{hashlib.sha256(sums.encode()).hexdigest()[:16]}"
    make = partial(assemble, name, class_names=entry.class_names, image_shape=entry.image_shape)
    kept = mapped.load(place, make)
    if kept is not None:
        return kept
    arrays, certain = _found(entry, progress)
    for part in ("train_labels", "test_labels"):
        largest = arrays[part].max()
        if largest >= len(entry.class_names):
            raise DataError(
                f"{name}: {part} must lie in 0 … {len(entry.class_names) - 1}, but found "
                f"{largest}; fetch the file again"
            )
    train, test = arrays["train_images"], arrays["test_images"]
    flat = (
        train.reshape(len(train), -1),
        arrays["train_labels"].astype(np.int32),
        test.reshape(len(test), -1),
        arrays["test_labels"].astype(np.int32),
    )
    if certain:
        mapped.keep(place, flat)
    return mapped.load(place, make) or make(*flat)


def _load_digits(entry: NamedDataset) -> Dataset:
    """The 1,797 digits, a stratified sixth of them held out for the test."""
    path = digits_file()
    if path.is_file():
        text = gzip.decompress(read_file(path))
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.float32)
        features, labels = table[:, :-1], table[:, -1].astype(np.int32)
    else:  # another layout of scikit-learn: the slow, official way
        from sklearn.datasets import load_digits

        digits = load_digits()
        features, labels = digits.data, digits.target
    return from_arrays(
        features,
        labels,
        name=entry.name,
        class_names=entry.class_names,
        image_shape=entry.image_shape,
    )


def digits_file() -> Path:
    """The file inside scikit-learn, found without importing it: that would cost a second."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError(
            "digits: scikit-learn, which brings the data, is missing; install scikit-learn"
        )
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


Arrays = Mapping[Part, NDArray[Any]]


def _found(entry: NamedDataset, progress: Progress | None) -> tuple[Arrays, bool]:
    """The arrays of a dataset, and whether checksums vouch for all of them."""
    folder = local_folder(entry)
    archive = _keras_archive(entry) if folder is None else None
    if archive is not None:
        return _read_keras(entry, archive), True
    try:
        return _read_folder(entry, folder or get(entry.name, progress))
    except DownloadError:
        raise
    except DataError:
        if folder != cache_folder() / entry.name:  # what the user put there is not ours to replace
            raise
        return _read_folder(entry, get(entry.name, progress))


def _read_folder(entry: NamedDataset, folder: Path) -> tuple[Arrays, bool]:
    arrays, certain = {}, True
    for file in entry.files:
        path = _path_in(folder, file)
        if path is None:
            raise DataError(
                f"{folder}: {file.stem}.gz is gone; run `bakeoff data get {entry.name}`"
            )
        arrays[file.part] = verified(file, read_file(path), str(path))
        certain &= file.sha256 is not None or path.suffix == ".gz"
    return arrays, certain


def _read_keras(entry: NamedDataset, path: Path) -> Arrays:
    """Keras's copy holds the same arrays without the IDX headers; the sums are over both."""
    from bakeoff.data.archives import read_npz

    keys = dict(zip(get_args(Part), ("x_train", "y_train", "x_test", "y_test"), strict=True))
    found = read_npz(path)
    arrays = {}
    for file in entry.files:
        key = keys[file.part]
        if key not in found:
            raise DataError(f"{path}: must hold {key}, but does not; delete the file")
        arrays[file.part] = verified(file, idx.encode(found[key]), f"{path}: {key}")
    return arrays


def verified(file: RemoteFile, raw: bytes, place: str) -> NDArray[Any]:
    """The array in one file of the catalogue, its shape, type and checksum compared.

    Args:
        file: what it must be.
        raw: as it lies on the disk, plain or gzipped.
        place: its name, for messages.

    Raises:
        DataError: damaged, or another file.
    """
    content = idx.decode(raw, place)
    expected, found, what = file.sha256, content.sha256, "unpacked bytes"
    if expected is None and raw[:2] == b"\x1f\x8b":
        expected, found, what = file.archive_sha256, hashlib.sha256(raw).hexdigest(), "archive"
    array = content.array
    if array.shape != file.shape or array.dtype != np.uint8:
        raise DataError(
            f"{place}: must hold bytes of shape {file.shape}, but holds {array.dtype} of shape "
            f"{array.shape}; put the right file there or delete it"
        )
    if expected is not None and found != expected:
        raise DataError(
            f"{place}: the SHA-256 of its {what} must be {expected[:12]}…, but is {found[:12]}…; "
            "the file is damaged or another one: fetch it again"
        )
    return array


def get(name: str, progress: Progress | None = None) -> Path:
    """Makes sure that a dataset is on this machine; the folder or file it is in.

    Raises:
        DataError: an unknown name, or a damaged file in ``BAKEOFF_DATA``.
        DownloadError: it could not be fetched.
    """
    entry = look_up(name)
    if not entry.files:
        return digits_file()
    found = local_folder(entry) or _keras_archive(entry)
    cached = cache_folder() / entry.name
    if found is not None and found != cached:
        return found
    _refuse_partial(entry)
    from bakeoff.data.download import fetch

    for file in entry.files:
        target = cached / f"{file.stem}.gz"
        if target.is_file() and _is_good(file, target):
            continue
        fetch(
            _addresses(entry, file),
            target,
            check=partial(_check_download, file),
            max_bytes=_MAX_ARCHIVE_BYTES,
            progress=progress,
        )
    return cached


def _check_download(file: RemoteFile, path: Path) -> None:
    """DataError if a downloaded archive is not the expected file."""
    raw = read_file(path)
    if raw[:2] != b"\x1f\x8b":
        page = raw[:512].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))
        kind = "a web page (a log-in or error page?)" if page else "something else"
        raise DownloadError(f"the answer is {kind} instead of a gzip archive")
    verified(file, raw, file.stem)


def _is_good(file: RemoteFile, path: Path) -> bool:
    try:
        verified(file, read_file(path), str(path))
    except DataError:
        return False
    return True


def _addresses(entry: NamedDataset, file: RemoteFile) -> list[str]:
    mirror = os.environ.get("BAKEOFF_MIRROR")
    folders = [f"{mirror.rstrip('/')}/{entry.name}/"] if mirror else entry.addresses
    return [f"{folder}{file.stem}.gz" for folder in folders]


def cache_folder() -> Path:
    """Where downloads are kept: ``BAKEOFF_CACHE``, else ``bakeoff`` in the user's cache folder."""
    own = os.environ.get("BAKEOFF_CACHE")
    if own:
        return Path(own).expanduser()
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and Path(xdg).is_absolute():  # a relative one must be ignored, says the XDG standard
        return Path(xdg) / "bakeoff"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bakeoff"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "bakeoff" / "Cache"
    return Path.home() / ".cache" / "bakeoff"


def _path_in(folder: Path, file: RemoteFile) -> Path | None:
    """The file in that folder, plain or zipped; None if it is not there."""
    paths = (folder / file.stem, folder / f"{file.stem}.gz")
    return next((path for path in paths if path.is_file()), None)


def local_folder(entry: NamedDataset) -> Path | None:
    """The first folder that has all the files."""
    folders = []
    if os.environ.get("BAKEOFF_DATA"):
        folders.append(Path(os.environ["BAKEOFF_DATA"]).expanduser() / entry.name)
    folders.append(cache_folder() / entry.name)
    if entry.system_folder:
        folders.append(Path(entry.system_folder))
    for folder in folders:
        if all(_path_in(folder, file) is not None for file in entry.files):
            return folder
    return None


def _refuse_partial(entry: NamedDataset) -> None:
    """DataError if ``BAKEOFF_DATA`` has some of the files only: its owner should know."""
    if not os.environ.get("BAKEOFF_DATA"):
        return
    folder = Path(os.environ["BAKEOFF_DATA"]).expanduser() / entry.name
    missing = [file.stem for file in entry.files if _path_in(folder, file) is None]
    if len(missing) < len(entry.files):
        raise DataError(
            f"{folder}: must hold the {len(entry.files)} files of {entry.name}, but {missing[0]}[.gz] is "
            "missing; add it, or remove the folder and the files are downloaded"
        )


def _keras_archive(entry: NamedDataset) -> Path | None:
    """``mnist.npz`` where ``keras.datasets.mnist.load_data`` leaves it."""
    if entry.name != "mnist":
        return None
    home = os.environ.get("KERAS_HOME")
    path = (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"
    return path if path.is_file() else None


def where(entry: NamedDataset) -> str:
    """In words, where a dataset is or how it can be had; verifies and fetches nothing."""
    if not entry.files:
        return "embedded (comes with scikit-learn)"
    path = local_folder(entry) or _keras_archive(entry)
    if path is not None:
        return f"here: {path}"
    ways = f"`bakeoff data get {entry.name}` downloads {entry.download_bytes / 1e6:.0f} MB"
    if entry.debian_package:
        ways += f", or apt install {entry.debian_package}"
    return f"not here: {ways}"

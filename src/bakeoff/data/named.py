"""Loading, fetching and verifying the datasets known by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.data import idx
from bakeoff.data.assemble import assemble
from bakeoff.data.bounded import read_file
from bakeoff.data.catalogue import CATALOGUE, NamedDataset, Part, RemoteFile, look_up
from bakeoff.data.dataset import Dataset
from bakeoff.data.digits import digits_file, load_digits_dataset
from bakeoff.data.idx_bytes import IdxBytes
from bakeoff.data.places import cache_folder, keras_archive, local_folder, refuse_partial
from bakeoff.data.verified import Files, read_files, verified
from bakeoff.errors import DataError, DownloadError

if TYPE_CHECKING:
    from bakeoff.data.download import Progress

# The largest archive of the catalogue has 26 MB; an answer beyond this is not one of them.
_MAX_ARCHIVE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What ``bakeoff data list`` and ``info`` say of a dataset.

    Attributes:
        name, description, licence, class_names, image_shape: as in the catalogue.
        num_train, num_test, num_features, num_classes: examples outside the test part, in it,
            values per example, labels.
        found: whether it can be loaded without the network.
        path: folder or file it was found in; None when embedded or not found.
        where: in words, where it is or how it can be had.
        addresses: folders on the web it is downloaded from, in this order.
    """

    name: str
    description: str
    licence: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    num_train: int
    num_test: int
    num_features: int
    num_classes: int
    found: bool
    path: Path | None
    where: str
    addresses: tuple[str, ...]

    @property
    def sizes(self) -> str:
        """Such as ``60,000 + 10,000 of 28×28``: outside the test part + in it, image shape."""
        shape = "×".join(str(size) for size in self.image_shape)
        return f"{self.num_train:,} + {self.num_test:,} of {shape}"


def load_named(name: str, *, progress: Progress | None = None) -> Dataset:
    """Loads a dataset known by name, fetching it if it is nowhere on this machine.

    Looked for, in this order: the folder ``BAKEOFF_DATA``, the download cache, Keras's cache (for
    MNIST), where Debian's package puts it (Fashion-MNIST); then downloaded into the cache. Every
    file is verified by its SHA-256 (KMNIST: of the archive).

    Args:
        name: digits, mnist, fashion-mnist or kmnist.
        progress: called during a download with (bytes done, bytes in all or None, file name).

    Raises:
        DataError: an unknown name or a damaged file.
        DownloadError: it is not here and could not be fetched.
    """
    entry = look_up(name)
    if not entry.files:
        return load_digits_dataset(entry)
    files = _found(entry, progress)
    arrays = {part: idx.as_array(content) for part, content in files.items()}
    train, test = arrays["train_images"], arrays["test_images"]
    for part in ("train_labels", "test_labels"):
        labels = arrays[part]
        if labels.max() >= len(entry.class_names):
            raise DataError(
                f"{name}: {part} must lie in 0 … {len(entry.class_names) - 1}, but found "
                f"{labels.max()}; fetch the file again"
            )
    return assemble(
        entry.name,
        train.reshape(len(train), -1),
        arrays["train_labels"].astype(np.int32),
        test.reshape(len(test), -1),
        arrays["test_labels"].astype(np.int32),
        class_names=entry.class_names,
        image_shape=entry.image_shape,
    )


def _found(entry: NamedDataset, progress: Progress | None) -> Files:
    folder = local_folder(entry)
    archive = keras_archive(entry) if folder is None else None
    if archive is not None:
        return _read_keras(entry, archive)
    cached = cache_folder() / entry.name
    try:
        return read_files(entry, folder or get(entry.name, progress))
    except DownloadError:
        raise
    except DataError:
        if folder != cached:  # what the user put there is not bakeoff's to replace
            raise
        return read_files(entry, get(entry.name, progress))


def available() -> tuple[DatasetInfo, ...]:
    """Every dataset known by name, and where it is; verifies and fetches nothing."""
    return tuple(_info(entry) for entry in CATALOGUE.values())


def get(name: str, progress: Progress | None = None) -> Path:
    """Makes sure that a dataset is on this machine; the folder or file it is in.

    Raises:
        DataError: an unknown name, or a damaged file in ``BAKEOFF_DATA``.
        DownloadError: it could not be fetched.
    """
    entry = look_up(name)
    if not entry.files:
        return digits_file()
    found = local_folder(entry) or keras_archive(entry)
    cached = cache_folder() / entry.name
    if found is not None and found != cached:
        return found
    refuse_partial(entry)
    from bakeoff.data.download import fetch

    for file in entry.files:
        target = cached / f"{file.stem}.gz"
        if target.is_file() and _is_good(file, target):
            continue
        fetch(
            _addresses(entry, file),
            target,
            # A function of its own for each file: a closure in a loop would see the last one.
            check=_Check(file),
            max_bytes=_MAX_ARCHIVE_BYTES,
            progress=progress,
        )
    return cached


@dataclass(frozen=True, slots=True)
class _Check:
    """Raises DataError if a downloaded archive is not the expected file."""

    file: RemoteFile

    def __call__(self, path: Path) -> None:
        raw = read_file(path)
        if raw[:2] != b"\x1f\x8b":
            page = raw[:512].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))
            kind = "a web page (a log-in or error page?)" if page else "something else"
            raise DownloadError(f"the answer is {kind} instead of a gzip archive")
        verified(self.file, raw, self.file.stem)


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


def _read_keras(entry: NamedDataset, path: Path) -> Files:
    """Keras's copy holds the same arrays without the IDX headers; the sums are over both."""
    from bakeoff.data.npz import read_npz

    keys: dict[Part, str] = {
        "train_images": "x_train",
        "train_labels": "y_train",
        "test_images": "x_test",
        "test_labels": "y_test",
    }
    found = read_npz(path)
    files: dict[Part, IdxBytes] = {}
    for file in entry.files:
        key = keys[file.part]
        if key not in found:
            raise DataError(f"{path}: must hold {key}, but does not; delete the file")
        files[file.part] = verified(file, idx.encode(found[key]), f"{path}: {key}")
    return files


def _info(entry: NamedDataset) -> DatasetInfo:
    path: Path | None = None
    if not entry.files:
        found, where = True, "embedded (comes with scikit-learn)"
    else:
        path = local_folder(entry) or keras_archive(entry)
        found = path is not None
        where = f"here: {path}" if found else _how_to_get(entry)
    return DatasetInfo(
        name=entry.name,
        description=entry.description,
        licence=entry.licence,
        class_names=entry.class_names,
        image_shape=entry.image_shape,
        num_train=entry.num_train,
        num_test=entry.num_test,
        num_features=entry.image_shape[0] * entry.image_shape[1],
        num_classes=len(entry.class_names),
        found=found,
        path=path,
        where=where,
        addresses=entry.addresses,
    )


def _how_to_get(entry: NamedDataset) -> str:
    ways = f"`bakeoff data get {entry.name}` downloads {entry.download_bytes / 1e6:.0f} MB"
    if entry.debian_package:
        ways += f", or apt install {entry.debian_package}"
    return f"not here: {ways}"

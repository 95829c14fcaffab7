"""The datasets known by name: how they are verified, fetched, loaded and kept for the next time."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from bakeoff.data.array_files import decode_idx, encode_idx, read_npz
from bakeoff.data.arrays import from_arrays
from bakeoff.data.catalogue import (
    NamedDataset,
    Part,
    RemoteFile,
    cache_folder,
    digits_file,
    keras_archive,
    local_folder,
    look_up,
    path_in,
)
from bakeoff.data.dataset import Dataset, assemble, hashes
from bakeoff.data.reading import Parsing, read_file
from bakeoff.errors import DataError, DownloadError

if TYPE_CHECKING:
    from bakeoff.data.download import Progress

# The largest archive of the catalogue has 26 MB; an answer beyond this is not one of them.
_MAX_ARCHIVE_BYTES = 64 * 2**20

_KEPT_NAMES = ("features", "labels", "test_features", "test_labels")

FlatArrays = tuple[NDArray[Any], NDArray[np.int32], NDArray[Any], NDArray[np.int32]]
"""In the order of ``_KEPT_NAMES``; features of shape (num_examples, num_features)."""

Arrays = Mapping[Part, NDArray[Any]]


def load_named(name: str, *, progress: Progress | None = None) -> Dataset:
    """Loads a dataset known by name, fetching it if it is nowhere on this machine.

    What was verified once is memory-mapped from the cache (``keep``). Else it is looked for, in
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
    kept = load_kept(place, make)
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
        keep(place, flat)
    return load_kept(place, make) or make(*flat)


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


def _found(entry: NamedDataset, progress: Progress | None) -> tuple[Arrays, bool]:
    """The arrays of a dataset, and whether checksums vouch for all of them."""
    folder = local_folder(entry)
    archive = keras_archive(entry) if folder is None else None
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
        path = path_in(folder, file)
        if path is None:
            raise DataError(
                f"{folder}: {file.stem}.gz is gone; run `bakeoff data get {entry.name}`"
            )
        arrays[file.part] = verified(file, read_file(path), str(path))
        certain &= file.sha256 is not None or path.suffix == ".gz"
    return arrays, certain


def _read_keras(entry: NamedDataset, path: Path) -> Arrays:
    """Keras's copy holds the same arrays without the IDX headers; the sums are over both."""
    keys = dict(zip(get_args(Part), ("x_train", "y_train", "x_test", "y_test"), strict=True))
    found = read_npz(path)
    arrays = {}
    for file in entry.files:
        key = keys[file.part]
        if key not in found:
            raise DataError(f"{path}: must hold {key}, but does not; delete the file")
        arrays[file.part] = verified(file, encode_idx(found[key]), f"{path}: {key}")
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
    content = decode_idx(raw, place)
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
    found = local_folder(entry) or keras_archive(entry)
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


def _refuse_partial(entry: NamedDataset) -> None:
    """DataError if ``BAKEOFF_DATA`` has some of the files only: its owner should know."""
    if not os.environ.get("BAKEOFF_DATA"):
        return
    folder = Path(os.environ["BAKEOFF_DATA"]).expanduser() / entry.name
    missing = [file.stem for file in entry.files if path_in(folder, file) is None]
    if len(missing) < len(entry.files):
        raise DataError(
            f"{folder}: must hold the {len(entry.files)} files of {entry.name}, but {missing[0]}[.gz] is "
            "missing; add it, or remove the folder and the files are downloaded"
        )


def load_kept(place: Path, make: Callable[..., Dataset]) -> Dataset | None:
    """The dataset that ``keep`` left, or None where there is none or it is damaged.

    The hash, which ends the folder's name, is taken again at every load (0.05 s for MNIST): every
    dataset needs it, and whatever happened to the files, other numbers have another hash.

    Args:
        place: as in ``keep``.
        make: a dataset of the four arrays and their ``hashes``, as ``dataset.assemble`` does.
    """
    for folder in sorted(place.parent.glob(f"{place.name}-*")):
        try:
            with Parsing(f"{folder}: is damaged", "delete it"):
                arrays = [open_memmap(folder / f"{name}.npy", mode="r") for name in _KEPT_NAMES]
                found = hashes(*arrays)
        except DataError:
            continue
        in_order = all(array.flags.c_contiguous for array in arrays)
        if in_order and folder.name == f"{place.name}-{found[0]}":
            return make(*arrays, known_hashes=found)
    return None


def keep(place: Path, arrays: FlatArrays) -> None:
    """Writes verified arrays as ``.npy`` files into the cache, to be memory-mapped by later loads.

    That makes starts fast and lets processes share one copy.
    A cache that is full or cannot be written to is no error: the next load costs what this one did.

    Args:
        place: path that the name of the folder begins with; what it says must fix the content.
        arrays: see ``FlatArrays``.
    """
    folder = place.with_name(f"{place.name}-{hashes(*arrays)[0]}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
        try:
            for name, array in zip(_KEPT_NAMES, arrays, strict=True):
                np.save(part / f"{name}.npy", array)
            part.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)  # if there is one, it is damaged
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

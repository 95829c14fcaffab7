"""The named datasets shrunk to 80 made-up images, so that tests need no network and no minutes."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bakeoff.data import array_files, catalogue

RNG = np.random.default_rng(0)
ARRAYS = {
    "train_images": RNG.integers(0, 256, (60, 28, 28)).astype(np.uint8),
    "train_labels": np.tile(np.arange(10, dtype=np.uint8), 6),
    "test_images": RNG.integers(0, 256, (20, 28, 28)).astype(np.uint8),
    "test_labels": np.tile(np.arange(10, dtype=np.uint8), 2),
}


def _small(entry: catalogue.NamedDataset, *, archive_sums: bool) -> catalogue.NamedDataset:
    """The entry with the sums and shapes of the small made-up files above."""
    files = []
    for file in entry.files:
        data = array_files.encode_idx(ARRAYS[file.part])
        files.append(
            replace(
                file,
                shape=ARRAYS[file.part].shape,
                sha256=None if archive_sums else hashlib.sha256(data).hexdigest(),
                archive_sha256=hashlib.sha256(gzip.compress(data, mtime=0)).hexdigest()
                if archive_sums
                else None,
            )
        )
    return replace(entry, files=tuple(files), system_folder=None)


def shrink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Puts them in the catalogue's place, in a home of its own and without a network."""
    for name in ("BAKEOFF_DATA", "BAKEOFF_MIRROR", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BAKEOFF_MIRROR", "http://127.0.0.1:9")
    for name in ("mnist", "fashion-mnist", "kmnist"):
        monkeypatch.setitem(
            catalogue.CATALOGUE,
            name,
            _small(catalogue.CATALOGUE[name], archive_sums=name == "kmnist"),
        )


def write_files(folder: Path, *, zipped: bool = True, name: str = "mnist") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in catalogue.CATALOGUE[name].files:
        data = array_files.encode_idx(ARRAYS[file.part])
        if zipped:
            (folder / f"{file.stem}.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / file.stem).write_bytes(data)
    return folder

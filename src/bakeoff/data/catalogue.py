"""The catalogue of the datasets known by name; reads and fetches no data."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from bakeoff.errors import DataError

Part = Literal["train_images", "train_labels", "test_images", "test_labels"]

_STEMS: dict[Part, str] = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One IDX file of a named dataset.

    Attributes:
        part: what it holds.
        shape: that its header must announce.
        sha256: of the unpacked bytes, or None where that sum is not known for certain.
        archive_sha256: of the ``.gz`` file as its first address serves it, or None; used where
            ``sha256`` is not known.
    """

    part: Part
    shape: tuple[int, ...]
    sha256: str | None
    archive_sha256: str | None = None

    @property
    def stem(self) -> str:
        """Its name without ``.gz``."""
        return _STEMS[self.part]


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A dataset known by name; see ``catalogue.toml``.

    Attributes:
        name: as in a study file.
        description: one line.
        licence: short name.
        class_names: in the order of the labels.
        image_shape: (height, width).
        num_train, num_test: examples.
        files: the four IDX files; empty for what is embedded.
        addresses: folders on the web, ending in a slash, tried in this order.
        system_folder: where a Debian package puts the files, or None.
        debian_package: its name, or None.
        download_bytes: about how much is fetched.
        drawings: whether its images are single drawn characters, cut out and centred.
    """

    name: str
    description: str
    licence: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    num_train: int
    num_test: int
    files: tuple[RemoteFile, ...] = ()
    addresses: tuple[str, ...] = ()
    system_folder: str | None = None
    debian_package: str | None = None
    download_bytes: int = 0
    drawings: bool = False


def _read_catalogue() -> dict[str, NamedDataset]:
    text = (Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8")
    return {name: _entry(name, dict(table)) for name, table in tomllib.loads(text).items()}


def _entry(name: str, table: dict[str, Any]) -> NamedDataset:
    sums, archive_sums = table.pop("sha256", None), table.pop("archive_sha256", None)
    files = []
    for index, part in enumerate(get_args(Part) if sums or archive_sums else ()):
        num = table["num_train" if part.startswith("train") else "num_test"]
        shape = (num, *table["image_shape"]) if part.endswith("images") else (num,)
        files.append(
            RemoteFile(
                part,
                shape,
                sums[index] if sums else None,
                archive_sums[index] if archive_sums else None,
            )
        )
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in table.items()
    }
    return NamedDataset(name=name, files=tuple(files), **values)


CATALOGUE = _read_catalogue()
"""Every dataset known by name."""


def look_up(name: str) -> NamedDataset:
    """The entry of that name.

    Raises:
        DataError: there is none; names the nearest right one.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    known = ", ".join(CATALOGUE)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), CATALOGUE, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"data: there is no dataset {name!r}.{guess} Known by name: {known}; your own data is given "
        "by its path"
    )

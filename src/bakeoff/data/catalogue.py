"""The datasets known by name and the places where they may lie; reads and fetches no data."""

from __future__ import annotations

import difflib
import os
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
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


def digits_file() -> Path:
    """The file inside scikit-learn, found without importing it: that would cost a second."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError(
            "digits: scikit-learn, which brings the data, is missing; install scikit-learn"
        )
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


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


def path_in(folder: Path, file: RemoteFile) -> Path | None:
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
        if all(path_in(folder, file) is not None for file in entry.files):
            return folder
    return None


def keras_archive(entry: NamedDataset) -> Path | None:
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
    path = local_folder(entry) or keras_archive(entry)
    if path is not None:
        return f"here: {path}"
    ways = f"`bakeoff data get {entry.name}` downloads {entry.download_bytes / 1e6:.0f} MB"
    if entry.debian_package:
        ways += f", or apt install {entry.debian_package}"
    return f"not here: {ways}"

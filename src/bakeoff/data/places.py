"""Where on this machine a named dataset may lie; reads no data and fetches nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bakeoff.data.catalogue import NamedDataset, RemoteFile
from bakeoff.errors import DataError


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
    for name in (file.stem, f"{file.stem}.gz"):
        path = folder / name
        if path.is_file():
            return path
    return None


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


def refuse_partial(entry: NamedDataset) -> None:
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


def keras_archive(entry: NamedDataset) -> Path | None:
    """``mnist.npz`` where ``keras.datasets.mnist.load_data`` leaves it."""
    if entry.name != "mnist":
        return None
    home = os.environ.get("KERAS_HOME")
    path = (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"
    return path if path.is_file() else None

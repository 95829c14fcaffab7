"""The files of a named dataset as verified bytes; knows the standard library only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bakeoff.data.bounded import read_file
from bakeoff.data.catalogue import NamedDataset, Part, RemoteFile
from bakeoff.data.idx_bytes import TYPE_NAMES, IdxBytes, unpack
from bakeoff.data.places import path_in
from bakeoff.errors import DataError

Files = Mapping[Part, IdxBytes]


def verified(file: RemoteFile, raw: bytes, place: str) -> IdxBytes:
    """Takes one file of the catalogue apart and checks shape, type and checksum.

    Args:
        file: what it must be.
        raw: as it lies on the disk, plain or zipped.
        place: its name, for messages.

    Raises:
        DataError: damaged, or another file.
    """
    content = unpack(raw, place, with_sum=file.sha256 is not None)
    expected = file.sha256
    found: str | None = content.sha256
    what = "unpacked bytes"
    if expected is None and raw[:2] == b"\x1f\x8b":
        expected, what = file.archive_sha256, "archive"
        found = hashlib.sha256(raw).hexdigest()
    kind = TYPE_NAMES[content.code]
    if content.shape != file.shape or kind != "uint8":
        raise DataError(
            f"{place}: must hold bytes of shape {file.shape}, but holds {kind} of shape "
            f"{content.shape}; put the right file there or delete it"
        )
    if expected is not None and found != expected:
        raise DataError(
            f"{place}: the SHA-256 of its {what} must be {expected[:12]}…, but is {(found or '')[:12]}…; "
            "the file is damaged or another one: fetch it again"
        )
    return content


def read_files(entry: NamedDataset, folder: Path) -> Files:
    """Reads and verifies all files of a dataset.

    Raises:
        DataError: a file is gone, damaged or another one.
    """

    def read(file: RemoteFile) -> IdxBytes:
        path = path_in(folder, file)
        if path is None:
            raise DataError(
                f"{folder}: {file.stem}.gz is gone; run `bakeoff data get {entry.name}`"
            )
        return verified(file, read_file(path), str(path))

    return {file.part: read(file) for file in entry.files}

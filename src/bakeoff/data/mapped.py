"""Verified arrays as ``.npy`` files in the cache, memory-mapped from the second load on.

That makes starts fast and lets processes share one copy. A folder holds the four arrays of a dataset,
and its name ends in their hash. The hash is taken again whenever they are loaded (0.05 s for MNIST):
every dataset needs it, and whatever happened to the files, other numbers have another hash and are
read from their source again.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from bakeoff.data.dataset import Dataset, hashes
from bakeoff.data.reading import Parsing
from bakeoff.errors import DataError

_NAMES = ("features", "labels", "test_features", "test_labels")

Arrays = tuple[NDArray[Any], NDArray[np.int32], NDArray[Any], NDArray[np.int32]]
"""In the order of ``_NAMES``; features of shape (num_examples, num_features)."""


def load(place: Path, make: Callable[..., Dataset]) -> Dataset | None:
    """The dataset that ``keep`` left, or None where there is none or it is damaged.

    Args:
        place: as in ``keep``.
        make: a dataset of the four arrays and their ``hashes``, as ``dataset.assemble`` does.
    """
    for folder in sorted(place.parent.glob(f"{place.name}-*")):
        try:
            with Parsing(f"{folder}: is damaged", "delete it"):
                arrays = [open_memmap(folder / f"{name}.npy", mode="r") for name in _NAMES]
                found = hashes(*arrays)
        except DataError:
            continue
        in_order = all(array.flags.c_contiguous for array in arrays)
        if in_order and folder.name == f"{place.name}-{found[0]}":
            return make(*arrays, known_hashes=found)
    return None


def keep(place: Path, arrays: Arrays) -> None:
    """Writes the arrays of a dataset for later loads.

    A cache that is full or cannot be written to is no error: the next load costs what this one did.

    Args:
        place: path that the name of the folder begins with; what it says must fix the content.
        arrays: see ``Arrays``.
    """
    folder = place.with_name(f"{place.name}-{hashes(*arrays)[0]}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
        try:
            for name, array in zip(_NAMES, arrays, strict=True):
                np.save(part / f"{name}.npy", array)
            part.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)  # if there is one, it is damaged
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

"""Where data comes from: by name, by path, or from arrays. The one door to everything in ``data``.

Nothing heavy (pandas, pyarrow, Pillow, urllib) is imported before a source needs it.
"""

from __future__ import annotations

from bakeoff.data.assemble import DEFAULT_TEST_FRACTION, from_arrays
from bakeoff.data.catalogue import CATALOGUE
from bakeoff.data.files import load_path, looks_like_path
from bakeoff.data.named import DatasetInfo, available, get, load_named
from bakeoff.data.places import cache_folder

NAMES: tuple[str, ...] = tuple(CATALOGUE)

__all__ = [
    "DEFAULT_TEST_FRACTION",
    "NAMES",
    "DatasetInfo",
    "available",
    "cache_folder",
    "from_arrays",
    "get",
    "load_named",
    "load_path",
    "looks_like_path",
]

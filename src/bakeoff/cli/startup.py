"""The first tenths of a second of the process: what is begun at once and what is left out.

Everything here must import in milliseconds, so it knows neither the commands nor NumPy.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import bakeoff
from bakeoff.data.beside import Beside
from bakeoff.data.catalogue import CATALOGUE, NamedDataset
from bakeoff.data.places import local_folder
from bakeoff.data.verified import Files, read_files
from bakeoff.errors import DataError
from bakeoff.interruption import Interruption

# OpenBLAS's threads look for work for 2²⁶ clock ticks before they sleep, 30 ms of every core at
# each start for a command that may never multiply a matrix. They still wake when there is work.
_BLAS_SPIN = ("OPENBLAS_THREAD_TIMEOUT", "10")  # 2¹⁰ ticks

# A study file is not larger (``bakeoff.spec.reading``), and what is larger is not worth reading here.
_MOST_BYTES = 1_048_576

interruption = Interruption()
"""Whether Ctrl-C or SIGTERM came. Imports, and compiled code that they run, may drop the exception
that either raises, so whoever begins a study asks again."""


def quiet_libraries() -> None:
    """Keeps libraries that are not loaded yet from burning time; the user's own settings stand."""
    os.environ.setdefault(*_BLAS_SPIN)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """For imports: no search for garbage, because what a module makes stays; nor ever in it again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class EarlyFiles:
    """The files of a named dataset, being read while the rest of the program is imported.

    Attributes:
        name: of the dataset.
    """

    def __init__(self, entry: NamedDataset, folder: Path) -> None:
        self.name = entry.name
        self._reading = Beside(lambda: read_files(entry, folder), "bakeoff-files")

    def result(self) -> Files | None:
        """The verified files; None where something is wrong, which reading them again will say."""
        try:
            return self._reading.result()
        except DataError:
            return None


def early_files(words: Sequence[str]) -> EarlyFiles | None:
    """Begins to read the dataset of the study that ``bakeoff run`` was called with.

    A guess from the words and the study's text, which are checked later; who loads the data must
    compare the name. None where there is nothing to read: another command, data that is embedded,
    the user's own, or not on this machine.
    """
    if not words or words[0] != "run":
        return None
    name = next(filter(None, map(_data_name, words[1:])), None)
    entry = CATALOGUE.get(name or "")
    folder = None if entry is None or not entry.files else local_folder(entry)
    return None if entry is None or folder is None else EarlyFiles(entry, folder)


def _data_name(word: str) -> str | None:
    """The data of the built-in study or study file that a word may be; None where it is neither."""
    built_in = Path(bakeoff.__file__).parent / "studies" / f"{word}.toml"
    path = built_in if word.replace("-", "").isalnum() else Path(word)
    try:
        if path.suffix != ".toml" or path.stat().st_size > _MOST_BYTES:
            return None
        data = tomllib.loads(path.read_text(encoding="utf-8")).get("data")
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, str) else None

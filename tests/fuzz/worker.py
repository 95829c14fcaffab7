"""One process: runs cases of a family and prints one line of JSON for each."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.errors import BakeoffError
from tests.fuzz import Family, load_families

HARD_LIMIT = 12 * 2**30
"""Bytes of address space after which the system itself says no."""


def main() -> None:
    """``worker FAMILY SEED FIRST END``."""
    sys.path.append(str(Path(__file__).parents[1]))  # as pytest does
    family = load_families()[sys.argv[1]]
    seed, first, end = map(int, sys.argv[2:])
    resource.setrlimit(resource.RLIMIT_AS, (HARD_LIMIT, HARD_LIMIT))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a case prints must not look like an answer
    root = Path(tempfile.mkdtemp(prefix="bakeoff-fuzz-"))
    warnings.simplefilter("ignore")
    try:
        if family.prepare is not None:
            family.prepare()
        for number in range(first, end):
            folder = root / "case"
            folder.mkdir()
            answers.write(json.dumps(_run(family, seed, number, folder)) + "\n")
            answers.flush()
            shutil.rmtree(folder)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _run(family: Family, seed: int, number: int, folder: Path) -> dict[str, Any]:
    name = int.from_bytes(family.name.encode(), "big")
    rng = np.random.default_rng([seed, number, name])
    before, began = _begin_peak(), time.process_time()
    outcome, problem = "accepted", None
    try:
        family.run(rng, folder)
    except BakeoffError as error:
        outcome, problem = "refused", _unsafe(str(error))
    except AssertionError as error:
        outcome, problem = "broken", f"{error or 'AssertionError'}{_place(error)}"
    except BaseException as error:
        outcome, problem = "broken", f"{type(error).__name__}: {error!s:.150}{_place(error)}"
    seconds = time.process_time() - began
    megabytes = max(0.0, _peak() - before)
    if problem is None and seconds > family.seconds:
        problem = f"took {seconds:.1f} s, more than {family.seconds:g}"
    if problem is None and megabytes > family.megabytes:
        problem = f"took {megabytes:.0f} MB, more than {family.megabytes:g}"
    return {"outcome": outcome, "problem": problem, "seconds": seconds, "megabytes": megabytes}


def _unsafe(message: str) -> str | None:
    """What is wrong with a message, or None."""
    lines = message.split("\n")
    if not all(line.isprintable() for line in lines):
        return f"a message that a terminal would obey: {message!r:.200}"
    return "a line of 4,000 characters and more" if max(map(len, lines)) >= 4000 else None


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bakeoff/" in frame.filename] or frames
    return f" ({Path(ours[-1].filename).name}:{ours[-1].lineno})"


def _begin_peak() -> float:
    """Forgets the peak; resident memory in MB."""
    with contextlib.suppress(OSError):  # only Linux can forget it
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    """Peak of the resident memory in MB."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    found = re.search(r"VmHWM:\s*(\d+)", status)
    return int(found[1]) / 1e3 if found else 0.0


if __name__ == "__main__":
    main()

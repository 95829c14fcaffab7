"""Runs the real command line in a process of its own, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """A quiet environment: no colours asked for, a fixed width, no terminal program."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "COLUMNS": "100", "PYTHONWARNINGS": "error", **more}


def bakeoff(*arguments: str, folder: Path, timeout: float = 120, **more: str) -> Done:
    """Runs ``bakeoff`` with arguments in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Done(done.returncode, done.stdout, done.stderr)


SMALL_STUDY = """\
format = 1
name = "small"
data = "digits"
looks = [3]
final_replicates = 2
audit = false

[base]
scale = "unit"
hidden = [8]
learning_rate = 0.1
epochs = 2

[[stage]]
name = "width"
question = "How wide?"
vary.hidden = [[8], [24]]
"""

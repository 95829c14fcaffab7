"""Where the runs are made: versions, processor, git commit."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy as np

import bakeoff
from bakeoff.executors.base import available_cores
from bakeoff.records import Environment


@cache
def cpu_name() -> str:
    """The processor's name as the system gives it, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out in a folder, or None outside a repository."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607  (the user's own git)
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    commit = done.stdout.strip()
    return commit if done.returncode == 0 and commit else None


def describe(engine_name: str, folder: Path) -> Environment:
    """The record that every study carries."""
    return Environment(
        bakeoff=bakeoff.__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        platform=platform.platform(),
        cpu=cpu_name(),
        num_cores=available_cores(),
        engine=engine_name,
        git_commit=git_commit(folder),
    )

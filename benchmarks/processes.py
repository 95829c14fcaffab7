"""Starts measuring processes with their threads under control; knows nothing of what they measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def num_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def all_cores() -> list[int]:
    """Numbers of the cores this process may use, ascending; empty where they cannot be chosen."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def environment(num_threads: int, extra: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    """Variables that hold every library to ``num_threads`` threads."""
    count = str(num_threads)
    values = {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": count,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONWARNINGS": "ignore",
        "NO_COLOR": "1",
        **dict(extra),
    }
    # What is installed has its bytecode beside it; a checkout would be compiled at every start.
    values.pop("PYTHONDONTWRITEBYTECODE", None)
    if num_threads == 1:
        values["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return values


def start(
    request: dict[str, Any], cores: list[int] | None, extra: tuple[tuple[str, str], ...] = ()
) -> subprocess.Popen[str]:
    """Starts a worker on the given cores (None: all)."""
    num_threads = num_cores() if cores is None else len(cores)
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", json.dumps({**request, "cores": cores})],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(num_threads, extra),
    )


def finish(process: subprocess.Popen[str], timeout: float) -> dict[str, Any]:
    """The worker's answer, or why there is none under ``missing``."""
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"missing": f"stopped after {timeout:.0f} s", "stopped_after": timeout}
    if process.returncode != 0:
        lines = [line for line in errors.strip().splitlines() if line.strip()]
        return {"missing": f"failed: {lines[-1] if lines else process.returncode}"}
    answer: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return answer


def ask(
    request: dict[str, Any],
    cores: list[int] | None,
    extra: tuple[tuple[str, str], ...] = (),
    timeout: float = 600.0,
) -> dict[str, Any]:
    """Starts a worker, waits for it, and gives its answer."""
    return finish(start(request, cores, extra), timeout)


def command_seconds(
    command: list[str], *, timeout: float, extra: tuple[tuple[str, str], ...] = ()
) -> tuple[float, str]:
    """Wall time of a whole command and its standard output.

    Raises:
        RuntimeError: when it fails; with the last line of its standard error.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment(num_cores(), extra)},
        timeout=timeout,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(f"{command[0]}: {lines[-1]}")
    return seconds, done.stdout

"""The notebook's thirteen models as whole commands, start-up included, on all cores."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import command_seconds
from benchmarks.session import Session

BACKENDS = {"keras-jax": "jax", "keras-tf": "tensorflow"}
EPOCHS = 10
TIMEOUT = 1500.0


def run(session: Session) -> None:
    section = session.begin("notebook")
    for peer in ("bakeoff", *BACKENDS):
        if peer in session.peers:
            entry = (
                _bakeoff(session) if peer == "bakeoff" else _keras(session, peer, BACKENDS[peer])
            )
            session.add(section, entry)
            print(_line(entry), flush=True)


def _bakeoff(session: Session) -> dict[str, Any]:
    output = session.scratch / "notebook.json"
    command = [
        str(Path(sys.executable).with_name("bakeoff")), "run", "mnist-notebook",
        "--replicates", "1", "--json", str(output),
        "--store", ":memory:", "--report", str(session.scratch / "notebook.html"),
    ]  # fmt: skip
    try:
        times = [command_seconds(command, timeout=TIMEOUT)[0] for _ in range(3)]
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return {"peer": "bakeoff-command", "missing": str(error)}
    accuracies = {
        candidate["label"]: candidate["runs"][0]["test_accuracy"]
        for stage in json.loads(output.read_text())["stages"]
        for candidate in stage["candidates"]
    }
    return {
        "peer": "bakeoff-command",
        "seconds": statistics.median(times),
        "all_seconds": times,
        "test_accuracy": accuracies,
        "epochs": EPOCHS,
    }


def _keras(session: Session, peer: str, backend: str) -> dict[str, Any]:
    epochs = 1 if session.quick else EPOCHS
    command = [
        sys.executable, "-m", "benchmarks.peers.notebook", str(_archive(session)), str(epochs),
    ]  # fmt: skip
    try:
        seconds, output = command_seconds(
            command, timeout=TIMEOUT, extra=(("KERAS_BACKEND", backend),)
        )
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return {"peer": peer, "missing": str(error).splitlines()[0]}
    answer = json.loads(output.strip().splitlines()[-1])
    return {
        "peer": peer,
        "seconds": seconds,
        "epochs": epochs,
        "test_accuracy": answer["test_accuracy"],
        "versions": {"keras": answer["keras"]},
    }


def _archive(session: Session) -> Path:
    """MNIST as ``keras.datasets.mnist`` keeps it."""
    from bakeoff.data.named import load_named

    path = session.scratch / "mnist.npz"
    if not path.exists():
        mnist = load_named("mnist")
        test = mnist.test.open_()
        np.savez(
            path,
            x_train=mnist.features.reshape(-1, 28, 28),
            y_train=mnist.labels.astype(np.uint8),
            x_test=test.features.reshape(-1, 28, 28),
            y_test=test.labels.astype(np.uint8),
        )
    return path


def _line(entry: dict[str, Any]) -> str:
    if "missing" in entry:
        return f"notebook  {entry['peer']:16} missing: {entry['missing']}"
    return f"notebook  {entry['peer']:16} {entry['seconds']:8.2f} s ({entry['epochs']} epochs)"

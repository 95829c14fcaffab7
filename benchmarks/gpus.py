"""Whether runs get the GPUs that their study asks for: ``python -m benchmarks.gpus [--replicates 3]``.

Whole studies of a small network in PyTorch, and in JAX where it is installed with a GPU of its own, on
a machine with an NVIDIA GPU: without one, with one for each run, and with half of one. Each run says
what it saw and when; each line says what was found and ``ok`` or ``FAILED``. Where there is no GPU, or no
PyTorch, it says so and checks nothing. Exit code 1 where a line failed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bakeoff
from bakeoff.records import Run

WORKERS = 2
HELD_SECONDS = 1.0
"""How much longer a run holds its GPU than it needs, so that two that overlap are seen to."""

MAX_DIFFERENCE = 0.01
"""Mean difference in accuracy between GPU and CPU, paired: the order of sums is all that differs."""


def torch_net(data, *, seed, hidden: int = 32, epochs: int = 20, held_seconds: float = 0.0):
    """A network on the first GPU that the run sees, else on the CPU; drawn and shuffled on the CPU."""
    import torch

    began = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(data.num_features, hidden), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(hidden, data.num_classes)).to(device)
    x = torch.as_tensor(data.x_train, dtype=torch.float32).to(device) / 16
    y = torch.as_tensor(data.y_train).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[rows.to(device)]), y[rows.to(device)])
            loss.backward()
            optimizer.step()
        yield {"train_loss": loss.item()}
    time.sleep(held_seconds)
    _tell(began, torch.cuda.device_count(), device)

    def predict(features):
        with torch.no_grad():
            return model(torch.as_tensor(features, dtype=torch.float32).to(device) / 16)

    return predict


def jax_net(data, *, seed, hidden: int = 32, epochs: int = 20, held_seconds: float = 0.0):
    """The same in JAX, trained on all examples at once, on whatever JAX takes by default."""
    import jax
    import jax.numpy as jnp

    began = time.time()
    gpus = [one for one in jax.devices() if one.platform == "gpu"]
    keys = jax.random.split(jax.random.key(seed), 2)
    shapes = [(data.num_features, hidden), (hidden, data.num_classes)]
    weights = [jax.random.normal(k, s) / s[0] ** 0.5 for k, s in zip(keys, shapes, strict=True)]
    x, y = jnp.asarray(data.x_train, jnp.float32) / 16, jnp.asarray(data.y_train)

    def scores(weights, x):
        return jnp.maximum(x @ weights[0], 0.0) @ weights[1]

    @jax.jit
    def step(weights):
        def loss_of(weights):
            each = jax.nn.log_softmax(scores(weights, x))
            return -jnp.take_along_axis(each, y[:, None], 1).mean()

        loss, gradients = jax.value_and_grad(loss_of)(weights)
        return loss, [w - 0.5 * g for w, g in zip(weights, gradients, strict=True)]

    for _ in range(epochs):
        for _ in range(10):
            loss, weights = step(weights)
        yield {"train_loss": float(loss)}
    time.sleep(held_seconds)
    _tell(began, len(gpus), jax.devices()[0].platform)
    return lambda features: scores(weights, jnp.asarray(features, jnp.float32) / 16)


def _tell(began: float, num_devices: int, device: str) -> None:
    """What a run saw, printed, so that it is in the run's notes."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    seen = {"began": began, "ended": time.time(), "devices": num_devices, "device": device}
    print("\n" + json.dumps({**seen, "visible": visible}), flush=True)


Net = Callable[..., Any]


def runs_of(
    net: Net, gpus: float, folder: Path, replicates: int
) -> tuple[list[Run], dict[str, float], bool]:
    """The runs of a study, what its final model has on the test part, whether they are found again."""
    model = {"function": net, "gpus": gpus, "timeout": 240}
    name = f"{net.__name__}-{gpus:g}"
    made = bakeoff.Study("digits", model=model, name=name, audit=False, final_replicates=1)
    made.stage("hidden", hidden=[16, 64], held_seconds=[HELD_SECONDS if gpus else 0.0])
    options: dict[str, Any] = {"store": folder / f"{name}.sqlite", "workers": WORKERS}
    result = made.run(replicates=replicates, **options)
    again = made.run(replicates=replicates, **options)
    trained = [
        [run for s in one.record.stages for g in s.runs for run in g] for one in (result, again)
    ]
    final = result.to_dict()["final"]["test"] or {}
    return trained[0], final, all(run.reused for run in trained[1])


def seen_by(run: Run) -> dict[str, Any]:
    """What a run told of itself; empty where it did not get that far."""
    lines = str(run.notes.get("output", "")).splitlines()
    told = [line for line in lines if line.startswith('{"began"')]
    return json.loads(told[-1]) if told else {}


def most_at_once(seen: Sequence[dict[str, Any]]) -> int:
    """How many runs overlapped at most."""
    return max((sum(b["began"] <= a["began"] < b["ended"] for b in seen) for a in seen), default=0)


class Lines:
    """What was found, line by line."""

    def __init__(self) -> None:
        self.failed = 0

    def say(self, what: str, found: object, *, ok: bool) -> None:
        self.failed += not ok
        print(f"{what:<66} {found!s:<34} {'ok' if ok else 'FAILED'}", flush=True)


def check(net: Net, folder: Path, replicates: int, lines: Lines) -> None:
    """Three studies of one network: without a GPU, with one for each run, with half of one."""
    accuracies: dict[float, list[float]] = {}
    for gpus in (0.0, 1.0, 0.5):
        about = f"{net.__name__}, gpus = {gpus:g}"
        try:
            runs, final, found_again = runs_of(net, gpus, folder, replicates)
        except bakeoff.BakeoffError as error:
            lines.say(f"{about}: the study ends", str(error), ok=False)
            continue
        failed = [run.reason for run in runs if run.status != "finished"]
        lines.say(f"{about}: {len(runs)} runs finish", failed[:1] or "all", ok=not failed)
        seen = [one for run in runs if (one := seen_by(run))]
        devices = sorted({one["devices"] for one in seen})
        visible = sorted({one["visible"] or "none" for one in seen})
        wanted = [1] if gpus else [0]
        kinds = sorted({one["device"] for one in seen})
        lines.say(
            f"{about}: GPUs that each run sees",
            f"{devices} on {kinds}, visible {visible}",
            ok=devices == wanted and kinds != ["cpu"] if gpus else devices == wanted,
        )
        if gpus:
            num_gpus = len(visible)
            most = most_at_once(seen)
            wanted_most = min(WORKERS, num_gpus * int(1 / gpus))
            lines.say(
                f"{about}: runs at once, of {WORKERS} asked for", most, ok=most == wanted_most
            )
        accuracies[gpus] = [run.metrics.get("val_accuracy", 0.0) for run in runs]
        lines.say(f"{about}: runs found again by a second call", found_again, ok=found_again)
        accuracy = final.get("accuracy_mean")
        lines.say(f"{about}: final model on the test part", accuracy, ok=(accuracy or 0.0) > 0.8)
        if gpus and 0.0 in accuracies:
            pairs = list(zip(accuracies[gpus], accuracies[0.0], strict=True))
            mean = statistics.fmean(a - b for a, b in pairs)
            lines.say(
                f"{about}: accuracy beside the CPU's, mean of {len(pairs)} pairs",
                f"{mean:+.4f} (± {MAX_DIFFERENCE:g} allowed)",
                ok=abs(mean) <= MAX_DIFFERENCE,
            )


def gpu_names() -> list[str]:
    """Of the NVIDIA GPUs of this machine, with their driver."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.strip().splitlines()


def in_a_process(code: str) -> str:
    """What a fresh interpreter prints last, so that this one never opens a GPU of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False
    )
    return done.stdout.strip().rpartition("\n")[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpus", description=__doc__)
    parser.add_argument("--replicates", type=int, default=3, help="of each candidate (3)")
    arguments = parser.parse_args()
    libraries = {}
    for name in ("torch", "jax", "scikit-learn", "numpy"):
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "missing"
    print(
        f"bakeoff {bakeoff.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, "
        + ", ".join(f"{name} {number}" for name, number in libraries.items())
    )
    if find_spec("torch") is None:
        print("skipped: PyTorch is not installed")
        return 0
    if in_a_process("import torch; print(torch.cuda.is_available())") != "True":
        print(f"skipped: PyTorch finds no GPU here (nvidia-smi: {gpu_names() or 'none'})")
        return 0
    print(f"{'; '.join(gpu_names())}; n = {arguments.replicates} replicates of 2 candidates")
    lines = Lines()
    with tempfile.TemporaryDirectory(prefix="bakeoff-gpus-") as folder:
        check(torch_net, Path(folder), arguments.replicates, lines)
        code = "import jax; print(jax.default_backend())"
        if find_spec("jax") is not None and in_a_process(code) == "gpu":
            check(jax_net, Path(folder), arguments.replicates, lines)
        else:
            print("jax_net: skipped, JAX is not installed or finds no GPU")
    print(f"{lines.failed} lines FAILED" if lines.failed else "all ok")
    return 1 if lines.failed else 0


if __name__ == "__main__":
    sys.exit(main())

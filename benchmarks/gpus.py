"""Whether runs get the GPUs that their study asks for: ``python -m benchmarks.gpus [--replicates 3]``.

Whole studies of a small network on a machine with an NVIDIA GPU, in PyTorch, and where they are
installed in JAX and in Keras (on the backend that ``KERAS_BACKEND`` says, else PyTorch): without a GPU,
with one for each run, and with half of one. Then one whose runs have a limit of memory, and one whose
first run never ends, so that the next need its GPU back. Each run says what it saw and when; each line
says what was found and ``ok`` or ``FAILED``. Where there is no GPU, or no PyTorch, it says so and checks
nothing. Exit code 1 where a line failed.
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

MAX_DIFFERENCE = {"torch_net": 0.01, "jax_net": 0.01, "keras_net": 0.03}
"""Mean difference in accuracy between GPU and CPU, paired: the order of sums and the digits that a
product keeps are all that differs, and in Keras on PyTorch also the random numbers."""

MEMORY_GIB = 16.0
"""Of a run that has a limit: what CUDA reserves and never uses must not count against it."""

TIMEOUT_SECONDS = 30.0
"""Of a run that never ends; enough for one that imports its library, which others have done before."""


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
    _tell(began, len(gpus), jax.devices()[0].platform, _jax_bytes())
    return lambda features: scores(weights, jnp.asarray(features, jnp.float32) / 16)


def keras_net(input_shape, num_classes, *, hidden: int = 32, held_seconds: float = 0.0):
    """The same in Keras; says where its weights lie, which is where Keras trains."""
    import keras

    began = time.time()
    layers = [keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    layers += [keras.layers.Dense(hidden, activation="relu"), keras.layers.Dense(num_classes)]
    model = keras.Sequential([keras.Input(input_shape), *layers])
    time.sleep(held_seconds)
    weights = model.weights[0].value
    if keras.backend.backend() == "jax":
        import jax

        gpus = [one for one in jax.devices() if one.platform == "gpu"]
        _tell(began, len(gpus), next(iter(weights.devices())).platform, _jax_bytes())
    else:
        import torch

        _tell(began, torch.cuda.device_count(), weights.device.type)
    return model


def _jax_bytes() -> int:
    """What JAX may take of its GPU's memory."""
    import jax

    return (jax.devices()[0].memory_stats() or {}).get("bytes_limit", 0)


def _tell(began: float, num_devices: int, device: str, most_bytes: int = 0) -> None:
    """What a run saw, printed, so that it is in the run's notes."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    seen = {"began": began, "ended": time.time(), "devices": num_devices, "device": device}
    print("\n" + json.dumps({**seen, "visible": visible, "bytes": most_bytes}), flush=True)


Net = Callable[..., Any]
BASE = {"epochs": 10, "optimizer": "adam", "learning_rate": 0.01, "batch_size": 64}
"""Of the network in Keras; the others have theirs in their signatures."""


def study_of(net: Net, gpus: float, **options: Any) -> bakeoff.Study:
    """A study of a network, whose runs get so many GPUs."""
    kind, base = ("keras", BASE) if net is keras_net else ("function", None)
    model = {kind: net, "gpus": gpus, "timeout": 240.0, **options}
    name = f"{net.__name__}-{gpus:g}"
    return bakeoff.Study(
        "digits", model=model, base=base, name=name, audit=False, final_replicates=1
    )


def runs_in(result: bakeoff.Result) -> list[Run]:
    """All of its stages."""
    return [run for stage in result.record.stages for group in stage.runs for run in group]


def runs_of(
    net: Net, gpus: float, folder: Path, replicates: int
) -> tuple[list[Run], dict[str, float], bool]:
    """The runs of a study, what its final model has on the test part, whether they are found again."""
    made = study_of(net, gpus)
    made.stage("hidden", hidden=[16, 64], held_seconds=[HELD_SECONDS if gpus else 0.0])
    store = folder / f"{made.spec.name}.sqlite"
    options: dict[str, Any] = {"replicates": replicates, "store": store, "workers": WORKERS}
    result = made.run(**options)
    again = made.run(**options)
    final = result.to_dict()["final"]["test"] or {}
    return runs_in(result), final, all(run.reused for run in runs_in(again))


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


def check(
    net: Net, folder: Path, replicates: int, lines: Lines, *, num_gpus: int, gpu_bytes: float
) -> None:
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
        if most_bytes := max((one["bytes"] for one in seen), default=0):
            share = most_bytes / gpu_bytes
            lines.say(
                f"{about}: share of a GPU's memory that a run may take",
                f"{share:.3f}",
                ok=share <= min(1.0, gpus),
            )
        if gpus:
            most = most_at_once(seen)
            wanted_most = min(WORKERS, num_gpus * int(1 / gpus))
            lines.say(
                f"{about}: runs at once, of {WORKERS} asked for", most, ok=most == wanted_most
            )
        accuracies[gpus] = [run.metrics.get("val_accuracy", 0.0) for run in runs]
        lines.say(f"{about}: runs found again by a second call", found_again, ok=found_again)
        accuracy = final.get("accuracy_mean", 0.0)
        lines.say(f"{about}: final model on the test part", f"{accuracy:.4f}", ok=accuracy > 0.8)
        if gpus and 0.0 in accuracies:
            pairs = list(zip(accuracies[gpus], accuracies[0.0], strict=True))
            mean = statistics.fmean(a - b for a, b in pairs)
            lines.say(
                f"{about}: accuracy beside the CPU's, mean of {len(pairs)} pairs",
                f"{mean:+.4f} (± {MAX_DIFFERENCE[net.__name__]:g} allowed)",
                ok=abs(mean) <= MAX_DIFFERENCE[net.__name__],
            )


def check_limits(net: Net, lines: Lines) -> None:
    """Two short studies: with a limit to a run's memory, and with a first run that has to be ended."""
    device = "cuda" if net is torch_net else "gpu"
    ended = f"took longer than {TIMEOUT_SECONDS:g} s"
    for limit, held_seconds, wanted in (
        ({"memory": MEMORY_GIB}, [0.0, HELD_SECONDS], [device, device]),
        ({"timeout": TIMEOUT_SECONDS}, [3600.0, 0.0, HELD_SECONDS], [ended, device, device]),
    ):
        name, value = next(iter(limit.items()))
        about = f"{net.__name__}, gpus = 1, {name} = {value:g}: how runs end, in turn"
        made = study_of(net, 1.0, **limit)
        made.stage("held", held_seconds=held_seconds)
        try:
            runs = runs_in(made.run(replicates=1, store=":memory:", workers=1))
        except bakeoff.BakeoffError as error:
            lines.say(about, str(error), ok=False)
            continue
        found = [str(run.reason or seen_by(run).get("device")) for run in runs]
        lines.say(about, ", ".join(found), ok=found == wanted)


def gpus_here(what: str) -> list[str]:
    """Something of each NVIDIA GPU of this machine, as nvidia-smi names it."""
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
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


def missing_for(net: Net) -> str | None:
    """Why a network cannot be checked here."""
    backend = "torch"
    if net is keras_net:
        backend = os.environ.setdefault("KERAS_BACKEND", "torch")
        if find_spec("keras") is None or backend not in ("torch", "jax"):
            return f"Keras is not installed, or runs on {backend}, which is not checked"
    if net is jax_net or backend == "jax":
        code = "import jax; print(jax.default_backend())"
        if find_spec("jax") is None or in_a_process(code) != "gpu":
            return "JAX is not installed, or finds no GPU"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpus", description=__doc__)
    parser.add_argument("--replicates", type=int, default=3, help="of each candidate (3)")
    nets = ["torch", "jax", "keras"]
    parser.add_argument("--only", nargs="+", choices=nets, default=nets, help="one or two of them")
    arguments = parser.parse_args()
    libraries = {}
    for name in ("torch", "jax", "keras", "scikit-learn", "numpy"):
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
    num_gpus = int(in_a_process("import torch; print(torch.cuda.device_count())") or 0)
    if not num_gpus:
        print(f"skipped: PyTorch finds no GPU here (nvidia-smi: {gpus_here('name') or 'none'})")
        return 0
    gpus = "; ".join(gpus_here("name,memory.total,driver_version"))
    print(f"{gpus} (MiB, driver); n = {arguments.replicates} replicates of 2 candidates")
    here: dict[str, Any] = {"num_gpus": num_gpus}
    here["gpu_bytes"] = min(map(float, gpus_here("memory.total"))) * 2**20
    lines = Lines()
    with tempfile.TemporaryDirectory(prefix="bakeoff-gpus-") as folder:
        for net in (torch_net, jax_net, keras_net):
            if net.__name__.partition("_")[0] not in arguments.only:
                continue
            if missing := missing_for(net):
                print(f"{net.__name__}: skipped, {missing}")
                continue
            check(net, Path(folder), arguments.replicates, lines, **here)
            if net is not keras_net:
                check_limits(net, lines)
    print(f"{lines.failed} lines FAILED" if lines.failed else "all ok")
    return 1 if lines.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The native engine alone, shape by shape, as a share of the FMA peak: the figures of docs/engine.md.

``python -m benchmarks.engine_shapes`` (all instruction sets: ``--all-sets``). Times are processor
time of the one thread, the best of several epochs, and the peak is measured before and after each
shape: on a machine that others use, that is what can be compared. An epoch includes its evaluation
on 5,000 validation images; operations are counted densely, without it.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from bakeoff import streams
from bakeoff.data.named import load_named
from bakeoff.dense.base import Job, Scaling, Watch
from bakeoff.dense.jobs import initial_layers, learning_rates
from bakeoff.dense.native import NativeEngine, available_instruction_sets, fma_peak
from bakeoff.dense.settings import DenseSettings

NUM_TRAIN, NUM_VALIDATION = 55_000, 5_000

SMALL = {"hidden": (128, 64), "activation": "leaky_relu", "negative_slope": 0.1}
# name → (settings, whether the images are standardised, which leaves no zeros)
SHAPES: dict[str, tuple[dict[str, Any], bool]] = {
    "784-128-64-10, SGD, batch 32, bytes": (SMALL, False),
    "the same, standardised": (SMALL, True),
    "784-512-512-10, batch 128, bytes": ({"hidden": (512, 512), "batch_size": 128}, False),
    "the same, standardised ": ({"hidden": (512, 512), "batch_size": 128}, True),
    "784-128-64-10, bytes, batch 1": ({**SMALL, "batch_size": 1}, False),
    "784-128-64-10, bytes, batch 8": ({**SMALL, "batch_size": 8}, False),
    "784-128-64-10, bytes, batch 1024": ({**SMALL, "batch_size": 1024}, False),
    "784-128-64-10, bytes, momentum": ({**SMALL, "momentum": 0.9}, False),
    "784-128-64-10, bytes, Adam": ({**SMALL, "optimizer": "adam"}, False),
    "784-128-64-10, bytes, gelu": ({**SMALL, "activation": "gelu"}, False),
    "784-128-64-10, bytes, dropout .2": ({**SMALL, "dropout": 0.2}, False),
    "784-64-64-10, bytes": ({**SMALL, "hidden": (64, 64)}, False),
    "784-32-10, bytes": ({**SMALL, "hidden": (32,)}, False),
    "20-32-2, floats": ({"hidden": (32,)}, True),
}


def make_job(name: str, epochs: int) -> Job:
    """A run on MNIST, its last 5,000 images for validation, or on random tabular data."""
    values, standardised = SHAPES[name]
    settings = DenseSettings(**values, epochs=epochs)
    if name.startswith("20-"):
        draw = np.random.default_rng(0)
        features = draw.normal(size=(NUM_TRAIN + NUM_VALIDATION, 20)).astype(np.float32)
        labels = (features[:, 0] + draw.normal(size=len(features)) > 0).astype(np.int32)
        features.setflags(write=False)
        shift, factor = 0.01, 1.0
    else:
        mnist = load_named("mnist")
        features, labels = mnist.features, mnist.labels
        shift, factor = (33.3, 1 / 78.6) if standardised else (0.0, 1 / 255)
    num_classes = int(labels.max()) + 1
    # What the engine asks for during an epoch is made before it, so that the engine alone is timed.
    orders = [streams.order(1, 0, epoch, NUM_TRAIN) for epoch in range(epochs)]
    of_epoch = learning_rates(settings, NUM_TRAIN)
    rates = [of_epoch(epoch) for epoch in range(epochs)]
    return Job(
        settings=settings,
        features=features,
        labels=labels,
        train_rows=np.arange(NUM_TRAIN, dtype=np.int32),
        val_rows=np.arange(NUM_TRAIN, NUM_TRAIN + NUM_VALIDATION, dtype=np.int32),
        num_classes=num_classes,
        scaling=Scaling(np.full(1, shift, np.float32), np.full(1, factor, np.float32)),
        layers=initial_layers(settings, features.shape[1], num_classes, study_seed=1, replicate=0),
        order=lambda epoch: orders[epoch],
        learning_rates=lambda epoch: rates[epoch],
        dropout_key=(1, 2),
    )


def epoch_seconds(engine: NativeEngine, job: Job) -> float:
    """Processor seconds of the quickest epoch after the first."""
    marks = [time.thread_time()]
    engine.train(job, Watch(lambda *_: marks.append(time.thread_time())))
    return float(np.diff(marks)[1:].min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all-sets", action="store_true", help="every instruction set")
    parser.add_argument("--epochs", type=int, default=6, help="per run, at least 2")
    parser.add_argument("--only", help="shapes whose name contains this")
    arguments = parser.parse_args()
    sets = available_instruction_sets() if arguments.all_sets else available_instruction_sets()[-1:]
    print("| shape | set | ms per epoch | GFLOP/s, counted densely | of the FMA peak |")
    print("|---|---|---|---|---|")
    for name in SHAPES:
        if arguments.only is not None and arguments.only not in name:
            continue
        job = make_job(name, arguments.epochs)
        for instruction_set in sets:
            peak = fma_peak(0.1, instruction_set)
            seconds = epoch_seconds(NativeEngine(instruction_set), job)
            peak = max(peak, fma_peak(0.1, instruction_set))
            operations = job.settings.operations_per_epoch(
                job.features.shape[1], job.num_classes, NUM_TRAIN
            )
            rate = operations / seconds / 1e9
            print(
                f"| {name.strip()} | {instruction_set} | {seconds * 1e3:.1f} | {rate:.0f} "
                f"| {rate / peak:.0%} of {peak:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

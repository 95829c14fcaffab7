"""The networks and data that are timed, and the files through which every peer gets the same data.

Knows no peer. A workload is written to a folder as arrays once; the processes that measure map
them into memory.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 1


@dataclass(frozen=True, slots=True)
class Workload:
    """One network on one dataset.

    Attributes:
        name: short, used in files and on the command line.
        title: for tables.
        data: ``bytes`` (MNIST divided by 255), ``standard`` (MNIST standardised, dense) or
            ``tabular`` (20 normal features, 4 classes).
        hidden: widths of the hidden layers, leaky relu (slope .1).
        batch_size: examples per step.
        num_train: examples of an epoch; the first ones of the training part.
        optimizer: ``sgd`` or ``adam``.
        learning_rate: constant.
    """

    name: str
    title: str
    data: str = "bytes"
    hidden: tuple[int, ...] = (128, 64)
    batch_size: int = 32
    num_train: int = 55_000
    optimizer: str = "sgd"
    learning_rate: float = 0.01

    @property
    def dense(self) -> bool:
        return self.data != "bytes"


# The learning rates keep every batch size in the range where the network learns within two epochs,
# so that equal accuracy can show that the peers do the same training.
WORKLOADS: tuple[Workload, ...] = (
    Workload("mnist", "784-128-64-10, SGD, batch 32, MNIST bytes"),
    Workload("mnist-dense", "784-128-64-10, SGD, batch 32, standardised", data="standard"),
    Workload(
        "mnist-wide",
        "784-512-512-10, SGD, batch 128, standardised",
        data="standard",
        hidden=(512, 512),
        batch_size=128,
    ),
    Workload(
        "mnist-wide-bytes",
        "784-512-512-10, SGD, batch 128, MNIST bytes",
        hidden=(512, 512),
        batch_size=128,
        learning_rate=0.04,
    ),
    Workload("tabular", "20-32-4, SGD, batch 32, 20 features", data="tabular", hidden=(32,)),
    Workload("adam", "784-128-64-10, Adam, batch 32, MNIST bytes", optimizer="adam", learning_rate=0.001),
    Workload("adam-dense", "784-128-64-10, Adam, batch 32, standardised", data="standard", optimizer="adam", learning_rate=0.001),
    Workload("batch-1", "784-128-64-10, SGD, batch 1, MNIST bytes", batch_size=1, num_train=5_500),
    Workload("batch-8", "784-128-64-10, SGD, batch 8, MNIST bytes", batch_size=8, num_train=22_000),
    Workload("batch-128", "784-128-64-10, SGD, batch 128, MNIST bytes", batch_size=128, learning_rate=0.04),
    Workload("batch-1024", "784-128-64-10, SGD, batch 1,024, MNIST bytes", batch_size=1024, learning_rate=0.2),
)  # fmt: skip

BY_NAME = {workload.name: workload for workload in WORKLOADS}


class Arrays:
    """A workload's data as a peer sees it; each array is read when it is first asked for.

    So no peer pays for what it does not use: bakeoff never reads the scaled floats, the others
    never the bytes.

    Args:
        folder: what ``prepare`` gave.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, np.ndarray] = {}
        self.num_classes: int = json.loads((folder / "about.json").read_text())["num_classes"]

    def _array(self, name: str) -> np.ndarray:
        if name not in self._read:
            self._read[name] = np.load(self._folder / f"{name}.npy")
        return self._read[name]

    @property
    def features(self) -> np.ndarray:
        """As bakeoff holds them (uint8 or float32), shape (num_train, num_features)."""
        return self._array("features")

    @property
    def labels(self) -> np.ndarray:
        """int32, shape (num_train,)."""
        return self._array("labels")

    @property
    def shift(self) -> np.ndarray:
        """Of bakeoff's scaling, ``(features - shift) * factor``."""
        return self._array("shift")

    @property
    def factor(self) -> np.ndarray:
        """Of bakeoff's scaling."""
        return self._array("factor")

    @property
    def scaled(self) -> np.ndarray:
        """The scaled features in float32: what the other peers train on."""
        return self._array("scaled")

    @property
    def val_features(self) -> np.ndarray:
        """Of the validation part, as bakeoff holds them."""
        return self._array("val_features")

    @property
    def val_labels(self) -> np.ndarray:
        """Of the validation part."""
        return self._array("val_labels")

    @property
    def val_scaled(self) -> np.ndarray:
        """Of the validation part, as the other peers see them."""
        return self._array("val_scaled")


def prepare(workload: Workload, folder: Path) -> Path:
    """Writes the arrays of a workload below ``folder`` once.

    Returns:
        the folder to give to ``load``.
    """
    from bakeoff.dense.scaling import fit_scaling

    target = folder / workload.name
    if (target / "about.json").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    features, labels, val_features, val_labels, num_classes = _data(workload)
    scale = {"bytes": "unit", "standard": "standard", "tabular": "none"}[workload.data]
    rows = np.arange(len(labels), dtype=np.int32)
    scaling = fit_scaling(features, rows, scale)

    def scaled(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((x - scaling.shift) * scaling.factor, np.float32)

    arrays = {
        "features": features,
        "labels": labels,
        "shift": scaling.shift,
        "factor": scaling.factor,
        "scaled": scaled(features),
        "val_features": val_features,
        "val_labels": val_labels,
        "val_scaled": scaled(val_features),
    }
    for name, array in arrays.items():
        np.save(target / f"{name}.npy", array)
    about = {"workload": dataclasses.asdict(workload), "num_classes": num_classes}
    (target / "about.json").write_text(json.dumps(about))
    return target


def load(folder: Path) -> Arrays:
    """The arrays that ``prepare`` wrote."""
    return Arrays(folder)


def _data(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    if workload.data == "tabular":
        return _tabular(workload.num_train)
    from bakeoff.data.named import load_named
    from bakeoff.data.splits import make_replicates, split_rows

    mnist = load_named("mnist")
    (replicate,) = make_replicates(1, num_folds=12, split="last")
    train, val = split_rows(mnist.labels, replicate, split="last", num_folds=12, study_seed=0)
    train = train[: workload.num_train]
    return (
        np.ascontiguousarray(mnist.features[train]),
        mnist.labels[train],
        np.ascontiguousarray(mnist.features[val]),
        mnist.labels[val],
        mnist.num_classes,
    )


def _tabular(num_train: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Four classes that a network with one hidden layer can tell apart better than a linear one."""
    num_features, num_classes, num_val = 20, 4, 5_000
    rng = np.random.Generator(np.random.PCG64(SEED))
    x = rng.normal(size=(num_train + num_val, num_features)).astype(np.float32)
    hidden = np.tanh(x @ rng.normal(size=(num_features, 8)) / 2.0)
    labels = (hidden @ rng.normal(size=(8, num_classes))).argmax(axis=1).astype(np.int32)
    return x[:num_train], labels[:num_train], x[num_train:], labels[num_train:], num_classes

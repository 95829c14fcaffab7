"""The programs that are compared, one module each.

Every module has ``versions() -> dict`` and ``trainer(workload, arrays) -> Train``, where ``Train``
is called with (learning_rate, seed, clock), trains a new network from its initial weights, and
reports each epoch to the clock. ``trainer`` may prepare what all its networks share. Each program
is written as a careful user of that library would: data already in memory in float32, no data
loader, compilation not counted, the last, smaller batch trained on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.clock import EpochClock
    from benchmarks.workloads import Arrays, Workload

    Train = Callable[[float, int, EpochClock], None]


@dataclass(frozen=True, slots=True)
class Peer:
    """One program.

    Attributes:
        name: on the command line and in files.
        title: in tables.
        module: below ``benchmarks.peers``.
        environment: set before its process starts.
        needs: module whose absence means that the peer is missing.
    """

    name: str
    title: str
    module: str
    needs: str
    environment: tuple[tuple[str, str], ...] = ()

    def versions(self) -> dict[str, str]:
        return dict(self._load().versions())

    def trainer(self, workload: Workload, arrays: Arrays) -> Train:
        made: Train = self._load().trainer(workload, arrays)
        return made

    def _load(self) -> Any:
        return importlib.import_module(f"benchmarks.peers.{self.module}")


PEERS: tuple[Peer, ...] = (
    Peer("bakeoff", "bakeoff (native)", "bakeoff_native", "bakeoff._native"),
    Peer("jax-scan", "JAX, epoch in one lax.scan", "jax_scan", "jax"),
    Peer("torch-loop", "PyTorch, plain loop", "torch_loop", "torch"),
    Peer("sklearn", "scikit-learn MLPClassifier", "sklearn_mlp", "sklearn"),
    Peer("keras-jax", "Keras on JAX, fit", "keras_fit", "jax", (("KERAS_BACKEND", "jax"),)),
    Peer("keras-tf", "Keras on TensorFlow, fit", "keras_fit", "tensorflow", (("KERAS_BACKEND", "tensorflow"),)),
    Peer("keras-torch", "Keras on PyTorch, fit", "keras_fit", "torch", (("KERAS_BACKEND", "torch"),)),
)  # fmt: skip

BY_NAME = {peer.name: peer for peer in PEERS}

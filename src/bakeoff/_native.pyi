"""Types of the compiled extension (``native/module.cpp``)."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

_Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]

def instruction_sets() -> list[str]: ...
def fma_peak(seconds: float, instruction_set: str | None = None) -> float: ...
def evaluate(
    instruction_set: str, function: str, x: NDArray[np.float32]
) -> NDArray[np.float32]: ...
def density(features: NDArray[Any]) -> float: ...
def checksum(features: NDArray[Any]) -> int: ...
def logits(
    *,
    instruction_set: str,
    features: NDArray[Any],
    sparse: bool,
    rows: NDArray[np.int32],
    shift: NDArray[np.float32],
    factor: NDArray[np.float32],
    layers: _Layers,
    activation: int,
    negative_slope: float,
) -> NDArray[np.float32]: ...

@final
class Run:
    def __init__(
        self,
        *,
        instruction_set: str,
        features: NDArray[Any],
        sparse: bool,
        labels: NDArray[np.int32],
        train_rows: NDArray[np.int32],
        val_rows: NDArray[np.int32],
        shift: NDArray[np.float32],
        factor: NDArray[np.float32],
        layers: _Layers,
        activation: int,
        negative_slope: float,
        dropout: float,
        dropout_key: tuple[int, int],
        optimizer: int,
        momentum: float,
        nesterov: bool,
        weight_decay: float,
        l2: float,
        label_smoothing: float,
        batch_size: int,
        targets: NDArray[np.float32] | None = None,
        weights: NDArray[np.float32] | None = None,
    ) -> None: ...
    def epoch(
        self,
        order: NDArray[np.int32],
        rates: NDArray[np.float64],
        cancel: NDArray[np.int32],
        examine: bool,
    ) -> tuple[int, float, float, float, float]: ...
    def layers(self) -> _Layers: ...
    def predictions(self) -> NDArray[np.uint16]: ...
    def health(self) -> list[tuple[float, float]]: ...

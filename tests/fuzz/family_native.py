"""The compiled module called with what contradicts itself: shapes, types, strides, labels, rows, sizes."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff import _native
from bakeoff.errors import DataError
from tests.fuzz import family

_KINDS = ("u1", "f4", "f8", "i4", "i8", "u2", "c8", "?", "S3", "O", ">f4", "f2")
_REFUSALS = (ValueError, TypeError, OverflowError, MemoryError, RuntimeError)
_ODD: list[Any] = [0, -1, 1, 2, 2**31 - 1, 2**31, 2**40, 2**63, -(2**63), 0.0, 1.0, -1.0, math.nan, math.inf,
                   1e308, None, "x", b"", (), (1, 2), [], True]  # fmt: skip


def _array(rng: np.random.Generator, array: Any) -> Any:
    """The array in another shape, type or order, or with other numbers in it."""
    match int(rng.integers(0, 12)):
        case 0:
            return array.astype(_KINDS[int(rng.integers(0, len(_KINDS)))])
        case 1:
            return array[:: int(rng.choice([2, -1, 3]))] if array.ndim else array
        case 2:
            return np.asfortranarray(array)
        case 3:
            return array[: int(rng.integers(0, len(array) + 1))] if array.ndim else array
        case 4:
            return np.concatenate([array, array]) if array.ndim else array
        case 5:
            return array.reshape(-1)
        case 6:
            return array.reshape((1, *array.shape))
        case 7:
            return np.broadcast_to(array, (int(rng.choice([2, 2**20, 2**40])), *array.shape))
        case 8:
            return np.empty((0, *array.shape[1:]), array.dtype)
        case 9 if array.size:
            out = array.copy().reshape(-1)
            odd = (
                [2**31 - 1, -1, -(2**31), len(array), 255]
                if out.dtype.kind == "i"
                else [1e38, 0, 1]
            )
            odd += [] if out.dtype.kind != "f" else [math.nan, math.inf, -math.inf]
            with np.errstate(all="ignore"):
                out[int(rng.integers(0, out.size))] = np.array(
                    odd[int(rng.integers(0, len(odd)))]
                ).astype(out.dtype)
            return out.reshape(array.shape)
        case 10:
            raw = np.frombuffer(b"\1" + array.tobytes(), np.uint8)[1:]  # not aligned
            return raw.view(array.dtype).reshape(array.shape) if array.size else array
        case _:
            return _ODD[int(rng.integers(0, len(_ODD)))]


def _arguments(rng: np.random.Generator) -> dict[str, Any]:
    """A call that is in order."""
    num, features, classes = int(rng.integers(2, 40)), int(rng.integers(1, 40)), 3
    sizes = [features, *map(int, rng.integers(1, 20, int(rng.integers(0, 3)))), classes]
    kind = np.uint8 if rng.random() < 0.5 else np.float32
    x = (rng.integers(0, 255, (num, features)) * (rng.random((num, features)) < 0.5)).astype(kind)
    order = rng.permutation(num).astype(np.int32)
    cut = max(1, num // 2)
    sets = _native.instruction_sets()
    return {
        "instruction_set": sets[int(rng.integers(0, len(sets)))],
        "features": x,
        "sparse": bool(rng.random() < 0.5),
        "labels": rng.integers(0, classes, num).astype(np.int32),
        "train_rows": order[:cut],
        "val_rows": order[cut:],
        "shift": np.zeros(1, np.float32),
        "factor": np.full(1, 1 / 255, np.float32),
        "layers": [
            (rng.normal(size=(a, b)).astype(np.float32), np.zeros(b, np.float32))
            for a, b in itertools.pairwise(sizes)
        ],
        "activation": int(rng.integers(0, 10)),
        "negative_slope": 0.1,
        "dropout": float(rng.choice([0.0, 0.5])),
        "dropout_key": (1, 2),
        "optimizer": int(rng.integers(0, 4)),
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 0.0,
        "l2": 0.0,
        "label_smoothing": 0.0,
        "batch_size": int(rng.integers(1, 20)),
    }


def _spoilt(rng: np.random.Generator, call: dict[str, Any]) -> dict[str, Any]:
    """One or two of the arguments become something else."""
    call = dict(call)
    for name in rng.choice(list(call), int(rng.choice([0, 1, 1, 1, 2])), replace=False):
        value = call[str(name)]
        if isinstance(value, np.ndarray):
            call[str(name)] = _array(rng, value)
        elif isinstance(value, list) and value and rng.random() < 0.8:
            layers = [list(pair) for pair in value]
            pair = layers[int(rng.integers(0, len(layers)))]
            at = int(rng.integers(0, 2))
            pair[at] = _array(rng, pair[at])
            call[str(name)] = [tuple(one) for one in layers][:: int(rng.choice([1, 1, -1]))]
        else:
            call[str(name)] = _ODD[int(rng.integers(0, len(_ODD)))]
    if rng.random() < 0.02:
        del call[str(rng.choice(list(call)))]
    return call


def _use(rng: np.random.Generator, call: dict[str, Any], steps: int) -> None:
    """Trains an epoch with it, and asks for everything."""
    run = _native.Run(**call)
    num = len(call["train_rows"])
    more = {
        "order": rng.permutation(num).astype(np.int32),
        "rates": np.full(steps, 0.01),
        "cancel": np.zeros(1, np.int32),
        "examine": True,
    }
    run.epoch(*_spoilt(rng, more).values())
    run.layers()
    run.predictions()
    run.health()


@family("native", seconds=10.0)
def native(rng: np.random.Generator, folder: Path) -> None:
    del folder
    good = _arguments(rng)
    call = _spoilt(rng, good)
    try:
        match int(rng.integers(0, 5)):
            case 0:
                names = ("instruction_set", "features", "sparse", "shift", "factor", "layers")
                names += ("activation", "negative_slope")
                rest = {name: call[name] for name in names if name in call}
                _native.logits(rows=_array(rng, good["val_rows"]), **rest)
            case 1:
                _native.density(_array(rng, good["features"]))
                _native.checksum(_array(rng, good["features"]))
            case 2:
                values = _array(rng, np.linspace(-5, 5, 40, dtype=np.float32))
                name = str(rng.choice(["exp", "log", "tanh", "sigmoid", "x", ""]))
                _native.evaluate(good["instruction_set"], name, values)
            case _:
                _use(rng, call, math.ceil(len(good["train_rows"]) / good["batch_size"]))
    except _REFUSALS as error:
        raise DataError(f"{type(error).__name__}: {error}") from error

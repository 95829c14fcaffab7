"""The final model as a payload that a page can run; knows arrays, not pages.

Weights travel as float16 where that changes no probability that matters, else as float32. Each
kernel is divided by its largest absolute value first, so that neither tiny nor huge weights leave
float16's range.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.base import layers_of
from bakeoff.records import DataSummary, Example, Final, Missed
from bakeoff.words import visible

if TYPE_CHECKING:
    from bakeoff.data.encoding import Encoding, Part

MAX_PARAMETERS = 1_000_000  # about 2.7 MB of base64: beyond that a page is no longer light
MAX_SLIDERS = 8


@dataclass(frozen=True, slots=True)
class LayerPayload:
    """One dense layer: base64 of little-endian numbers, kernel row by row."""

    fan_in: int
    fan_out: int
    kernel: str
    kernel_factor: float
    bias: str


@dataclass(frozen=True, slots=True)
class SliderPayload:
    """One feature that the reader can move.

    Attributes:
        index: of the feature; of a date that of its days.
        low, high: of the examples outside the test part.
        whole: whether it moves in steps of one.
        choices: of a category (code, word); -1 stands for any other word.
        missing: whether it may be missing.
        parts: of a date (index, part) of every feature it becomes.
    """

    index: int
    name: str
    low: float
    high: float
    whole: bool = False
    choices: tuple[tuple[int, str], ...] = ()
    missing: bool = False
    parts: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExamplePayload:
    """A real test example to start from; ``actual`` is its class or its value, gaps are None."""

    row: int
    actual: float
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ModelPayload:
    """Everything the page needs to predict.

    Attributes:
        kind: ``draw`` for images of one channel, ``sliders`` for named features.
        dtype: ``float16`` or ``float32``, of the kernels; biases are always float32.
        peak: largest value a feature can have, such as 255.
        whole: whether features are whole numbers, as bytes are.
        shift, factor: base64 float32 of ``Scaling``.
        encoding: what each column becomes before that; empty where it is an input itself.
        target: what a regression predicts.
    """

    kind: str
    dtype: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    peak: float
    whole: bool
    activation: str
    negative_slope: float
    shift: str
    factor: str
    layers: tuple[LayerPayload, ...]
    sliders: tuple[SliderPayload, ...]
    examples: tuple[ExamplePayload, ...]
    encoding: tuple[Part, ...] = ()
    target: str = ""


def _base64(array: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def _examined(final: Final) -> list[NDArray[Any]]:
    """Features of the test examples that are kept."""
    mistakes = [one.features for one in final.exam.mistakes] if final.exam else []
    return mistakes + [one.features for one in _examples(final)]


def _encoding(final: Final) -> Encoding | None:
    """How a table's columns become inputs; None where they are."""
    if "encoding" not in final.model:
        return None
    from bakeoff.data.encoding import Encoding  # a report without one knows nothing of data

    return Encoding.of(final.model)


def _examples(final: Final) -> Sequence[Example | Missed]:
    """Test examples to start from."""
    exam = final.exam or final.values
    return () if exam is None else exam.examples


def _layers(final: Final, dtype: str) -> tuple[LayerPayload, ...]:
    payloads = []
    for layer in layers_of(final.model):
        kernel = np.asarray(layer.kernel, np.float32)
        factor = float(np.abs(kernel).max(initial=0.0)) or 1.0
        payloads.append(
            LayerPayload(
                fan_in=int(kernel.shape[0]),
                fan_out=int(kernel.shape[1]),
                kernel=_base64(kernel / factor, dtype),
                kernel_factor=factor,
                bias=_base64(layer.bias, "<f4"),
            )
        )
    return tuple(payloads)


def _half_is_enough(final: Final) -> bool:
    """Whether rounding the kernels to float16 moves the first layer's sums only a little.

    The error of a sum of n rounded products grows with the size of its inputs; scaled inputs are
    near 1 and float16 is ample. Unscaled bytes (0 to 255) into a steep layer are where it is not.
    """
    rows = _examined(final)
    if not rows:
        return True
    encoding = _encoding(final)
    x = np.asarray(rows, np.float64) if encoding is None else encoding.apply(np.asarray(rows))
    x = (x - final.model["scaling/shift"]) * final.model["scaling/factor"]
    kernel = np.asarray(final.model["layers/0/kernel"], np.float64)
    factor = float(np.abs(kernel).max(initial=0.0)) or 1.0
    rounded = (kernel / factor).astype(np.float16).astype(np.float64) * factor
    return bool(np.abs(x @ (rounded - kernel)).max() < 0.02)


def _importance(final: Final, encoding: Encoding | None) -> NDArray[np.float64]:
    """How much each feature moves the first layer's sums: ‖w‖ · factor · sd, shape (F,).

    Of a word or a gap, an input that is 0 or 1, a quarter stands for the sd: choices are few and
    come first.
    """
    stats = np.asarray(final.feature_stats, np.float64)
    weights = np.linalg.norm(np.asarray(final.model["layers/0/kernel"], np.float64), axis=1)
    moves = weights * np.abs(np.asarray(final.model["scaling/factor"], np.float64))
    if encoding is None:
        return np.asarray(moves * stats[:, 3])
    found, first = np.zeros(len(encoding.parts)), 0
    for index, part in enumerate(encoding.parts):
        own = moves[first : first + part.width]
        spread = np.full(part.width, 0.25)
        if part.median is not None:
            spread[0] = stats[index, 3]
        found[index] = (own * spread).max(initial=0.0)
        first += part.width
    return found


def _sliders(final: Final, data: DataSummary) -> tuple[SliderPayload, ...]:
    """The features that matter most; the parts of a date are one."""
    if final.feature_stats is None:
        return ()
    encoding = _encoding(final)
    stats = np.asarray(final.feature_stats, np.float64)
    seen = np.asarray([one.features for one in _examples(final)], np.float64)
    names = data.feature_names or tuple(f"feature {i}" for i in range(data.num_features))
    found: dict[str, SliderPayload] = {}
    for i in map(int, np.argsort(-_importance(final, encoding), kind="stable")):
        low, high = float(stats[i, 0]), float(stats[i, 1])
        name, choices, parts, missing = names[i], [], [], False
        if encoding is not None:
            column, part = encoding.columns[i], encoding.parts[i]
            missing = part.flag
            choices = [(code, visible(column.categories[code])) for code in part.kept]
            choices += [(-1, "(another)")] * (part.rare and bool(choices))
            if column.part:
                name = column.source
                same = [one for one in encoding.columns if one.part and one.source == name]
                parts = [(encoding.columns.index(one), one.part) for one in same]
                days = parts[0][0]
                low, high = float(stats[days, 0]), float(stats[days, 1])
                i = days
        if high > low or len(choices) > 1:
            known = np.array([low, high, *seen[:, i][np.isfinite(seen[:, i])]])
            found.setdefault(
                name,
                SliderPayload(
                    index=i,
                    name=visible(name),
                    low=low,
                    high=high,
                    whole=bool(high - low >= 5 and (known == np.round(known)).all()),
                    choices=tuple(choices),
                    missing=missing,
                    parts=tuple(parts),
                ),
            )
    return tuple(found.values())[:MAX_SLIDERS]


def model_payload(final: Final, data: DataSummary) -> tuple[ModelPayload | None, str | None]:
    """The payload, or None and the reason why the page cannot offer the model."""
    if final.num_parameters is None or not layers_of(final.model):
        return None, "the final model's weights were not kept"
    if final.num_parameters > MAX_PARAMETERS:
        return None, (
            f"the final model has {final.num_parameters:,} parameters, too many for a page "
            f"(at most {MAX_PARAMETERS:,})"
        )
    shape = data.image_shape
    drawable = shape is not None and (len(shape) == 2 or shape[2] == 1)
    sliders: tuple[SliderPayload, ...] = ()
    if shape is not None and not drawable:
        return None, "drawing is offered for images of one channel only"
    if not drawable:
        sliders = _sliders(final, data)
        if not sliders or not _examples(final):
            return None, "the ranges of the features and a real example were not kept"
    sample = _examined(final)
    whole = bool(sample) and all(row.dtype == np.uint8 for row in sample)
    peak = 255.0
    if not whole:
        seen = max((float(np.nanmax(np.abs(row))) for row in sample), default=0.0)
        peak = float(data.feature_max or 0.0) or seen or 1.0
    examples = () if drawable else _examples(final)[:12]
    encoding = _encoding(final)
    dtype = "float16" if _half_is_enough(final) else "float32"
    return ModelPayload(
        kind="draw" if drawable else "sliders",
        dtype=dtype,
        class_names=tuple(visible(name) for name in data.class_names),
        image_shape=shape,
        peak=peak,
        whole=whole,
        activation=final.settings["activation"],
        negative_slope=final.settings["negative_slope"],
        shift=_base64(final.model["scaling/shift"], "<f4"),
        factor=_base64(final.model["scaling/factor"], "<f4"),
        layers=_layers(final, "<f2" if dtype == "float16" else "<f4"),
        sliders=sliders,
        examples=tuple(
            ExamplePayload(
                e.row, e.actual, tuple(None if np.isnan(v) else float(v) for v in e.features)
            )
            for e in examples
        ),
        encoding=() if encoding is None else encoding.parts,
        target=visible(data.target or "value") if not data.class_names else "",
    ), None

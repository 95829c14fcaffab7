"""The model in the page, and the images: decoded again, they say what the arrays say."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import build
import numpy as np
import pytest
from PIL import Image

from bakeoff.dense.base import Scaling, layers_of, model_arrays, scaling_of
from bakeoff.dense.page import MAX_PARAMETERS, ModelPayload, model_payload
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.records import DataSummary
from bakeoff.report.examples import sprite

DATA = build.data_summary()


def kernel(payload: ModelPayload, index: int) -> np.ndarray:
    layer = payload.layers[index]
    kind = "<f2" if payload.dtype == "float16" else "<f4"
    values = np.frombuffer(base64.b64decode(layer.kernel), kind).astype(np.float64)
    return values.reshape(layer.fan_in, layer.fan_out) * layer.kernel_factor


def test_weights_survive_the_way_into_the_page() -> None:
    final = build.final(DATA, DENSE_SPACE.complete({"hidden": [16]}))
    payload, missing = model_payload(final, DATA)
    assert missing is None
    assert payload is not None
    assert payload.dtype == "float16"
    assert payload.kind == "draw"
    for index, layer in enumerate(layers_of(final.model)):
        assert np.allclose(
            kernel(payload, index), layer.kernel, atol=1e-3 * np.abs(layer.kernel).max()
        )
        bias = np.frombuffer(base64.b64decode(payload.layers[index].bias), "<f4")
        assert np.array_equal(bias, layer.bias)


def test_tiny_and_huge_weights_stay_in_the_range_of_float16() -> None:
    final = build.final(DATA, DENSE_SPACE.complete({"hidden": [16]}))
    for factor in (1e-9, 1e9):
        layers = tuple(
            replace(layer, kernel=layer.kernel * np.float32(factor))
            for layer in layers_of(final.model)
        )
        model = model_arrays(layers, scaling_of(final.model))
        payload, _ = model_payload(replace(final, model=model, exam=None), DATA)
        assert payload is not None
        error = np.abs(kernel(payload, 0) - layers[0].kernel).max() / np.abs(layers[0].kernel).max()
        assert error < 5e-4


def test_unscaled_bytes_into_a_steep_layer_travel_as_float32() -> None:
    final = build.final(DATA, DENSE_SPACE.complete({"hidden": [16]}))
    unscaled = Scaling(np.zeros(1, np.float32), np.ones(1, np.float32))
    model = model_arrays(layers_of(final.model), unscaled)
    payload, _ = model_payload(replace(final, model=model), DATA)
    assert payload is not None
    assert payload.dtype == "float32"
    assert np.allclose(kernel(payload, 0), layers_of(final.model)[0].kernel, rtol=1e-6)


def test_a_model_too_large_for_a_page_is_left_out_with_the_reason() -> None:
    cost = (("parameters", float(MAX_PARAMETERS + 1)),)
    final = replace(build.final(DATA, DENSE_SPACE.complete({})), cost=cost)
    payload, missing = model_payload(final, DATA)
    assert payload is None
    assert missing is not None
    assert "1,000,001 parameters" in missing


def table() -> DataSummary:
    return replace(
        DATA, image_shape=None, feature_names=tuple(f"f{i}" for i in range(DATA.num_features))
    )


def test_tables_get_sliders_for_the_features_that_move_the_first_layer_most() -> None:
    data = table()
    final = build.final(DATA, DENSE_SPACE.complete({"hidden": [16]}), peak=16.0)
    weights = [layer.kernel.copy() for layer in layers_of(final.model)]
    weights[0][[5, 40]] *= 10
    layers = (replace(layers_of(final.model)[0], kernel=weights[0]), *layers_of(final.model)[1:])
    model = model_arrays(layers, scaling_of(final.model))
    payload, _ = model_payload(replace(final, model=model), data)
    assert payload is not None
    assert payload.kind == "sliders"
    assert {slider.name for slider in payload.sliders[:2]} == {"f5", "f40"}
    assert (payload.sliders[0].low, payload.sliders[0].high) == (0.0, 16.0)
    assert payload.examples[0].values == tuple(float(v) for v in final.exam.examples[0].features)


def test_a_table_without_ranges_says_why_it_has_no_sliders() -> None:
    final = replace(build.final(DATA, DENSE_SPACE.complete({})), feature_stats=None)
    payload, missing = model_payload(final, table())
    assert payload is None
    assert missing == "the ranges of the features and a real example were not kept"


def test_the_sprite_holds_every_image_in_its_place() -> None:
    rng = np.random.default_rng(0)
    examples = [rng.integers(0, 256, 64, dtype=np.uint8) for _ in range(11)]
    picture = sprite(examples, (8, 8))
    assert picture is not None
    assert picture.size == (8, 2)
    png = base64.b64decode(picture.uri.removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape == (16, 64)
    assert np.array_equal(pixels[8:, 16:24].ravel(), examples[10])


def test_images_of_other_ranges_are_stretched_to_grey() -> None:
    picture = sprite([np.full(64, 8.0, np.float32)], (8, 8), peak=16.0)
    assert picture is not None
    png = base64.b64decode(picture.uri.removeprefix("data:image/png;base64,"))
    assert np.asarray(Image.open(io.BytesIO(png))).max() == 128


@pytest.mark.parametrize("shape", [None, (4, 4, 4, 4)])
def test_what_is_no_image_has_no_sprite(shape: tuple[int, ...] | None) -> None:
    assert sprite([np.zeros(256)], shape) is None

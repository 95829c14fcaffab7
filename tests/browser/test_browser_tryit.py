"""The model in the page predicts what Python predicts, from the same drawing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import build
import numpy as np
import pytest
from scipy.special import erf, expit, softmax
from webdriver import Browser

from bakeoff.data.encoding import Encoding
from bakeoff.dense.base import Scaling, layers_of, model_arrays, scaling_of
from bakeoff.dense.files import drawing_features
from bakeoff.dense.settings import ACTIVATIONS, DENSE_SPACE
from bakeoff.records import DataSummary, StudyResult
from bakeoff.report import html

Page = Callable[[str, Callable[[], StudyResult]], str]

REFERENCE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "silu": lambda x: x * expit(x),
    "softplus": lambda x: np.logaddexp(x, 0),
}


def study(activation: str, side: int = 8, peak: float = 255.0) -> StudyResult:
    data = replace(build.data_summary(side=side), feature_max=peak)
    settings = DENSE_SPACE.complete({"hidden": [16, 12], "activation": activation})
    return build.study([], data=data, final=build.final(data, settings, peak=peak))


def forward(result: StudyResult, features: np.ndarray) -> np.ndarray:
    final = result.final
    assert final is not None
    scaling, layers = scaling_of(final.model), layers_of(final.model)
    x = (features.astype(np.float64) - scaling.shift) * scaling.factor
    for layer in layers[:-1]:
        x = REFERENCE[final.settings["activation"]](
            x @ layer.kernel.astype(np.float64) + layer.bias
        )
    last = layers[-1]
    return np.asarray(softmax(x @ last.kernel.astype(np.float64) + last.bias))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_gives_pythons_probabilities(
    activation: str, browser: Browser, page: Page
) -> None:
    result = study(activation)
    browser.open(page(f"model-{activation}", lambda: result))
    rng = np.random.default_rng(5)
    for _ in range(5):
        features = rng.integers(0, 256, 64) * (rng.random(64) < 0.4)
        found = browser.run("return window.bakeoff.predict(arguments[0])", features.tolist())
        assert np.abs(np.array(found) - forward(result, features)).max() < 2e-3


# Paints grey squares, as strokes of pixels would, and reads what the page made of them.
DRAW = """
const [image, columns, cell, x0, y0] = arguments;
const pad = document.getElementById('pad'), pen = pad.getContext('2d');
pen.fillStyle = '#000'; pen.fillRect(0, 0, 280, 280);
image.forEach((v, i) => {
  if (!v) return;
  pen.fillStyle = `rgb(${v},${v},${v})`;
  pen.fillRect(x0 + (i % columns) * cell, y0 + Math.floor(i / columns) * cell, cell, cell);
});
pad.dispatchEvent(new Event('input'));
return window.bakeoff.last();
"""


def on_the_pad(image: np.ndarray, cell: int, x0: int, y0: int) -> np.ndarray:
    ink = np.zeros((280, 280), np.uint8)
    big = np.kron(image, np.ones((cell, cell), np.uint8))
    ink[y0 : y0 + big.shape[0], x0 : x0 + big.shape[1]] = big
    return ink


@pytest.mark.parametrize(("side", "peak"), [(28, 255.0), (8, 16.0), (8, 255.0)])
def test_a_drawing_becomes_the_same_example_as_in_python(
    side: int, peak: float, browser: Browser, page: Page
) -> None:
    browser.open(page(f"draw-{side}-{peak:.0f}", lambda: study("relu", side, peak)))
    rng = np.random.default_rng(7)
    for _ in range(25):
        height, width = rng.integers(1, 15, 2)
        cell = int(rng.integers(1, 18))
        image = rng.integers(0, 256, (height, width)).astype(np.uint8)
        image[rng.random(image.shape) < 0.5] = 0
        x0, y0 = (int(rng.integers(0, 281 - cell * n)) for n in (width, height))
        found = browser.run(DRAW, image.ravel().tolist(), int(width), cell, x0, y0)
        wanted = drawing_features(on_the_pad(image, cell, x0, y0), (side, side), peak)
        if not wanted.any():
            assert found is None
        else:
            assert np.array_equal(np.array(found["features"]), wanted.ravel().astype(np.float64))


def test_the_page_shows_the_most_probable_class_and_clears_it(browser: Browser, page: Page) -> None:
    result = study("relu")
    browser.open(page("model-relu", lambda: result))
    image = np.full((5, 3), 255, np.uint8)
    found = browser.run(DRAW, image.ravel().tolist(), 3, 20, 50, 50)
    top = int(np.argmax(found["probabilities"]))
    row = browser.run("return document.querySelector('#tryit .bar.top').innerText")
    assert row.split()[0] == str(top)
    assert f"{100 * found['probabilities'][top]:.1f}" in row
    assert "97.20" in browser.run("return document.getElementById('tryit').innerText")
    browser.run("document.querySelector('#tryit button').click()")
    assert browser.run("return window.bakeoff.last()") is None
    assert browser.run("return document.querySelector('#tryit .bar.top')") is None


def test_a_pointer_draws(browser: Browser, page: Page) -> None:
    browser.open(page("model-relu", lambda: study("relu")))
    box = browser.run(
        """const pad = document.getElementById('pad'); pad.scrollIntoView({ block: 'center', behavior: 'instant' });
        const b = pad.getBoundingClientRect(); return [b.left, b.top]"""
    )
    for kind, x, y in (
        ("mousePressed", 140, 60),
        ("mouseMoved", 140, 200),
        ("mouseReleased", 140, 200),
    ):
        browser.command(
            "Input.dispatchMouseEvent",
            type=kind,
            x=box[0] + x,
            y=box[1] + y,
            button="left",
            buttons=0 if kind == "mouseReleased" else 1,
            clickCount=1,
        )
    features = np.array(browser.run("return window.bakeoff.last()")["features"]).reshape(8, 8)
    assert features.any()
    assert features.any(axis=1).all()  # a tall stroke fills the frame from top to bottom


def table() -> StudyResult:
    names = tuple(f"feature <{i}>" for i in range(64))
    data: DataSummary = replace(build.data_summary(), image_shape=None, feature_names=names)
    final = build.final(build.data_summary(), DENSE_SPACE.complete({"hidden": [16]}), peak=16.0)
    scaling = Scaling(np.full(64, 3, np.float32), np.full(64, 0.2, np.float32))
    model = model_arrays(layers_of(final.model), scaling)
    return build.study([], data=data, final=replace(final, model=model))


def test_sliders_start_from_a_real_example_and_move_the_prediction(
    browser: Browser, page: Page
) -> None:
    result = table()
    final = result.final
    assert final is not None
    browser.open(page("table", table))
    state = browser.run("return window.bakeoff.last()")
    example = final.exam.examples[0].features.astype(np.float64)
    assert np.allclose(state["features"], example)
    assert np.abs(np.array(state["probabilities"]) - forward(result, example)).max() < 2e-3
    assert browser.run("return document.querySelectorAll('#tryit input[type=range]').length") == 8
    browser.run(
        """const input = document.querySelector('#tryit input[type=range]');
        input.value = input.max; input.dispatchEvent(new Event('input'))"""
    )
    moved = browser.run("return window.bakeoff.last()")
    changed = np.flatnonzero(np.array(moved["features"]) != example)
    assert len(changed) == 1
    assert moved["features"][changed[0]] == 16.0
    wanted = forward(result, np.array(moved["features"]))
    assert np.abs(np.array(moved["probabilities"]) - wanted).max() < 2e-3
    browser.run("document.querySelector('#tryit button').click()")
    second = browser.run("return window.bakeoff.last()")["features"]
    assert np.allclose(second, final.exam.examples[1].features)


def people(task: str) -> Any:
    """A table with words, dates and gaps, and a study of it."""
    import pandas as pd

    import bakeoff

    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Berlin", "Köln"], 240),
            "since": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 240), "D"),
            "age": rng.integers(18, 80, 240).astype(float),
        }
    )
    score = (frame["city"] == "Köln") * 40.0 + frame["age"] + rng.normal(0, 5, 240)
    frame["y"] = np.where(score > 65, "stays", "goes") if task == "classification" else score
    frame.loc[rng.random(240) < 0.1, "age"] = np.nan
    frame.loc[rng.random(240) < 0.1, "city"] = None
    base = {"scale": "standard", "hidden": [8], "epochs": 3}
    study = bakeoff.Study(frame, target="y", base=base, task=task, final_replicates=1)
    study.stage("activation", activation=["relu", "tanh"], carry={"activation": "tanh"})
    return study.run(store=":memory:", replicates=2)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_words_and_dates_of_a_table_are_chosen_and_predicted_as_python_does(
    task: str, browser: Browser, folder: Path, site: str
) -> None:
    result = people(task)
    html.write(result.record, folder / f"people-{task}.html")
    browser.open(f"{site}/people-{task}.html")
    final = result.record.final
    encoding = Encoding.of(final.model)
    assert encoding is not None

    def agrees() -> list[float]:
        state = browser.run("return window.bakeoff.last()")
        row = np.array(state["features"], np.float32)  # None is a gap
        if task == "classification":
            wanted = result.model.predict_proba(row[None])[0]
        else:
            wanted = result.model.predict(row[None])
        assert np.allclose(state["probabilities"], wanted, rtol=2e-3, atol=2e-3)
        return [float(value) for value in row]

    first = agrees()
    kinds = "return [...document.querySelectorAll('#tryit label > :last-child')].map((e) => e.type)"
    assert sorted(browser.run(kinds)) == ["date", "range", "select-one"]
    browser.run(
        """const set = (kind, value) => {
          const e = document.querySelector(`#tryit ${kind}`); e.value = value;
          e.dispatchEvent(new Event('input')); };
        set('select', '1'); set('input[type=date]', '2021-03-04'); set('input[type=range]', '33');"""
    )
    moved = agrees()
    by_name = dict(zip([one.name for one in encoding.columns], moved, strict=True))
    assert by_name["city"] == 1
    assert by_name["age"] == 33
    assert (by_name["since.year"], by_name["since.month"], by_name["since.day"]) == (2021, 3, 4)
    assert by_name["since.day_of_week"] == 3  # a Thursday
    browser.run("document.querySelector('#tryit select').value = ''")
    browser.run("document.querySelector('#tryit select').dispatchEvent(new Event('input'))")
    assert np.isnan(agrees()[0])
    assert first != moved
    words = browser.run(
        "return document.querySelector('#worst, #mistakes').parentElement.innerText"
    )
    assert "Berlin" in words
    assert "2020-" in words


def test_the_empty_canvas_invites_and_the_invitation_goes_with_the_first_stroke(
    browser: Browser, page: Page
) -> None:
    browser.open(page("model-relu", lambda: study("relu")))
    shown = "return document.querySelector('#tryit .frame span').checkVisibility()"
    assert browser.run(shown)
    browser.run(DRAW, np.full((5, 3), 255, np.uint8).ravel().tolist(), 3, 20, 50, 50)
    assert not browser.run(shown)


@pytest.mark.slow
@pytest.mark.mnist
def test_two_hundred_mnist_images_on_the_canvas_get_pythons_prediction(
    browser: Browser, folder: Path, site: str
) -> None:
    if not os.environ.get("BAKEOFF_DATA"):
        pytest.skip("needs BAKEOFF_DATA with real MNIST")
    import bakeoff
    from bakeoff.data.array_files import read_idx

    base: dict[str, Any] = {"scale": "unit", "hidden": [32], "learning_rate": 0.1, "epochs": 1}
    trained = bakeoff.Study("mnist", base=base)
    trained.stage("activation", activation=["relu", "tanh"], carry={"activation": "relu"})
    result = trained.run(store=":memory:", replicates=1)
    html.write(result.record, folder / "mnist.html")
    root = Path(os.environ["BAKEOFF_DATA"]) / "mnist"
    name = next(root.glob("t10k-images*"))
    images = read_idx(name).array[:200].reshape(200, 28, 28)
    browser.open(f"{site}/mnist.html")
    model = result.model
    same = 0
    for image in images:
        found = browser.run(DRAW, image.ravel().tolist(), 28, 10, 0, 0)
        wanted = drawing_features(on_the_pad(image, 10, 0, 0), (28, 28))
        assert np.array_equal(np.array(found["features"]), wanted.ravel().astype(np.float64))
        probabilities = model.predict_proba(wanted)[0]
        assert np.abs(np.array(found["probabilities"]) - probabilities).max() < 2e-3
        same += int(np.argmax(found["probabilities"]) == np.argmax(probabilities))
    assert same >= 199

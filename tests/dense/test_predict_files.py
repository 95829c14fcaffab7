"""Predicting what is in files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from model_samples import examples, sample_model
from PIL import Image

from bakeoff.dense.files import drawing_features, predict_files, read_ink
from bakeoff.errors import DataError

NAMES = ("a", "b", "c", "d", "e", "f")
X = examples(5)


def _same(predictions, model, x, file) -> None:
    probabilities = model.predict_proba(x)
    assert [p.file for p in predictions] == [str(file)] * len(x)
    assert [p.row for p in predictions] == list(range(1, len(x) + 1))
    assert [p.predicted for p in predictions] == [
        model.class_names[k] for k in probabilities.argmax(axis=1)
    ]
    np.testing.assert_allclose(
        [p.probability for p in predictions], probabilities.max(axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_are_matched_by_name_and_others_ignored(tmp_path, ending) -> None:
    model = sample_model(feature_names=NAMES)
    frame = pd.DataFrame(X, columns=list(NAMES))[list("fbdace")]
    frame["comment"] = "text that no network could read"
    frame["label"] = [None, "x", "y", "z", None]
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    _same(predict_files(model, [path]), model, X, path)


def test_columns_are_taken_in_order_where_the_model_knows_no_names(tmp_path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame(X, columns=list(NAMES)).assign(label=1).to_csv(path, index=False)
    for model in (
        sample_model(image_shape=(2, 3)),
        sample_model(feature_names=tuple(f"x{i}" for i in range(6))),
    ):
        _same(predict_files(model, [path]), model, X, path)


@pytest.mark.parametrize("arrays", [{"x": X, "y": X[:, 0]}, {"x_test": X}, {"anything": X}])
def test_archives(tmp_path, arrays) -> None:
    model = sample_model()
    np.savez(tmp_path / "a.npz", **arrays)
    _same(predict_files(model, [tmp_path / "a.npz"]), model, X, tmp_path / "a.npz")


def test_several_files_in_their_order(tmp_path) -> None:
    model = sample_model()
    for name in ("b", "a"):
        np.savez(tmp_path / f"{name}.npz", X[:2])
    predictions = predict_files(model, [str(tmp_path / "b.npz"), str(tmp_path / "a.npz")])
    assert [(p.file[-5:], p.row) for p in predictions] == [
        ("b.npz", 1),
        ("b.npz", 2),
        ("a.npz", 1),
        ("a.npz", 2),
    ]


def _drawing(path, size=(60, 50)):
    drawn = np.full(size, 255, np.uint8)
    drawn[10:50, 20:26] = 0
    Image.fromarray(drawn).save(path)
    return path


def test_a_picture_of_the_models_size_is_taken_as_it_is(tmp_path) -> None:
    model = sample_model(28 * 28, image_shape=(28, 28), scale="unit")
    image = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    _same(
        predict_files(model, [tmp_path / "a.png"]), model, image.reshape(1, -1), tmp_path / "a.png"
    )


@pytest.mark.parametrize(("data", "side", "largest"), [("mnist", 28, 255.0), ("digits", 8, 16.0)])
def test_drawings_are_prepared_as_the_data_was(tmp_path, data, side, largest) -> None:
    provenance = {"data": data, "largest_value": largest}
    model = sample_model(side * side, image_shape=(side, side), provenance=provenance)
    path = _drawing(tmp_path / "a.png")
    expected = drawing_features(read_ink(path), (side, side), largest)
    assert expected.max() == largest
    _same(predict_files(model, [path]), model, expected, path)


def test_coloured_images_of_the_right_size(tmp_path) -> None:
    model = sample_model(4 * 5 * 3, image_shape=(4, 5, 3))
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    _same(predict_files(model, [tmp_path / "a.png"]), model, rgb.reshape(1, -1), tmp_path / "a.png")
    Image.fromarray(rgb[:, :, 0]).save(tmp_path / "b.png")
    grey = np.repeat(rgb[:, :, :1], 3, axis=2).reshape(1, -1)
    _same(predict_files(model, [tmp_path / "b.png"]), model, grey, tmp_path / "b.png")


def _write(folder, name: str):
    path = folder / name
    if name == "small.csv":
        path.write_text("a,b,c,d,e,g\n1,2,3,4,5,6\n")
    elif name == "gap.csv":
        path.write_text("a,b,c,d,e,f\n1,2,3,4,5,6\n1,2,,4,5,6\n")
    elif name == "two.npz":
        np.savez(path, p=X, q=X)
    elif name == "flat.npz":
        np.savez(path, x=X[0])
    elif name == "wide.npz":
        np.savez(path, x=np.zeros((2, 9)))
    elif name == "a.png":
        _drawing(path)
    elif name != "none.csv":
        path.write_text("x")
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "there is no such file"),
        ("a.docx", "must end in .csv, .tsv, .parquet, .npz or a picture's ending, but ends in"),
        ("small.csv", "columns the model was trained on, but 'f' is missing"),
        ("gap.csv", "row 2, column 'c'"),
        ("two.npz", "must hold one array or one called x"),
        ("flat.npz", "one row per example"),
        ("wide.npz", "must have the 6 features of the model per example, but has 9"),
        ("a.png", "is a picture, but the model was trained on a table"),
    ],
)
def test_files_that_do_not_fit_are_data_errors(tmp_path, name, message) -> None:
    path = _write(tmp_path, name)
    with pytest.raises(DataError, match=message) as caught:
        predict_files(sample_model(feature_names=NAMES), [path])
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("data", ["fashion-mnist", "my pictures"])
def test_pictures_of_another_size_are_refused_where_the_data_is_no_drawings(tmp_path, data) -> None:
    model = sample_model(784, image_shape=(28, 28), provenance={"data": data})
    with pytest.raises(DataError, match=r"must have the 28 × 28 pixels .* but has 50 × 60; resize"):
        predict_files(model, [_drawing(tmp_path / "a.png")])

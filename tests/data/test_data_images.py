"""Folders of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bakeoff.data import images
from bakeoff.data.images import read_folder, read_picture
from bakeoff.data.paths import load_path
from bakeoff.errors import DataError
from bakeoff.suggest import told

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def _save(path, array=GREY, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).convert(mode).save(path, **options) if mode else Image.fromarray(
        array
    ).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif", "a.pgm"])
def test_grey_pictures_give_their_bytes(tmp_path, name) -> None:
    np.testing.assert_array_equal(read_picture(_save(tmp_path / name)), GREY)


def test_coloured_pictures_give_three_channels(tmp_path) -> None:
    rgb = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)
    np.testing.assert_array_equal(read_picture(_save(tmp_path / "a.png", rgb)), rgb)


def test_black_and_white_sixteen_bits_and_palettes_are_read(tmp_path) -> None:
    assert read_picture(_save(tmp_path / "a.png", GREY, "1")).shape == (3, 4)
    deep = (GREY.astype(np.uint16) * 257).astype(np.uint16)
    np.testing.assert_array_equal(read_picture(_save(tmp_path / "b.png", deep)), GREY)
    np.testing.assert_array_equal(read_picture(_save(tmp_path / "c.png", GREY, "P")), GREY)


def test_a_grey_picture_saved_as_colours_is_grey(tmp_path) -> None:
    rgb = np.stack([GREY] * 3, axis=2)
    np.testing.assert_array_equal(read_picture(_save(tmp_path / "a.png", rgb)), GREY)


def test_transparency_is_laid_over_white(tmp_path) -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    picture = read_picture(_save(tmp_path / "a.png", rgba))
    assert picture[0, 0].tolist() == [10, 20, 30]
    assert picture[1, 1].tolist() == [255, 255, 255]


def test_a_folder_per_class_in_the_order_of_names(tmp_path) -> None:
    _save(tmp_path / "b" / "2.png", GREY)
    _save(tmp_path / "a" / "1.png", GREY + 1)
    _save(tmp_path / "b" / "1.png", GREY + 2)
    (tmp_path / "b" / ".hidden").write_text("x")
    (tmp_path / "b" / "Thumbs.db").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    folder = read_folder(tmp_path)
    assert folder.labels.tolist() == ["a", "b", "b"]
    np.testing.assert_array_equal(folder.images, [GREY + 1, GREY + 2, GREY])


def test_one_coloured_picture_makes_all_of_them_coloured(tmp_path) -> None:
    _save(tmp_path / "a" / "1.png", GREY)
    _save(tmp_path / "a" / "2.png", np.stack([GREY, GREY, 255 - GREY], axis=2))
    assert read_folder(tmp_path).images.shape == (2, 3, 4, 3)


def test_pictures_of_another_size_get_the_one_that_most_have_and_that_is_said(tmp_path) -> None:
    for name in ("a", "b"):
        for number in range(4):
            _save(tmp_path / "train" / name / f"{number}.png", GREY + number)
    _save(tmp_path / "train" / "b" / "5.png", np.full((30, 20), 200, np.uint8))
    for name in ("a", "b"):
        _save(tmp_path / "test" / name / "1.png", np.full((8, 8, 3), [9, 80, 200], np.uint8))
    folder = read_folder(tmp_path / "train")
    assert folder.images.shape == (9, 3, 4)
    assert folder.num_resized == 1
    assert (folder.images[-1] == 200).all()
    dataset = load_path(tmp_path)
    assert dataset.image_shape == (3, 4, 3)  # the test part has colours
    assert dataset.remarks == ("3 pictures of another size resized to 4 × 3",)
    assert dataset.remarks[0] in list(told(dataset))


def test_of_two_sizes_as_frequent_the_larger_one_is_taken(tmp_path) -> None:
    _save(tmp_path / "a" / "1.png", GREY)
    _save(tmp_path / "b" / "1.png", np.zeros((6, 8), np.uint8))
    assert read_folder(tmp_path).images.shape == (2, 6, 8)


def _broken(tmp_path, kind: str):
    _save(tmp_path / "a" / "1.png", GREY)
    odd = tmp_path / "b" / "odd.png"
    odd.parent.mkdir()
    if kind == "text":
        odd.write_text("I am no picture")
    elif kind == "empty":
        odd.write_bytes(b"")
    elif kind == "truncated":
        noise = np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)
        odd.write_bytes(_save(tmp_path / "x.png", noise).read_bytes()[:900])
    elif kind == "folder":
        odd.mkdir()
    elif kind == "svg":
        odd.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    elif kind == "eps":
        odd.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "must be a picture .* but is not"),
        ("empty", "must be a picture .* but is not"),
        ("truncated", "damaged or cut off"),
        ("folder", "pictures only, but this is a folder"),
        ("svg", "must be a picture"),
        ("eps", "must be a picture"),
        ("none", "must hold pictures of its class, but is empty"),
    ],
)
def test_broken_folders_name_the_file_and_the_reason(tmp_path, kind, message) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_folder(_broken(tmp_path, kind))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "b") in str(caught.value)


def test_a_folder_without_folders_is_refused(tmp_path) -> None:
    _save(tmp_path / "1.png")
    with pytest.raises(DataError, match="one folder of pictures per class, but holds no folders"):
        read_folder(tmp_path)


def test_an_enormous_picture_is_refused_before_it_is_unpacked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    path = _save(tmp_path / "a.png", np.zeros((30, 40), np.uint8))
    with pytest.raises(DataError, match="may have 100 pixels, but this one has 40 × 30"):
        read_picture(path)

"""A folder of pictures per class; knows nothing of drawings and centring (see ``dense.files``)."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.reading import Parsing, check_size
from bakeoff.errors import DataError

# Pillow knows dozens of formats; these are the ones pictures come in, and the best tested readers.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MAX_PIXELS = 16_777_216  # 4096 × 4096: a network of dense layers is no tool for more
# What file browsers leave behind.
_STRAY = frozenset({"thumbs.db", "desktop.ini"})
_TRAIN_NAMES = ("train", "training")
_TEST_NAMES = ("test", "testing", "t10k")


@dataclass(frozen=True, slots=True, eq=False)
class ImageFolder:
    """Pictures of one size.

    Attributes:
        images: uint8, shape (num_examples, height, width) or (…, 3) for colour.
        labels: the folder's name per example, text.
        num_resized: how many had another size.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    num_resized: int = 0


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The pixels of one picture: (height, width) if no pixel has a colour, else (height, width, 3).

    Transparency is laid over white.

    Raises:
        DataError: no picture, a damaged or an enormous one.
    """
    from PIL import Image, UnidentifiedImageError

    damaged = Parsing(f"{path}: the picture is damaged or cut off", "replace or remove it")
    # Pillow warns of files that may be decompression bombs; the size is checked here first.
    with damaged, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(path, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise DataError(
                f"{path}: must be a picture ({', '.join(FORMATS)}), but is not; remove it or convert it"
            ) from error
        with picture:
            width, height = picture.size
            if not 0 < width * height <= MAX_PIXELS:
                raise DataError(
                    f"{path}: a picture may have {MAX_PIXELS:,} pixels, but this one has {width:,} × "
                    f"{height:,}; make it smaller"
                )
            if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
                return _sixteen_bit(np.asarray(picture), path)
            if picture.mode in ("1", "L") and not picture.has_transparency_data:
                return np.asarray(picture.convert("L"))
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                flat = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
            else:
                flat = picture.convert("RGB")
            return _grey_if_colourless(np.asarray(flat))


def _grey_if_colourless(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One channel where all three agree: many programs save grey drawings as colours."""
    grey = rgb[:, :, 0]
    if np.array_equal(grey, rgb[:, :, 1]) and np.array_equal(grey, rgb[:, :, 2]):
        return np.ascontiguousarray(grey)
    return rgb


def _sixteen_bit(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Grey values of 16 bits as the nearest of 8."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65_535:
        raise DataError(f"{path}: grey values must have 8 or 16 bits; convert the picture")
    return np.round(values.astype(np.float64) / 257.0).astype(np.uint8)


def _visible(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror or error}); check the path"
        ) from error
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in _STRAY
    ]


def parts(folder: Path) -> tuple[Path, Path | None]:
    """(folder of the classes, the same of the test part or None): looks for train/ and test/."""
    folders = {entry.name.lower(): entry for entry in _visible(folder) if entry.is_dir()}
    train = next((folders[name] for name in _TRAIN_NAMES if name in folders), None)
    test = next((folders[name] for name in _TEST_NAMES if name in folders), None)
    return (train, test) if train is not None else (folder, None)


def read_folder(folder: Path, size: tuple[int, ...] | None = None) -> ImageFolder:
    """Reads ``folder/<class>/<picture>``, classes and pictures in the order of their names.

    If every picture is grey the images are; one coloured picture makes all of them coloured.

    Args:
        folder: of the classes.
        size: (height, width) that all pictures get; by default the one that most of them have,
            the larger of two that are as frequent.

    Raises:
        DataError: no folders of classes, no pictures, or files that are none.
    """
    classes = [entry for entry in _visible(folder) if entry.is_dir()]
    if not classes:
        raise DataError(
            f"{folder}: must hold one folder of pictures per class, but holds no folders; sort the "
            "pictures into folders named like their classes"
        )
    pictures: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    num_bytes = 0
    for entry in classes:
        paths = _visible(entry)
        if not paths:
            raise DataError(
                f"{entry}: must hold pictures of its class, but is empty; fill or remove it"
            )
        for path in paths:
            if path.is_dir():
                raise DataError(
                    f"{path}: a class's folder must hold pictures only, but this is a folder; flatten it"
                )
            picture = read_picture(path)
            pictures.append(picture)
            labels.append(entry.name)
            num_bytes += picture.nbytes
            check_size(str(folder), num_bytes)
    sizes = Counter(picture.shape[:2] for picture in pictures)
    size = size or max(sizes, key=lambda one: (sizes[one], one))
    num_resized = len(pictures) - sizes[size[0], size[1]]
    if num_resized:
        check_size(str(folder), len(pictures) * size[0] * size[1] * 3)
        pictures = [_resized(picture, size) for picture in pictures]
    if any(picture.ndim == 3 for picture in pictures):
        pictures = [p if p.ndim == 3 else np.repeat(p[:, :, None], 3, axis=2) for p in pictures]
    return ImageFolder(np.stack(pictures), np.array(labels), num_resized)


def coloured(folder: ImageFolder) -> ImageFolder:
    """The same with three channels."""
    if folder.images.ndim == 4:
        return folder
    return replace(folder, images=np.repeat(folder.images[..., None], 3, axis=3))


def _resized(picture: NDArray[np.uint8], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """The picture stretched to (height, width)."""
    from PIL import Image

    if picture.shape[:2] == size[:2]:
        return picture
    made = Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(made)

"""The embedded digits: scikit-learn's file, read without importing scikit-learn."""

from __future__ import annotations

import gzip
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bakeoff.data.assemble import DEFAULT_TEST_FRACTION, from_arrays
from bakeoff.data.bounded import read_file
from bakeoff.data.catalogue import NamedDataset
from bakeoff.data.dataset import Dataset
from bakeoff.errors import DataError


def digits_file() -> Path:
    """The file inside scikit-learn, found without importing it: that would cost a second."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError(
            "digits: scikit-learn, which brings the data, is missing; install scikit-learn"
        )
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def load_digits_dataset(entry: NamedDataset) -> Dataset:
    """The 1,797 digits, a stratified sixth of them held out for the test."""
    path = digits_file()
    if path.is_file():
        table = np.loadtxt(
            io.BytesIO(gzip.decompress(read_file(path))), delimiter=",", dtype=np.float32
        )
        features, labels = table[:, :-1], table[:, -1].astype(np.int32)
    else:  # another layout of scikit-learn: the slow, official way
        from sklearn.datasets import load_digits

        digits = load_digits()
        features, labels = digits.data, digits.target
    return from_arrays(
        features,
        labels,
        name=entry.name,
        test_fraction=DEFAULT_TEST_FRACTION,
        class_names=entry.class_names,
        image_shape=entry.image_shape,
    )

"""Files of brought models: what is written beside the library's own content, and opened again.

A ``.skops`` and a ``.keras`` file is a zip archive; the library opens it as ever, and one entry more
says what classes and features were called, so that ``bakeoff predict`` can speak of them.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.encoding import Encoding
from bakeoff.data.reading import Parsing, read_file
from bakeoff.errors import DataError, UsageError
from bakeoff.records import DataSummary
from bakeoff.trainables.base import Model

ENTRY = "bakeoff.json"
ENDINGS = (".skops", ".keras")
MAX_ENTRY = 16 * 2**20


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A brought model from its file.

    Attributes:
        content: of the file.
        ending: ``.skops`` or ``.keras``.
        class_names, feature_names, image_shape: of the data it was trained on.
        num_features: values per example.
        encoding: how the columns of a table become what it takes; None where they are.
    """

    content: bytes
    ending: str
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    num_features: int
    encoding: Encoding | None = None

    @classmethod
    def load(cls, path: str | Path) -> SavedModel:
        """Reads a file that a study wrote; nothing in it is run.

        Raises:
            DataError: missing, damaged, or not written by a study.
        """
        path = Path(path)
        content = read_file(path)
        damaged = f"{path}: is damaged, or no model that a study wrote"
        with (
            Parsing(damaged, "run the study again"),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            if archive.getinfo(ENTRY).file_size > MAX_ENTRY:
                raise ValueError("its names are too long")
            told = json.loads(archive.read(ENTRY))
            return cls(
                content=content,
                ending=path.suffix.lower(),
                class_names=tuple(map(str, told["class_names"])),
                feature_names=tuple(map(str, told["feature_names"])),
                image_shape=tuple(map(int, told["image_shape"])) if told["image_shape"] else None,
                num_features=int(told["num_features"]),
                encoding=Encoding.from_plain(told["encoding"]) if told.get("encoding") else None,
            )

    @property
    def provenance(self) -> dict[str, Any]:
        """Nothing is known of the data but the names."""
        return {}

    def predict_proba(self, features: NDArray[Any]) -> NDArray[Any]:
        """Probabilities, shape (n, num_classes), or values, shape (n,).

        Raises:
            DataError: the file is damaged, holds code that is not trusted, or does not fit.
        """
        model: Model = {"file": np.frombuffer(self.content, np.uint8)}
        if not self.class_names:
            model = {**model, "values": np.ones(1)}
        # A model that is not what it was makes its library raise anything.
        with Parsing("model file: does not predict", "run the study again"):
            if self.encoding is not None:
                features = self.encoding.apply(features)
            if self.ending == ".keras":
                from bakeoff.trainables.keras import Keras

                given = Keras("", Path()).predict(model, features)
            else:
                from bakeoff.trainables.sklearn import Estimator

                given = Estimator(None).predict(model, features)
        if self.class_names and given.shape[1] != len(self.class_names):
            raise DataError(f"model file: predicts {given.shape[1]} classes, not those it names")
        return given


def with_names(content: bytes, data: DataSummary, encoding: NDArray[Any] | None = None) -> bytes:
    """A model's archive with an entry that says what classes and features are called."""
    names = {
        "class_names": list(data.class_names),
        "feature_names": list(data.feature_names),
        "image_shape": None if data.image_shape is None else list(data.image_shape),
        "num_features": data.num_features,
        "encoding": None if encoding is None else json.loads(encoding.tobytes()),
    }
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        # ZipInfo's fixed time makes equal models equal bytes.
        archive.writestr(zipfile.ZipInfo(ENTRY), json.dumps(names))
    return buffer.getvalue()


def opened_model(content: bytes, ending: str) -> Any:
    """The estimator or the Keras model in a file.

    Raises:
        UsageError: a file that the user's own function made.
        DataError: it is damaged, or holds code that is not trusted.
    """
    if ending == ".skops":
        from bakeoff.trainables.sklearn import opened

        return opened(content)
    if ending == ".keras":
        from bakeoff.trainables.keras import opened as opened_keras

        return opened_keras(content)
    raise UsageError(
        "the model is a file that the study's function wrote; save it with `with_model(path)` and "
        "open it as that function would"
    )

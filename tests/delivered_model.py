"""What must hold of every finished study: the file that is delivered is the model that is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bakeoff.data.dataset import Dataset
from bakeoff.dense.model import TrainedModel
from bakeoff.result import Result


def assert_the_file_is_the_reported_model(result: Result, dataset: Dataset, folder: Path) -> None:
    """Saves the model, loads the file, and scores it on the test part.

    Its accuracy must be that of the delivered refit, its confusion the reported one.
    """
    final = result.record.final
    assert final is not None
    path = folder / "model.safetensors"
    result.model.save(path)
    test = dataset.test.open_()
    predicted = TrainedModel.load(path).predict_proba(test.features).argmax(axis=1)
    reported = final.runs[final.delivered].value("test_accuracy")
    assert reported == pytest.approx(np.mean(predicted == test.labels), abs=1e-12)
    assert final.exam is not None
    counted = np.zeros_like(final.exam.confusion)
    np.add.at(counted, (test.labels, predicted), 1)
    assert (final.exam.confusion == counted).all()

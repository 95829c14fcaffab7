"""The model that a finished study hands over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_samples import sample_model

from bakeoff.dense.base import model_arrays
from bakeoff.dense.model import TrainedModel
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import UsageError
from bakeoff.records import (
    ClassificationExam,
    DataSummary,
    Environment,
    Example,
    Final,
    Run,
    StudyResult,
)

MODEL = sample_model(num_features=6, image_shape=(2, 3))
RUN = Run(
    key="k",
    replicate=0,
    status="finished",
    reason=None,
    metrics={"test_loss": 0.25, "test_accuracy": 0.9},
    curves={},
    notes={},
    train_seconds=0.1,
    engine="reference/1",
)
FINAL = Final(
    settings=DENSE_SPACE.complete(MODEL.settings.model_dump()),
    cost=(("parameters", float(MODEL.num_parameters)),),
    runs=(RUN,),
    delivered=0,
    opening=None,
    model=model_arrays(MODEL.layers, MODEL.scaling),
)
RESULT = StudyResult(
    name="mine",
    kind="study",
    spec={},
    seed=7,
    metric="accuracy",
    split="folds",
    looks=(3,),
    data=DataSummary(
        "pixels", "abc", 10, 2, 3, 6, 3, MODEL.class_names, (), (2, 3), (4, 4, 4), 0.0
    ),
    engine="reference/1",
    stages=(),
    audit=(),
    lint=(),
    claims=(),
    final=FINAL,
    openings=(),
    environment=Environment("9.9", "3", "2", "Linux", "CPU", 2, "reference/1"),
    num_trained=1,
    num_reused=0,
    seconds=1.0,
    started_at="2026-01-01T00:00:00+00:00",
)


def test_the_delivered_model_knows_where_it_came_from() -> None:
    model = TrainedModel.from_result(RESULT)
    assert model.class_names == MODEL.class_names
    assert model.image_shape == (2, 3)
    assert dict(model.provenance) == {
        "bakeoff": "9.9",
        "study": "mine",
        "seed": 7,
        "engine": "reference/1",
        "data": "pixels",
        "data_hash": "abc",
        "test_accuracy": 0.9,
        "test_loss": 0.25,
    }


def _examples(*features: np.ndarray) -> Final:
    exam = ClassificationExam(
        confusion=np.zeros((3, 3), np.int64),
        reliability=np.zeros((15, 3)),
        calibration_error=0.0,
        mistakes=(),
        examples=tuple(Example(k, k, one) for k, one in enumerate(features)),
    )
    return replace(FINAL, exam=exam)


@pytest.mark.parametrize(
    ("final", "largest"),
    [
        (_examples(np.full(6, 9, np.uint8)), 255.0),
        (_examples(np.full(6, 9, np.float32), np.full(6, 16, np.float32)), 16.0),
        (replace(FINAL, feature_stats=np.tile([0.0, 5.0, 1.0, 1.0], (6, 1))), 5.0),
    ],
)
def test_it_remembers_what_full_ink_is_in_its_data(final, largest) -> None:
    model = TrainedModel.from_result(replace(RESULT, final=final))
    assert model.provenance["largest_value"] == largest


@pytest.mark.parametrize("final", [None, replace(FINAL, model={})])
def test_a_result_without_a_final_model_has_none_to_take_away(final) -> None:
    with pytest.raises(UsageError, match="mine: a study without a final step has no model"):
        TrainedModel.from_result(replace(RESULT, final=final))

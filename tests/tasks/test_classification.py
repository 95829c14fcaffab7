"""Scores against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from bakeoff.tasks import classification as metrics


def draw(seed: int, num_classes: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, num_classes, (2, size)).astype(np.uint16)


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 300), size=st.integers(1, 400))
def test_the_confusion_counts_every_pair(seed: int, num_classes: int, size: int) -> None:
    labels, predictions = draw(seed, num_classes, size)
    theirs = sk.confusion_matrix(labels, predictions, labels=np.arange(num_classes))
    np.testing.assert_array_equal(metrics.confusion(labels, predictions, num_classes), theirs)


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 12), size=st.integers(5, 400))
def test_balanced_accuracy_is_scikit_learns_over_the_classes_that_occur(
    seed: int, num_classes: int, size: int
) -> None:
    labels, predictions = draw(seed, num_classes, size)
    theirs = sk.recall_score(
        labels, predictions, labels=np.unique(labels), average="macro", zero_division=0.0
    )
    assert metrics.balanced_accuracy(labels, predictions, num_classes) == pytest.approx(theirs)


def test_balanced_accuracy_is_not_fooled_by_always_saying_the_frequent_class() -> None:
    labels = np.array([0] * 97 + [1] * 3)
    assert metrics.balanced_accuracy(labels, np.zeros(100, int), 2) == 0.5


def test_balanced_accuracy_of_nothing_does_not_exist() -> None:
    assert np.isnan(metrics.balanced_accuracy(np.array([], int), np.array([], int), 3))


@given(seed=st.integers(0, 10_000), size=st.integers(1, 200))
def test_score_logits_are_log_loss_and_accuracy(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((size, 4)).astype(np.float32) * 3
    labels = rng.integers(0, 4, size)
    scores = metrics.score_logits(logits, labels)
    assert scores["loss"] == pytest.approx(
        sk.log_loss(labels, metrics.softmax(logits), labels=np.arange(4)), rel=1e-9
    )
    assert scores["accuracy"] == sk.accuracy_score(labels, logits.argmax(axis=1))


def test_enormous_logits_neither_overflow_nor_lose_the_loss() -> None:
    logits = np.array([[1e30, 0.0], [-1e30, 0.0]], np.float32)
    scores = metrics.score_logits(logits, np.array([0, 1]))
    assert scores["loss"] == 0.0
    wrong = metrics.score_logits(logits, np.array([1, 1]))
    assert wrong["loss"] == pytest.approx(5e29, rel=1e-6)


def test_a_non_finite_logit_has_no_loss() -> None:
    scores = metrics.score_logits(np.array([[np.nan, 0.0]]), np.array([1]))
    assert "loss" not in scores


def test_no_examples_no_scores() -> None:
    assert metrics.score_logits(np.zeros((0, 3)), np.zeros(0, int)) == {}


def test_reliability_by_hand() -> None:
    """Two examples at .9 confidence, one right: their bin is .4 off; one at .6, right."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    table, error = metrics.reliability(probabilities, np.array([0, 1, 1]), bins=10)
    np.testing.assert_allclose(table[8], [2, 0.9, 0.5])
    np.testing.assert_allclose(table[5], [1, 0.6, 1.0])
    assert table[:, 0].sum() == 3
    assert error == pytest.approx((2 * 0.4 + 1 * 0.4) / 3)


def test_full_confidence_falls_into_the_last_bin() -> None:
    table, error = metrics.reliability(np.array([[1.0, 0.0]]), np.array([0]))
    assert table.shape == (15, 3)
    assert table[14, 0] == 1
    assert error == 0.0


def test_a_calibrated_model_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(3)
    right = rng.uniform(0.5, 1.0, 50_000)
    labels = (rng.random(50_000) > right).astype(int)
    probabilities = np.stack([right, 1 - right], axis=1)
    assert metrics.reliability(probabilities, labels)[1] < 0.01
    assert metrics.reliability(probabilities, 1 - labels)[1] > 0.4


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ([5923, 6742, 5421], "accuracy"),
        ([300, 100], "accuracy"),
        ([301, 100], "balanced_accuracy"),
        ([970, 30], "balanced_accuracy"),
        ([50, 0, 50], "accuracy"),
        ([], "accuracy"),
    ],
)
def test_lopsided_classes_are_judged_by_balanced_accuracy(counts: list[int], name: str) -> None:
    assert metrics.default_metric(counts) == name


@given(seed=st.integers(0, 10_000), size=st.integers(1, 200))
def test_scores_of_probabilities_are_those_of_scikit_learn(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(4, 0.2), size)
    labels = rng.integers(0, 4, size)
    scores = metrics.score_probabilities(probabilities, labels)
    assert scores["loss"] == pytest.approx(
        sk.log_loss(labels, probabilities, labels=np.arange(4)), rel=1e-6
    )
    assert scores["accuracy"] == sk.accuracy_score(labels, probabilities.argmax(axis=1))


def test_knowing_nothing_is_always_saying_the_most_frequent_class() -> None:
    labels = np.array([0] * 97 + [2] * 3)
    assert metrics.majority(labels) == {"accuracy": 0.97, "balanced_accuracy": 0.5}
    assert metrics.majority(labels[:0]) == {}


def test_the_task_knows_its_metrics_by_name() -> None:
    task = metrics.CLASSIFICATION
    assert task.metric("loss").sign == -1.0
    assert task.metric("balanced_accuracy").words == "balanced accuracy"
    with pytest.raises(KeyError):
        task.metric("rmse")

"""Scores against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from bakeoff.evidence import metrics


def draw(seed: int, num_classes: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, num_classes, (2, size)).astype(np.uint16)


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 300), size=st.integers(1, 400))
def test_the_confusion_counts_every_pair(seed: int, num_classes: int, size: int) -> None:
    labels, predictions = draw(seed, num_classes, size)
    theirs = sk.confusion_matrix(labels, predictions, labels=np.arange(num_classes))
    np.testing.assert_array_equal(metrics.confusion(labels, predictions, num_classes), theirs)


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 12), size=st.integers(5, 400))
def test_macro_recall_is_scikit_learns_over_the_classes_that_occur(
    seed: int, num_classes: int, size: int
) -> None:
    labels, predictions = draw(seed, num_classes, size)
    theirs = sk.recall_score(
        labels, predictions, labels=np.unique(labels), average="macro", zero_division=0.0
    )
    assert metrics.macro_recall(labels, predictions, num_classes) == pytest.approx(theirs)


def test_macro_recall_is_not_fooled_by_always_saying_the_frequent_class() -> None:
    labels = np.array([0] * 97 + [1] * 3)
    assert metrics.macro_recall(labels, np.zeros(100, int), 2) == 0.5


def test_macro_recall_of_nothing_does_not_exist() -> None:
    assert np.isnan(metrics.macro_recall(np.array([], int), np.array([], int), 3))


@given(seed=st.integers(0, 10_000), size=st.integers(1, 200))
def test_scores_from_logits_are_log_loss_and_accuracy(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((size, 4)).astype(np.float32) * 3
    labels = rng.integers(0, 4, size)
    scores = metrics.scores_from_logits(logits, labels, 4)
    assert scores.loss == pytest.approx(
        sk.log_loss(labels, metrics.softmax(logits), labels=np.arange(4)), rel=1e-9
    )
    assert scores.accuracy == sk.accuracy_score(labels, logits.argmax(axis=1))


def test_enormous_logits_neither_overflow_nor_lose_the_loss() -> None:
    logits = np.array([[1e30, 0.0], [-1e30, 0.0]], np.float32)
    scores = metrics.scores_from_logits(logits, np.array([0, 1]), 2)
    assert scores.loss == 0.0
    wrong = metrics.scores_from_logits(logits, np.array([1, 1]), 2)
    assert wrong.loss == pytest.approx(5e29, rel=1e-6)


def test_a_non_finite_logit_has_no_loss() -> None:
    scores = metrics.scores_from_logits(np.array([[np.nan, 0.0]]), np.array([1]), 2)
    assert scores.loss is None


def test_no_examples_no_scores() -> None:
    empty = metrics.scores_from_logits(np.zeros((0, 3)), np.zeros(0, int), 3)
    assert (empty.loss, empty.accuracy, empty.macro_recall) == (None, None, None)


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
        ([301, 100], "macro_recall"),
        ([970, 30], "macro_recall"),
        ([50, 0, 50], "accuracy"),
        ([], "accuracy"),
    ],
)
def test_lopsided_classes_are_judged_by_macro_recall(counts: list[int], name: str) -> None:
    assert metrics.default_metric(counts) == name

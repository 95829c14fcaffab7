"""Which runs count as failed."""

from __future__ import annotations

import pytest

from bakeoff.evidence.failures import failure_reason, learning_margin


@pytest.mark.parametrize("majority", [0.1, 0.1135, 0.3, 0.5])
def test_with_ordinary_classes_the_margin_is_five_points(majority: float) -> None:
    assert learning_margin(majority) == pytest.approx(0.05)
    assert failure_reason(None, majority + 0.049, majority) is not None
    assert failure_reason(None, majority + 0.051, majority) is None


def test_the_notebooks_smallest_learning_rate_failed_and_the_next_did_not() -> None:
    assert "learned next to nothing" in (failure_reason(None, 0.122, 0.1135) or "")
    assert failure_reason(None, 0.499, 0.1135) is None


def test_a_good_model_of_lopsided_classes_did_not_fail() -> None:
    """With 97 % in one class, 5 points above it would be more than perfection."""
    assert failure_reason(None, 0.99, 0.97) is None
    assert failure_reason(None, 0.97, 0.97) is not None


def test_a_model_that_finds_the_rare_class_did_not_fail() -> None:
    """Of 95 to 5, naming half of the rare ones costs accuracy and is yet what was asked for."""
    assert failure_reason(None, 0.94, 0.95) is not None
    assert failure_reason(None, 0.94, 0.95, balanced_accuracy=0.75, num_classes=2) is None
    assert failure_reason(None, 0.94, 0.95, balanced_accuracy=0.5, num_classes=2) is not None
    assert failure_reason("diverged", 0.94, 0.95, balanced_accuracy=0.75) is not None


def test_worse_than_always_saying_the_same_is_failed() -> None:
    assert failure_reason(None, 0.40, 0.60) is not None


def test_exactly_on_the_margin_is_not_failed_by_a_binary_fraction() -> None:
    assert failure_reason(None, 0.15 + 1e-9, 0.1) is None


@pytest.mark.parametrize("accuracy", [None, float("nan"), float("inf")])
def test_no_finite_accuracy_is_divergence(accuracy: float | None) -> None:
    assert "diverged" in (failure_reason(None, accuracy, 0.1) or "")


def test_divergence_is_named_even_if_the_last_accuracy_was_good() -> None:
    assert "non-finite" in (failure_reason("diverged", 0.9, 0.1) or "")


def test_the_reason_carries_both_numbers() -> None:
    reason = failure_reason(None, 0.1221, 0.1135) or ""
    assert "12.21 %" in reason
    assert "11.35 %" in reason

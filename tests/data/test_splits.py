"""Replicates and splits."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.splits import (
    hold_out,
    make_replicates,
    screening_replicates,
    split_rows,
)
from bakeoff.errors import DataError, UsageError
from bakeoff.records import Replicate


@st.composite
def labels_and_folds(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Labels of 2 to 6 classes, each occurring at least twice, and a number of folds they allow."""
    counts = draw(st.lists(st.integers(2, 40), min_size=2, max_size=6))
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    shuffled = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).permutation(labels)
    return shuffled, draw(st.integers(2, min(12, len(labels))))


@given(labels_and_folds(), st.integers(0, 2**63 - 1))
def test_every_example_validates_exactly_once_over_the_folds(case, seed) -> None:
    labels, num_folds = case
    seen = np.zeros(len(labels), int)
    for replicate in make_replicates(num_folds, num_folds=num_folds, split="folds"):
        train, val = split_rows(
            labels, replicate, split="folds", num_folds=num_folds, study_seed=seed
        )
        assert train.dtype == val.dtype == np.int32
        assert (np.diff(train) > 0).all()
        assert (np.diff(val) > 0).all()
        np.testing.assert_array_equal(np.sort(np.concatenate([train, val])), np.arange(len(labels)))
        seen[val] += 1
    assert (seen == 1).all()


@given(labels_and_folds(), st.integers(0, 2**32))
def test_folds_are_stratified_within_one_example_per_class_and_equal_within_one(case, seed) -> None:
    labels, num_folds = case
    sizes, counts = [], []
    for replicate in make_replicates(num_folds, num_folds=num_folds, split="folds"):
        _, val = split_rows(labels, replicate, split="folds", num_folds=num_folds, study_seed=seed)
        sizes.append(len(val))
        counts.append(np.bincount(labels[val], minlength=labels.max() + 1))
    assert max(sizes) - min(sizes) <= 1
    assert (np.ptp(counts, axis=0) <= 1).all()
    share = np.bincount(labels) / num_folds
    assert (np.abs(np.array(counts) - share) < 1).all()


@given(labels_and_folds(), st.floats(0.02, 0.98), st.integers(0, 2**32))
def test_a_held_out_part_takes_its_share_of_every_class_within_one(case, fraction, seed) -> None:
    labels, _ = case
    kept, held = hold_out(labels, fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(labels)))
    assert abs(len(held) - fraction * len(labels)) <= 0.5 + 1e-9
    counts = np.bincount(labels[held], minlength=labels.max() + 1)
    assert (np.abs(counts - fraction * np.bincount(labels)) < 1 + 1e-9).all()


def test_last_takes_what_keras_validation_split_takes() -> None:
    labels = np.tile(np.arange(10, dtype=np.int32), 6000)
    train, val = split_rows(labels, Replicate(0, 0, 0), split="last", num_folds=12, study_seed=7)
    np.testing.assert_array_equal(train, np.arange(55_000))
    np.testing.assert_array_equal(val, np.arange(55_000, 60_000))


def test_last_is_the_same_split_for_every_replicate_and_seed() -> None:
    labels = np.tile(np.arange(2, dtype=np.int32), 50)
    splits = [
        split_rows(labels, replicate, split="last", num_folds=5, study_seed=seed)
        for seed in (0, 1)
        for replicate in make_replicates(7, num_folds=5, split="last")
    ]
    for train, val in splits[1:]:
        np.testing.assert_array_equal(train, splits[0][0])
        np.testing.assert_array_equal(val, splits[0][1])


def test_replicates_walk_through_the_folds_and_then_take_a_new_partition() -> None:
    replicates = make_replicates(7, num_folds=3, split="folds")
    assert [r.index for r in replicates] == list(range(7))
    assert [r.fold for r in replicates] == [0, 1, 2, 0, 1, 2, 0]
    assert [r.partition for r in replicates] == [0, 0, 0, 1, 1, 1, 2]
    assert not any(r.screening for r in replicates)


def test_another_partition_is_another_split_of_the_same_fold() -> None:
    labels = np.tile(np.arange(4, dtype=np.int32), 60)
    first, _, _, again = make_replicates(4, num_folds=3, split="folds")
    _, val = split_rows(labels, first, split="folds", num_folds=3, study_seed=0)
    _, other = split_rows(labels, again, split="folds", num_folds=3, study_seed=0)
    assert first.fold == again.fold
    assert set(val) != set(other)


def test_screening_replicates_share_no_index_and_no_partition_with_deciding_ones() -> None:
    screening = screening_replicates(3, num_folds=12, split="folds")
    assert [r.index for r in screening] == [1_000_000, 1_000_001, 1_000_002]
    assert {r.partition for r in screening} == {1_000_000}
    assert [r.fold for r in screening] == [0, 1, 2]
    assert all(r.screening for r in screening)
    assert [r.fold for r in screening_replicates(2, num_folds=12, split="last")] == [0, 0]


def test_the_split_of_a_seed_never_changes_between_versions() -> None:
    # Stored runs are found again by their replicate: a changed split would mix two designs.
    labels = np.tile(np.arange(10, dtype=np.int32), 120)
    digest = hashlib.sha256()
    for replicate in make_replicates(13, num_folds=12, split="folds"):
        _, val = split_rows(labels, replicate, split="folds", num_folds=12, study_seed=3)
        digest.update(val.astype("<i4").tobytes())
    assert digest.hexdigest()[:16] == "baceb66a9178f60e"


def test_too_few_examples_for_the_folds_is_an_error() -> None:
    with pytest.raises(DataError, match=r"12 folds need at least 12 examples .* but got 6"):
        split_rows(
            np.array([0, 1] * 3, np.int32),
            Replicate(0, 0, 0),
            split="folds",
            num_folds=12,
            study_seed=0,
        )


def test_a_class_that_the_training_part_would_lack_is_an_error() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), 20)
    with pytest.raises(DataError, match=r"class number 2 \(20 examples\).*shuffle the data"):
        split_rows(labels, Replicate(0, 0, 0), split="last", num_folds=3, study_seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_folds": 1, "split": "folds"}, "num_folds >= 2"),
        ({"num_folds": 3, "split": "first"}, "'folds', 'last' or 'time'"),
    ],
)
def test_senseless_arguments_are_usage_errors(arguments, message) -> None:
    with pytest.raises(UsageError, match=message):
        make_replicates(3, **arguments)
    with pytest.raises(UsageError, match="at least 0"):
        make_replicates(-1, num_folds=2, split="folds")


def test_the_last_part_and_groups_are_two_rules() -> None:
    groups = np.arange(24, dtype=np.int32) % 6
    with pytest.raises(DataError, match="keep one"):
        split_rows(
            groups % 2, Replicate(0, 0, 0), split="last", num_folds=4, study_seed=0, groups=groups
        )


def test_a_class_that_gives_to_a_rare_one_stays_within_one_of_its_share() -> None:
    rng = np.random.default_rng(0)
    for seed in range(500):
        sizes = rng.integers(1, (4, 40, 200)[seed % 3], int(rng.integers(1, 6)))
        labels, fraction = np.repeat(np.arange(len(sizes)), sizes), rng.uniform(0.02, 0.6)
        _, held = hold_out(labels, fraction, np.random.default_rng(seed))
        counts = np.bincount(labels[held], minlength=len(sizes))
        assert np.abs(counts - fraction * sizes).max() <= 1.0
        assert abs(len(held) - fraction * len(labels)) <= 0.5 + 1e-9

"""How replicates were drawn: by what their spread is multiplied, and what they say anything of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_studies import data_summary, notebook
from scipy import stats

from bakeoff.evidence.rule import (
    FOLD_CORRELATION,
    Sampling,
    effective_examples,
    sampling_of,
    sampling_of_result,
)

GUARD = FOLD_CORRELATION / (1.0 - FOLD_CORRELATION)
FOLDS = Sampling(55_000, 5_000, 5_000.0, num_folds=12, chance=0.1)


def test_disjoint_folds_carry_only_the_guard() -> None:
    assert FOLDS.variance_factor(3) == pytest.approx(1 / 3 + GUARD)
    assert FOLDS.variance_factor(12) == pytest.approx(1 / 12 + GUARD)


def test_one_split_and_what_is_tested_where_it_was_chosen_carry_nadeau_and_bengios() -> None:
    last = Sampling(55_000, 5_000, split="last")
    assert last.variance_factor(12) == pytest.approx(1 / 12 + 1 / 11)
    assert FOLDS.overlapping().variance_factor(9) == pytest.approx(1 / 9 + 1 / 11)


def test_a_program_that_splits_its_own_data_carries_nothing() -> None:
    assert Sampling(0, 0, split="own").variance_factor(5) == pytest.approx(1 / 5)


def test_one_replicate_more_never_makes_an_interval_wider() -> None:
    for folds in (2, 3, 5, 12, 50):
        sampling = Sampling(100 * (folds - 1), 100, 100.0, num_folds=folds)
        factors = [sampling.variance_factor(size) for size in range(1, 200)]
        assert factors == sorted(factors, reverse=True)


def test_accuracy_rests_on_all_examples_and_balanced_accuracy_mostly_on_the_rare_ones() -> None:
    assert effective_examples("accuracy", [4_995, 5]) == 5_000
    assert effective_examples("balanced_accuracy", [4_995, 5]) == pytest.approx(20, abs=0.1)
    assert effective_examples("balanced_accuracy", [50, 50]) == 100
    assert effective_examples("balanced_accuracy", [50, 0, 50]) == 100
    assert effective_examples("loss", [50, 50]) is None
    assert effective_examples("accuracy", []) is None


def test_a_study_is_drawn_as_its_file_says() -> None:
    data = data_summary(num_train=1_100, num_validation=100, class_counts=(900, 300))
    fair = sampling_of(data, metric="accuracy", split="folds", num_folds=12)
    assert (fair.num_effective, fair.num_folds, fair.chance) == (100.0, 12, 0.75)
    balanced = sampling_of(data, metric="balanced_accuracy", split="last", num_folds=12)
    assert balanced.num_effective == pytest.approx(4 / (1 / 75 + 1 / 25))
    assert (balanced.num_folds, balanced.chance) == (0, 0.5)
    loss = sampling_of(data, metric="loss", split="folds", num_folds=12)
    assert (loss.num_effective, loss.chance) == (None, None)
    replayed = sampling_of_result(replace(notebook(), split="folds", spec={"folds": 5}))
    assert replayed.num_folds == 5


def test_chance_is_told_by_the_exact_binomial_test_of_all_examples() -> None:
    values = np.array([0.13, 0.11, 0.12])
    few = replace(FOLDS, num_effective=100.0)
    p = stats.binomtest(36, 300, 0.1, alternative="greater").pvalue
    assert p > 0.05
    assert few.learned_nothing(values)
    assert not few.learned_nothing(values, alpha=p + 0.001)
    assert not FOLDS.learned_nothing(values)


def test_where_nothing_is_known_of_chance_nothing_is_said() -> None:
    assert not replace(FOLDS, chance=None).learned_nothing(np.zeros(3))
    assert not replace(FOLDS, num_effective=None).learned_nothing(np.zeros(3))
    assert not FOLDS.learned_nothing(np.empty(0))
    assert FOLDS.learned_nothing(np.zeros(3))


def test_what_intervals_speak_of_is_said_in_words() -> None:
    scopes = {replace(FOLDS, split=split).scope for split in ("folds", "last", "own")}
    assert len(scopes) == 3
    assert "one split" in replace(FOLDS, split="last").scope


def test_only_disjoint_folds_need_no_word_of_caution() -> None:
    caveats = [replace(FOLDS, split=split).caveat for split in ("folds", "last", "own")]
    assert caveats[0] == ""
    assert "one split" in caveats[1]
    assert "seeds" in caveats[2]

"""The command that measures how often verdicts are false: it runs, and says what it counted."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from benchmarks import bank_runs, banks, labels, verdicts
from benchmarks.simulate import Count


def test_a_row_shows_its_shares_their_intervals_and_its_number() -> None:
    count = Count(
        stages=200, chains=200, false_winners=2, winners=2, undecided=198, replicates=2_200
    )
    shown = verdicts.line("2 alike", count)
    assert shown.startswith("| 2 alike | 200 | 1.00 % [0.3, 3.6] | 0.00 % [0.0, 1.9] |")
    assert "| 1, 0, 99 % | 11.0 |" in shown
    assert not verdicts.breaks(count)


def test_a_share_that_may_be_above_six_percent_is_marked() -> None:
    count = Count(stages=200, chains=200, false_ties=12, ties=12, undecided=188, replicates=2_400)
    assert "**6.00 % [3.5, 10.2] !**" in verdicts.line("", count)
    assert verdicts.breaks(count)


def test_a_chain_shows_how_many_chains_have_a_false_winner() -> None:
    count = Count(stages=30, chains=10, false_winners=2, winners=2, false_chains=1, replicates=300)
    assert "a false winner in 10.00 % [1.8, 40.4] of the chains" in verdicts.line("", count)


def test_the_summary_names_the_worst_row_of_each_section() -> None:
    good = Count(stages=1_000, chains=1_000, false_winners=3, winners=3, undecided=997)
    bad = Count(stages=1_000, chains=1_000, false_winners=9, false_ties=80, ties=80)
    text = "\n".join(
        verdicts.summary({"alike": [("two", good)], "delta": [("a", good), ("b", bad)]})
    )
    assert "| alike | 1 | 0.30 % [0.1, 0.9]: two | 0.00 % [0.0, 0.4] |" in text
    assert "| delta | 2 | 0.90 % [0.5, 1.7]: b | **8.00 % [6.5, 9.8] !**: b |" in text
    assert text.endswith("May be above 6 %: b.")


@pytest.mark.parametrize("section", ["failures", "power", "audit"])
def test_the_command_prints_a_section(
    section: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verdicts, "CHUNKS", 1)
    words = ["verdicts", "--only", section, "--studies", "2", "--workers", "1"]
    monkeypatch.setattr(sys, "argv", words)
    verdicts.main()
    printed = capsys.readouterr().out
    assert f"### {section}" in printed
    assert "NumPy" in printed
    assert "seed 2026" in printed
    assert printed.count("\n| ") > 5


@pytest.mark.parametrize(
    "row", [row for row in labels.ROWS if row.size <= 300], ids=lambda row: row.name
)
def test_a_study_of_noise_ends_with_a_count(row: labels.LabelStudy) -> None:
    count = labels.study(row, 1)
    assert count.stages == 1
    assert count.winners + count.ties + count.undecided + count.without_runs == 1


def test_the_weak_signal_has_the_auc_that_is_said_of_it() -> None:
    from sklearn.metrics import roc_auc_score

    features, wanted = labels.weak(np.random.default_rng(1), 400_000)
    assert roc_auc_score(wanted, features[:, 0]) == pytest.approx(0.54, abs=0.005)


@pytest.fixture
def tiny_bank(monkeypatch: pytest.MonkeyPatch) -> str:
    """Two learners on a small made-up population, three data sets."""

    def population(_source: str) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(2)
        features = rng.standard_normal((600, 4)).astype(np.float32)
        return features, (features[:, 0] > 0).astype(np.int32)

    learners = {name: bank_runs.TABLES[name] for name in ("net 16", "linear 1")}
    spec = bank_runs.BankSpec("tiny", population, "", learners, 60, 3)
    monkeypatch.setitem(bank_runs.BANKS, "tiny", spec)
    return "tiny"


@pytest.mark.slow
def test_a_bank_has_every_run_of_every_learner(tiny_bank: str) -> None:
    accuracy = bank_runs.train_dataset(tiny_bank, 0)
    assert accuracy.shape == (2, bank_runs.NUM_SEEDS, bank_runs.NUM_FOLDS)
    assert (accuracy >= 0).all()
    assert accuracy.mean() > 0.7
    # A seed does not change a linear model; another data set does.
    assert (accuracy[1, 0] == accuracy[1, 1]).all()
    assert (accuracy[1] != bank_runs.train_dataset(tiny_bank, 1)[1]).any()


@pytest.mark.slow
def test_a_bank_is_kept_and_only_what_is_missing_is_trained(
    tiny_bank: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bank_runs.train(tiny_bank, tmp_path, 1, 1 / 3)  # type: ignore[arg-type]
    whole = bank_runs.train(tiny_bank, tmp_path, 1)  # type: ignore[arg-type]
    assert len(first) == 1
    assert len(whole) == 3
    assert (whole[:1] == first).all()
    monkeypatch.setattr(bank_runs, "train_dataset", None)
    assert (bank_runs.train(tiny_bank, tmp_path, 1) == whole).all()  # type: ignore[arg-type]


def test_the_correlation_between_replicates_is_found_again() -> None:
    rng = np.random.default_rng(3)
    independent = rng.standard_normal((4_000, 12))
    shared = independent * np.sqrt(0.9) + np.sqrt(0.1) * rng.standard_normal((4_000, 1))
    assert banks.correlation(independent) == pytest.approx(0.0, abs=0.01)
    assert banks.correlation(shared) == pytest.approx(0.1, abs=0.015)
    assert banks.correlation(np.zeros((5, 12))) == 0.0


def test_a_pair_of_a_bank_can_be_shifted_to_any_true_difference() -> None:
    rng = np.random.default_rng(4)
    first, second = 0.9 + 0.02 * rng.standard_normal((2, 50, 12))
    pair = banks.Pair("made-240", "net, linear", first, second)
    assert (pair.shifted(0.01) - second).mean() == pytest.approx(0.01)
    found = banks.examine(pair)
    assert found.alike.stages == found.apart.stages == 50
    assert found.covered >= 45
    assert found.more.winners >= found.one.winners > 0

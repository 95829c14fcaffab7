"""The view holds every number once, as plain JSON values."""

from __future__ import annotations

import json
from dataclasses import replace

import build
import numpy as np
import pytest

from bakeoff.records import StudyResult
from bakeoff.report.curves import kept_epochs, thin_curve
from bakeoff.report.view import build_view
from bakeoff.report.view_final import wilson
from bakeoff.report.view_runs import mean_interval

ALL = [
    "winner",
    "tie",
    "undecided",
    "failed_runs",
    "regression",
    "one_replicate",
    "full",
    "hostile",
]


@pytest.mark.parametrize("name", ALL)
def test_a_view_is_plain_json_without_nan(name: str) -> None:
    result: StudyResult = getattr(build, name)()
    text = json.dumps(build_view(result).to_dict(), allow_nan=False)
    assert json.loads(text)["format"] == 1


def test_a_stage_that_cannot_be_found_is_refused_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="it has scale, depth"):
        build_view(build.tie()).stage("width")


def test_the_interval_of_a_mean_is_nadeau_and_bengios() -> None:
    values = [0.95, 0.96, 0.955]
    mean, sd, low, high = mean_interval(values, 1 / 11)
    # t(.975, 2) = 4.302653; se = sd · sqrt(1/3 + 1/11)
    assert mean == pytest.approx(0.955)
    assert sd == pytest.approx(0.005)
    assert low == pytest.approx(0.955 - 4.302653 * 0.005 * (1 / 3 + 1 / 11) ** 0.5, abs=1e-8)
    assert high == pytest.approx(0.955 + 4.302653 * 0.005 * (1 / 3 + 1 / 11) ** 0.5, abs=1e-8)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert mean_interval([0.9], 0.1) == (0.9, None, None, None)
    assert mean_interval([], 0.1) == (None, None, None, None)


def test_wilsons_interval_is_the_published_one() -> None:
    # 7 of 10: (0.3968, 0.8922), Newcombe (1998), method 3 with z = 1.96.
    low, high = wilson(7, 10)
    assert low == pytest.approx(0.3968, abs=2e-4)
    assert high == pytest.approx(0.8922, abs=2e-4)
    assert wilson(0, 0) == (None, None)


def test_differences_are_from_the_chosen_candidate_with_the_verdicts_own_intervals() -> None:
    result = build.winner()
    comparison = result.stages[0].verdict.comparisons[0]  # none − unit
    (difference,) = build_view(result).stages[0].differences
    assert difference.mean == pytest.approx(comparison.mean)
    assert (difference.low, difference.high) == (comparison.low, comparison.high)
    assert [r for r, _ in difference.pairs] == [0, 1, 2]


def test_a_comparison_stored_the_other_way_round_is_turned() -> None:
    result = build.winner()
    stage = result.stages[0]
    c = stage.verdict.comparisons[0]
    assert c.low is not None
    assert c.high is not None
    turned = replace(c, first=c.second, second=c.first, mean=-c.mean, low=-c.high, high=-c.low)
    stage = replace(stage, verdict=replace(stage.verdict, comparisons=(turned,)))
    before = build_view(result).stages[0].differences
    assert build_view(replace(result, stages=(stage,))).stages[0].differences == before


def test_gain_is_paired_with_the_stage_before_even_where_the_incumbent_was_forgotten() -> None:
    result = build.regression()
    first, second = result.stages
    values = [
        b.value("val_accuracy") - a.value("val_accuracy")  # type: ignore[operator]
        for a, b in zip(first.runs[0], second.runs[0], strict=True)
    ]
    stage = build_view(result).stages[1]
    assert stage.gain == pytest.approx(np.mean(values))
    assert not stage.has_incumbent
    assert stage.gain_replicates == 5


def test_only_settings_that_differ_are_in_the_table() -> None:
    stage = build_view(build.full()).stages[2]
    assert stage.settings_names == ("activation", "learning_rate")
    assert dict(stage.settings_rows)["activation=sigmoid"] == ("sigmoid", "0.3")


def test_interrupted_and_failed_runs_never_enter_a_mean() -> None:
    result = build.winner()
    stage = result.stages[0]
    runs = tuple(
        replace(run, status="interrupted") if run.replicate == 0 else run for run in stage.runs[1]
    )
    stage = replace(stage, runs=(stage.runs[0], runs))
    candidate = build_view(replace(result, stages=(stage,))).stages[0].candidates[1]
    assert candidate.num_finished == 2
    assert candidate.mean == pytest.approx(np.mean([run.value("val_accuracy") for run in runs[1:]]))


def test_a_thinned_curve_keeps_both_ends_and_the_spike() -> None:
    values = np.linspace(0.5, 0.9, 500)
    values[301] = 0.2
    kept = kept_epochs(values, 32)
    assert len(kept) == 32
    assert kept[0] == 0
    assert kept[-1] == 499
    assert 301 in kept
    assert kept == sorted(set(kept))


def test_a_curve_with_non_finite_values_is_thinned_to_none_there() -> None:
    curve = thin_curve(build.run(0, 0.9, epochs=100, status="failed", reason="x"))
    assert curve.train_loss[-1] is None
    assert len(curve.epochs) <= 32


def test_lint_findings_of_one_code_and_remedy_stand_together() -> None:
    from bakeoff.records import LintFinding

    findings = tuple(
        LintFinding("L005", "warning", f"Stage {s}.", "Widen the range.", "l005", s)
        for s in ("a", "b")
    )
    (group,) = build_view(build.study(build.tie().stages, lint=findings)).lint
    assert group.items == (("a", "Stage a."), ("b", "Stage b."))


def test_names_are_made_visible_everywhere() -> None:
    text = json.dumps(build_view(build.hostile()).to_dict(), ensure_ascii=False)
    assert not {"\x1b", "\x07", "\u202e", "\u200b"} & set(text)


def test_only_runner_up_swaps_and_confirmed_ones_are_counterfactuals() -> None:
    links = {link.name: link.counterfactuals for link in build_view(build.full()).chain}
    assert [label for label, _ in links["activation"]] == ["activation=tanh"]
    assert [label for label, _ in links["depth"]] == ["learning_rate=0.3"]
    assert links["scale"] == ()

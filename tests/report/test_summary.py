"""The summary computes every number of a result once, from finished runs alone."""

from __future__ import annotations

from dataclasses import replace

import build
import numpy as np
import pytest

from bakeoff.evidence.final_summary import wilson
from bakeoff.evidence.rule import Sampling
from bakeoff.evidence.spreads import spread
from bakeoff.evidence.summary import summarise
from bakeoff.records import LintFinding
from bakeoff.report import html
from bakeoff.report.axes import kept_epochs
from bakeoff.report.tables import candidates


def test_the_interval_of_a_mean_is_nadeau_and_bengios() -> None:
    found = spread([0.95, 0.96, 0.955], Sampling(11, 1, split="last"))
    assert found is not None
    # t(.975, 2) = 4.302653; se = sd · sqrt(1/3 + 1/11)
    assert found.mean == pytest.approx(0.955)
    assert found.sd == pytest.approx(0.005)
    half = 4.302653 * 0.005 * (1 / 3 + 1 / 11) ** 0.5
    assert found.low == pytest.approx(0.955 - half, abs=1e-8)
    assert found.high == pytest.approx(0.955 + half, abs=1e-8)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one = spread([0.9])
    assert one is not None
    assert (one.num, one.mean, one.sd, one.low) == (1, 0.9, None, None)
    assert spread([]) is None


def test_wilsons_interval_is_the_published_one() -> None:
    # 7 of 10: (0.3968, 0.8922), Newcombe (1998), method 3 with z = 1.96.
    low, high = wilson(7, 10)
    assert low == pytest.approx(0.3968, abs=2e-4)
    assert high == pytest.approx(0.8922, abs=2e-4)
    assert wilson(0, 0) == (None, None)


def test_differences_are_from_the_chosen_candidate_with_the_verdicts_own_intervals() -> None:
    result = build.winner()
    comparison = result.stages[0].verdict.comparisons[0]  # none − unit
    (difference,) = summarise(result).stages[0].differences
    assert difference.mean == pytest.approx(comparison.mean)
    assert (difference.low, difference.high) == (comparison.low, comparison.high)
    assert list(difference.pairs or ()) == [0, 1, 2]


def test_a_comparison_stored_the_other_way_round_is_turned() -> None:
    result = build.winner()
    stage = result.stages[0]
    c = stage.verdict.comparisons[0]
    assert c.low is not None
    assert c.high is not None
    turned = replace(c, first=c.second, second=c.first, mean=-c.mean, low=-c.high, high=-c.low)
    stage = replace(stage, verdict=replace(stage.verdict, comparisons=(turned,)))
    before = summarise(result).stages[0].differences
    assert summarise(replace(result, stages=(stage,))).stages[0].differences == before


def test_gain_is_paired_with_the_stage_before_even_where_the_incumbent_was_forgotten() -> None:
    result = build.regression()
    first, second = result.stages
    values = [
        b.metrics["val_accuracy"] - a.metrics["val_accuracy"]
        for a, b in zip(first.runs[0], second.runs[0], strict=True)
    ]
    stage = summarise(result).stages[1]
    assert stage.gain is not None
    assert stage.gain.mean == pytest.approx(np.mean(values))
    assert stage.gain.num_replicates == 5
    assert not stage.has_incumbent


def test_only_settings_that_differ_are_compared() -> None:
    stage = summarise(build.full()).stages[2]
    assert stage.settings == ("activation", "learning_rate")
    values = stage.of("activation=sigmoid").values
    assert values == {"activation": "sigmoid", "learning_rate": 0.3}


def test_interrupted_and_failed_runs_never_enter_a_mean() -> None:
    result = build.winner()
    stage = result.stages[0]
    runs = tuple(
        replace(run, status="interrupted") if run.replicate == 0 else run for run in stage.runs[1]
    )
    stage = replace(stage, runs=(stage.runs[0], runs))
    candidate = summarise(replace(result, stages=(stage,))).stages[0].candidates[1]
    assert candidate.value is not None
    assert candidate.value.num == 2
    assert candidate.value.mean == pytest.approx(
        np.mean([r.metrics["val_accuracy"] for r in runs[1:]])
    )


def test_every_refit_that_finished_counts_a_collapsed_one_too() -> None:
    result = build.collapsed()
    final = summarise(result).final
    assert final is not None
    assert final.metrics["test_accuracy"].num == 3
    assert final.mean("test_accuracy") == pytest.approx((0.1 + 0.972 + 0.973) / 3)
    assert final.delivered is not None
    assert final.delivered.replicate == 1
    low, high = final.test["accuracy"]
    assert low < 0.1 + 0.4
    assert high == 1.0


def test_a_failed_refit_is_counted_and_not_averaged() -> None:
    result = build.full()
    assert result.final is not None
    runs = (replace(result.final.runs[0], status="failed", reason="x"), *result.final.runs[1:])
    summary = summarise(replace(result, final=replace(result.final, runs=runs, delivered=1)))
    assert summary.final is not None
    assert (summary.final.num_failed, summary.final.num_finished) == (1, 2)
    assert summary.num_failed == 1


def test_the_decision_metric_leads_the_final_where_the_test_part_measured_it() -> None:
    summary = summarise(build.unbalanced())
    assert summary.unbalanced
    assert summary.metric.name == "balanced_accuracy"
    assert summary.final is not None
    assert summary.final.headline.name == "balanced_accuracy"
    # Ten classes of 36 and more examples count for fewer than 359.
    narrow, wide = summary.final.test["accuracy"], summary.final.test["balanced_accuracy"]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_a_choice_that_a_later_stage_changed_is_known_to_its_stage() -> None:
    first = build.stage(
        "rate",
        ["0.01", "0.1"],
        [0.9, 0.95],
        varied=["learning_rate"],
        settings=[{"learning_rate": 0.01}, {"learning_rate": 0.1}],
    )
    last = build.stage(
        "activation",
        ["relu", "tanh"],
        [0.96, 0.95],
        varied=["activation"],
        settings=[{"activation": "relu", "learning_rate": 0.3}, {"activation": "tanh"}],
    )
    rate, activation = summarise(build.study([first, last])).stages
    assert rate.retuned == {"learning_rate": 0.3}
    assert activation.retuned == {}


def test_a_metric_stored_as_auto_is_the_one_that_decided() -> None:
    """Older stores hold the word of the study file for a study that was interrupted."""
    result = replace(build.winner(), metric="auto")
    summary = summarise(result)
    assert summary.metric.name == "accuracy"
    assert summary.stages[0].measured


def test_names_have_the_setting_that_their_labels_stand_for() -> None:
    def name(label: str) -> str:
        stage = build.stage(
            "s",
            [label, "b"],
            [0.9, 0.8],
            varied=["hidden"],
            settings=[{"hidden": [64, 64]}, {"hidden": [8]}],
        )
        return summarise(build.study([stage])).stages[0].candidates[0].name

    assert name("64-64") == "hidden 64-64"
    assert name("hidden=64-64") == "hidden=64-64"
    assert name("3a") == "3a (hidden 64-64)"


def test_a_thinned_curve_keeps_both_ends_and_the_spike() -> None:
    values = np.linspace(0.5, 0.9, 500)
    values[301] = 0.2
    kept = kept_epochs(values, 32)
    assert len(kept) == 32
    assert kept[0] == 0
    assert kept[-1] == 499
    assert 301 in kept
    assert kept == sorted(set(kept))


def test_lint_findings_of_one_code_and_remedy_stand_together() -> None:
    findings = tuple(
        LintFinding("L005", "warning", f"Stage {s}.", "Widen the range.", "l005", s)
        for s in ("a", "b")
    )
    page = html.render(build.study(build.tie().stages, lint=findings))
    assert page.count("Widen the range.") == 1
    assert "Stage a." in page
    assert "Stage b." in page


def test_only_runner_up_swaps_and_confirmed_ones_are_counterfactuals() -> None:
    summary = summarise(build.full())

    def labels(stage: str) -> list[str]:
        return [label for label, _ in summary.swapped(stage)]

    assert labels("activation") == ["activation=tanh"]
    assert labels("depth") == ["learning_rate=0.3"]
    assert labels("scale") == []


def test_a_setting_without_effect_is_no_value_of_a_candidate() -> None:
    stage = build.stage(
        "activation",
        ["relu", "leaky_relu"],
        [0.95, 0.9],
        varied=["activation"],
        settings=[{"activation": "relu"}, {"activation": "leaky_relu", "negative_slope": 0.1}],
    )
    summary = summarise(build.study([stage]))
    relu, leaky = summary.stages[0].candidates
    assert "negative_slope" not in relu.values
    assert leaky.values["negative_slope"] == 0.1
    table = candidates(summary, summary.stages[0])
    column = table.head.index("negative_slope")
    assert [row[column] for row in table.rows] == ["–", "0.1"]


def test_models_of_several_kinds_are_told_apart_by_their_labels_not_by_columns_of_one_alone() -> (
    None
):
    from bakeoff.settings import Settings

    stage = build.scale_stage(2)
    kinds = ({"model": "dense", "epochs": 3, "hidden": (8,)}, {"model": "forest", "epochs": 5})
    mixed = tuple(
        replace(one, settings=Settings(values))
        for one, values in zip(stage.candidates, kinds, strict=True)
    )
    summary = summarise(build.study([replace(stage, candidates=mixed, varied=("model",))]))
    assert summary.stages[0].settings == ("epochs",)


def test_the_curves_of_a_programs_own_metric_know_its_direction() -> None:
    from bakeoff.report.curves import curve_metrics

    result = build.brought()
    (first,) = result.stages
    curves = {"val_rmse": np.array([2.0, 1.0]), "val_other": np.array([1.0, 1.0])}
    runs = tuple(tuple(replace(run, curves=curves) for run in own) for own in first.runs)
    stage = summarise(replace(result, stages=(replace(first, runs=runs),))).stages[0]
    assert not stage.metric.higher_is_better
    assert curve_metrics(stage)[0] == stage.metric

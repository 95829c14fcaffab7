"""Each check of the lint: one study that triggers it, one that does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_studies import (
    candidate,
    data_summary,
    noisy,
    notebook,
    plan,
    planned,
    runs,
    stage,
    study,
)

from bakeoff.evidence.lint import CHECKS
from bakeoff.evidence.lint_protocol import lint_plan
from bakeoff.evidence.lint_runs import lint_result
from bakeoff.evidence.spreads import edge
from bakeoff.records import (
    AuditSwap,
    LintFinding,
    StageResult,
    StudyResult,
    TestOpening,
    TuningPoint,
)


def codes(findings: Iterable[LintFinding]) -> set[str]:
    return {finding.code for finding in findings}


def find(findings: Iterable[LintFinding], code: str) -> LintFinding:
    return next(finding for finding in findings if finding.code == code)


def clean_study(**changes: object) -> StudyResult:
    """Two stages in which nothing is wrong: relu wins, then a wider layer wins."""
    sigmoid, relu = candidate("sigmoid"), candidate("relu", activation="relu")
    wide = candidate("wide", activation="relu", hidden=(128, 64))
    relu_runs = runs(noisy(0.96, seed=2), loss=0.12)
    first = stage(
        "activation",
        [(sigmoid, runs(noisy(0.95, seed=1), loss=0.15)), (relu, relu_runs)],
        varied=("activation", "learning_rate"),
    )
    second = stage(
        "width",
        [
            (wide, runs(noisy(0.98, seed=3), loss=0.08)),
            (replace(relu, incumbent=True), relu_runs),
        ],
        varied=("hidden",),
    )
    return study([first, second], **changes)


def one_stage(*entries: tuple, **options: object) -> StudyResult:
    return study([stage("only", entries, **options)])


def test_a_clean_study_has_no_findings() -> None:
    assert lint_result(clean_study()) == ()


def test_a_clean_plan_has_no_findings() -> None:
    assert lint_plan(plan([planned("a", [candidate("x"), candidate("y", hidden=(8,))])])) == ()


# --- the notebook -------------------------------------------------------------------------------


def test_the_notebook_is_caught_at_everything_it_does_wrong() -> None:
    findings = lint_result(notebook())
    assert {"L001", "L003", "L004", "L006", "L012", "L013"} <= codes(findings)
    assert "L014" not in codes(findings)


def test_the_notebook_run_once_has_too_few_replicates() -> None:
    finding = find(lint_result(notebook(1)), "L014")
    assert finding.level == "error"
    assert "1 replicate per candidate" in finding.text


def test_the_notebooks_fall_at_the_learning_rate_is_named_in_points() -> None:
    finding = find(lint_result(notebook()), "L004")
    points = float(re.search(r"fell by ([\d.]+) points", finding.text).group(1))
    assert points > 40
    assert finding.stage == "learning rate"
    assert finding.level == "error"


def test_models_7_and_8_are_one_configuration_and_measure_chance() -> None:
    finding = find(lint_result(notebook()), "L013")
    assert "`7` (stage learning rate again) and `8` (stage final)" in finding.text
    assert "0.13 points" in finding.text


def test_the_notebooks_slow_models_are_still_improving() -> None:
    stages = {f.stage for f in lint_result(notebook()) if f.code == "L006"}
    assert {"learning rate", "width"} <= stages
    assert "depth" not in stages


def test_the_notebooks_lost_incumbents_are_named() -> None:
    stages = {f.stage for f in lint_result(notebook()) if f.code == "L003"}
    assert "learning rate" in stages
    assert "final" not in stages  # model 8 repeats model 7, so nothing is lost there


def test_the_notebook_without_published_test_numbers_did_not_select_on_them() -> None:
    original = notebook()
    silent = [
        replace(one, candidates=tuple(replace(c, published=None) for c in one.candidates))
        for one in original.stages
    ]
    assert "L001" not in codes(lint_result(replace(original, stages=tuple(silent))))
    assert "L001" not in codes(lint_result(replace(original, kind="study")))


# --- the protocol, before training --------------------------------------------------------------


def test_a_planned_replication_is_caught_before_training() -> None:
    original = notebook()
    stages = [
        planned(
            one.name,
            one.candidates,
            varied=one.varied,
            takes_incumbent=False,
            pinned=one.verdict.chosen,
        )
        for one in original.stages
    ]
    found = codes(lint_plan(plan(stages, kind="replication", looks=(1,))))
    assert {"L001", "L003", "L012", "L013", "L014"} <= found


def test_a_planned_stage_that_takes_its_incumbent_loses_nothing() -> None:
    first = planned("a", [candidate("x"), candidate("y", hidden=(8,))], pinned="x")
    second = planned("b", [candidate("z", hidden=(9,))], takes_incumbent=True)
    assert "L003" not in codes(lint_plan(plan([first, second])))
    lost = replace(second, takes_incumbent=False)
    assert "L003" in codes(lint_plan(plan([first, lost])))


def test_unscaled_inputs_matter_to_saturating_activations_of_large_features_only() -> None:
    raw = candidate("raw", scale="none")
    relu = candidate("relu", scale="none", activation="relu")
    finding = find(lint_plan(plan([planned("a", [raw, relu])])), "L012")
    assert "`raw` (sigmoid) takes features up to 255" in finding.text
    assert "relu" not in finding.text
    assert "L012" not in codes(lint_plan(plan([planned("a", [relu])])))
    small = data_summary(feature_max=3.2)
    assert "L012" not in codes(lint_plan(plan([planned("a", [raw])], data=small)))
    unknown = data_summary(feature_max=None)
    assert "L012" in codes(lint_plan(plan([planned("a", [raw])], data=unknown)))


def test_columns_of_very_different_ranges_want_scaling() -> None:
    data = data_summary(ranges=(("age", 70.0), ("income", 90_000.0)))
    raw, unit = candidate("raw", scale="none"), candidate("unit", scale="unit")
    finding = find(lint_plan(plan([planned("a", [raw, unit])], data=data)), "L025")
    assert "`raw` takes columns as they are" in finding.text
    assert "income spans 90000 where age spans 70" in finding.text
    assert "L025" not in codes(lint_plan(plan([planned("a", [unit])], data=data)))
    alike = data_summary(ranges=(("age", 70.0), ("height", 200.0)))
    assert "L025" not in codes(lint_plan(plan([planned("a", [raw])], data=alike)))


def test_two_names_for_one_configuration_are_found_whatever_has_no_effect() -> None:
    same = [
        candidate("x", activation="relu"),
        candidate("y", activation="relu", negative_slope=0.9),
    ]
    assert "L013" in codes(lint_plan(plan([planned("a", same)])))
    other = [candidate("x", activation="relu"), candidate("y", activation="tanh")]
    assert "L013" not in codes(lint_plan(plan([planned("a", other)])))


def test_an_incumbent_that_competes_again_is_no_repetition() -> None:
    assert "L013" not in codes(lint_result(clean_study()))


@pytest.mark.parametrize(("looks", "found"), [((1,), True), ((2,), True), ((3,), False)])
def test_fewer_than_three_replicates_are_an_error(looks: tuple[int, ...], found: bool) -> None:
    findings = lint_plan(plan([planned("a", [candidate("x")])], looks=looks))
    assert ("L014" in codes(findings)) is found


def test_lopsided_classes_are_a_warning_under_accuracy_and_a_remark_otherwise() -> None:
    lopsided = data_summary(class_counts=(970, 30), num_classes=2)
    stages = [planned("a", [candidate("x")])]
    assert find(lint_plan(plan(stages, data=lopsided)), "L017").level == "warning"
    fair = lint_plan(plan(stages, data=lopsided, metric="balanced_accuracy"))
    assert find(fair, "L017").level == "info"
    assert "L017" not in codes(lint_plan(plan(stages)))


def test_duplicates_across_the_split_are_counted() -> None:
    stages = [planned("a", [candidate("x")])]
    found = lint_plan(plan(stages, data=data_summary(duplicates_across_splits=12)))
    assert "12 of 10000 test examples (0.12 %)" in find(found, "L018").text
    none = lint_plan(plan(stages, data=data_summary(duplicates_across_splits=0)))
    assert "L018" not in codes(none)


def test_a_plan_that_cannot_find_what_matters_says_so() -> None:
    stages = [planned("a", [candidate("x")])]
    finding = find(lint_plan(plan(stages, detectable=0.02)), "L020")
    assert "2.00 points" in finding.text
    assert "L020" not in codes(lint_plan(plan(stages, detectable=0.02, delta=0.03)))
    assert "L020" not in codes(lint_plan(plan(stages, detectable=None)))


def test_activations_at_one_learning_rate_ask_for_tuning() -> None:
    pair = [candidate("x"), candidate("y", activation="relu")]
    stages = [planned("a", pair, varied=("activation",))]
    assert "learning rate 0.01" in find(lint_plan(plan(stages)), "L021").text
    tuned = [planned("a", pair, varied=("activation",), tune={"learning_rate": (0.1, 0.3)})]
    assert "L021" not in codes(lint_plan(plan(tuned)))
    widths = [planned("a", pair, varied=("hidden",))]
    assert "L021" not in codes(lint_plan(plan(widths)))


# --- what the runs show -------------------------------------------------------------------------


def test_a_second_opening_of_the_test_set_is_counted() -> None:
    def opened(ordinal: int) -> tuple[TestOpening, ...]:
        return (TestOpening("h", "made-up", "final", "2026-01-01T00:00:00Z", ordinal),)

    finding = find(lint_result(clean_study(openings=opened(3))), "L002")
    assert "opening number 3" in finding.text
    assert "L002" not in codes(lint_result(clean_study(openings=opened(1))))


def test_a_chain_that_fell_by_less_than_delta_did_not_regress() -> None:
    x, y = candidate("x"), candidate("y", hidden=(8,))
    first = stage("a", [(x, runs(noisy(0.960))), (y, runs(noisy(0.90, seed=1)))])
    slight = stage("b", [(candidate("z", hidden=(9,)), runs(noisy(0.958, seed=2)))])
    steep = stage("b", [(candidate("z", hidden=(9,)), runs(noisy(0.940, seed=2)))])
    assert "L004" not in codes(lint_result(study([first, slight])))
    assert "L004" in codes(lint_result(study([first, steep])))


def learning_rate_stage(best: float, rates: tuple[float, ...]) -> StudyResult:
    entries = [
        (
            candidate(f"lr={rate:g}", learning_rate=rate),
            runs(noisy(0.97 if rate == best else 0.94, seed=k)),
        )
        for k, rate in enumerate(rates)
    ]
    return one_stage(*entries, varied=("learning_rate",))


def test_the_best_value_at_the_edge_of_its_range() -> None:
    finding = find(lint_result(learning_rate_stage(0.3, (0.01, 0.1, 0.3))), "L005")
    assert "0.3, is the largest of 3 values" in finding.text
    assert "L005" not in codes(lint_result(learning_rate_stage(0.1, (0.01, 0.1, 0.3))))
    assert "L005" not in codes(lint_result(learning_rate_stage(0.3, (0.1, 0.3))))
    for end, values in (
        ("smallest", {1.0, 2.0, 3.0}),
        ("smallest", {2, 3, 4}),
        ("largest", {-1, 0, 1}),
    ):
        assert edge(min(values) if end == "smallest" else max(values), values) == end
    for nothing_below in ({0.0, 0.1, 0.2}, {1, 2, 3}):
        assert edge(min(nothing_below), nothing_below) is None


def test_a_tuned_value_at_the_edge_of_its_range() -> None:
    def tuned(at_edge: tuple[str, ...]) -> StudyResult:
        point = TuningPoint("x", {"learning_rate": 0.3}, (), chosen=True, at_edge=at_edge)
        return one_stage((candidate("x"), runs(noisy(0.96))), tuning=(point,))

    assert "learning rate 0.3" in find(lint_result(tuned(("learning_rate",))), "L005").text
    assert "L005" not in codes(lint_result(tuned(())))


def with_curves(**curves: object) -> StudyResult:
    return one_stage((candidate("x"), runs(noisy(0.9), loss=0.3, curves=curves)))


def test_still_improving_needs_a_gain_that_matters() -> None:
    rising, falling = np.linspace(0.5, 0.9, 10), np.linspace(1.0, 0.3, 10)
    finding = find(lint_result(with_curves(val_accuracy=rising, val_loss=falling)), "L006")
    assert "`x` gained 8.89 points in the last 2 epochs of 10" in finding.text
    settled = 0.9 - 0.4 * np.exp(-np.arange(10.0))
    assert "L006" not in codes(lint_result(with_curves(val_accuracy=settled, val_loss=falling)))


def test_overfitting_needs_training_to_go_on_improving() -> None:
    u_shaped = 0.3 + 0.01 * (np.arange(10) - 4.0) ** 2
    falling, rising = np.linspace(1.0, 0.01, 10), np.linspace(0.1, 0.5, 10)
    found = find(lint_result(with_curves(val_loss=u_shaped, train_loss=falling)), "L007")
    assert "rose from 0.300 (epoch 5) to 0.550 (epoch 10)" in found.text
    assert "L007" not in codes(lint_result(with_curves(val_loss=u_shaped, train_loss=rising)))
    assert "L007" not in codes(lint_result(with_curves(val_loss=falling, train_loss=falling)))


def test_noisy_late_epochs_are_not_steady_improvement() -> None:
    zigzag = 0.9 + 0.02 * (-1.0) ** np.arange(10)
    assert "L008" in codes(lint_result(with_curves(val_accuracy=zigzag)))
    straight = np.linspace(0.5, 0.9, 10)
    assert "L008" not in codes(lint_result(with_curves(val_accuracy=straight)))


def test_leaders_by_accuracy_and_by_loss_may_differ() -> None:
    def two(second_loss: float) -> StudyResult:
        return one_stage(
            (candidate("x"), runs(noisy(0.96), loss=0.20)),
            (candidate("y", hidden=(8,)), runs(noisy(0.95, seed=1), loss=second_loss)),
        )

    finding = find(lint_result(two(0.15)), "L009")
    assert "`x` leads by accuracy, but `y` by validation loss" in finding.text
    assert "L009" not in codes(lint_result(two(0.25)))


def health(dead: float = 0.0, saturated: float = 0.0) -> dict[str, float]:
    return {"dead": dead, "saturated": saturated}


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        ("L010", health(dead=0.4), health(dead=0.1)),
        ("L011", health(saturated=0.8), health(saturated=0.3)),
    ],
)
def test_dead_and_saturated_units_name_their_layer(
    code: str, bad: dict[str, float], good: dict[str, float]
) -> None:
    fine = health()

    def of(health: dict[str, float]) -> StudyResult:
        return one_stage((candidate("x"), runs(noisy(0.96), health=(fine, health))))

    assert "hidden layer 2 of `x`" in find(lint_result(of(bad)), code).text
    assert code not in codes(lint_result(of(good)))


@pytest.mark.parametrize("confirmed", [True, False, None])
def test_only_a_confirmed_swap_is_an_interaction(confirmed: bool | None) -> None:
    swap = AuditSwap(
        "runner-up", "width", "hidden=32", candidate("s"), (), None, confirmed, "Swapped back."
    )
    found = codes(lint_result(clean_study(audit=(swap,))))
    assert ("L015" in found) is (confirmed is True)


def two_stage_gain(final_mean: float) -> list[StageResult]:
    small, large = candidate("small", hidden=(16,)), candidate("large", hidden=(512,))
    first = stage("a", [(small, runs(noisy(0.960)))])
    second = stage(
        "b",
        [
            (large, runs(noisy(final_mean, seed=1))),
            (candidate("larger", hidden=(600,)), runs(noisy(0.9, seed=2))),
        ],
    )
    return [first, second]


def test_a_final_that_is_no_better_than_a_cheaper_one_before() -> None:
    finding = find(lint_result(study(two_stage_gain(0.9605))), "L016")
    assert "`small` of stage a" in finding.text
    assert "L016" not in codes(lint_result(study(two_stage_gain(0.975))))


def test_failed_runs_are_counted_with_their_reason() -> None:
    values = [*noisy(0.96, size=4), None]
    finding = find(lint_result(one_stage((candidate("x"), runs(values)))), "L019")
    assert "1 of 5 of `x` (diverged" in finding.text


def test_who_does_no_better_than_always_naming_one_class_has_learned_next_to_nothing() -> None:
    """Ten classes, 5,000 validation examples in each of five runs: 10.3 % is chance, 10.6 % is not."""
    chance = lint_result(one_stage((candidate("x"), runs([0.103] * 5))))
    finding = find(chance, "L024")
    assert "`x` reached 10.30 % of validation accuracy" in finding.text
    assert "10.00 % of always naming the same class" in finding.text
    assert "L024" not in codes(lint_result(one_stage((candidate("x"), runs([0.106] * 5)))))
    assert "L019" not in codes(chance)


# --- all of them --------------------------------------------------------------------------------


def test_errors_come_first() -> None:
    levels = [finding.level for finding in lint_result(notebook(1))]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)


def test_codes_are_unique_and_every_one_is_documented_under_its_anchor() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    text = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in headings}
    assert {check.page.split("#")[1] for check in CHECKS} == {a for a in anchors if a[0] == "l"}


def test_every_code_has_tests_that_name_it() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [check.code for check in CHECKS if f'"{check.code}"' not in text] == []


def test_a_finding_is_a_full_sentence_with_a_remedy() -> None:
    for finding in lint_result(notebook(1)):
        assert finding.text.endswith(".")
        assert finding.remedy.endswith(".")
        assert "nan" not in finding.text.lower().split()


def test_l022_a_program_that_reads_its_data_itself_seals_nothing() -> None:
    entries = [
        (candidate("A"), runs(noisy(0.9, seed=1))),
        (candidate("B"), runs(noisy(0.8, seed=2))),
    ]
    own = replace(one_stage(*entries), split="own")
    assert "no test part could be sealed" in find(lint_result(own), "L022").text
    assert "L022" not in codes(lint_result(one_stage(*entries)))


def test_l023_code_that_nobody_hashed_is_named() -> None:
    unknown = tuple(
        replace(run, engine="command/python#1234/code unknown") for run in runs(noisy(0.9, seed=1))
    )
    known = (candidate("B"), runs(noisy(0.8, seed=2)))
    found = find(lint_result(one_stage((candidate("A"), unknown), known)), "L023")
    assert "`command/python#1234`" in found.text
    again = (candidate("A"), runs(noisy(0.9, seed=1)))
    assert "L023" not in codes(lint_result(one_stage(again, known)))

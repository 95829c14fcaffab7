"""The sentences say what the numbers say: one constructed result per situation."""

from __future__ import annotations

from dataclasses import replace

import build
import pytest

from bakeoff.records import StudyResult
from bakeoff.report.view import build_view


def texts(result: StudyResult) -> list[str]:
    return [note.text for note in build_view(result).observations]


def tones(result: StudyResult) -> list[str]:
    return [note.tone for note in build_view(result).observations]


def test_a_winner_is_named_with_its_gain_interval_and_replicates() -> None:
    (text,) = texts(build.winner())
    assert text.startswith(
        "The scaling of the features mattered: scale=unit beat scale=none by 22.0 points"
    )
    assert "98.75 % interval" in text
    assert text.endswith("over 3 paired replicates.")
    assert tones(build.winner()) == ["good"]


def test_the_numbers_in_a_sentence_are_those_of_the_verdict() -> None:
    result = build.winner()
    comparison = result.stages[0].verdict.comparison
    assert comparison is not None
    text = texts(result)[0]
    for value in (comparison.mean, comparison.low, comparison.high):
        assert value is not None
        assert f"{100 * value:.1f}" in text


def test_a_tie_says_that_it_did_not_matter_and_that_the_cheapest_goes_on() -> None:
    text = texts(build.tie())[1]
    assert "did not matter" in text
    assert "within ±0.40 points" in text
    assert "the cheapest, hidden=64-64, goes on" in text
    assert "beat" not in text


def test_an_undecided_choice_is_a_default_and_not_a_finding() -> None:
    text = texts(build.undecided())[0]
    assert "undecided after 12 paired replicates" in text
    assert "hidden=32 goes on provisionally, as a default and not as a finding" in text
    assert "About 30 more replicates" in text
    assert "mattered:" not in text
    assert build_view(build.undecided()).strip[0].word == "undecided, provisional"


def test_a_winner_below_the_threshold_is_real_but_the_cheaper_one_goes_on() -> None:
    stage = build.stage(
        "width",
        ["hidden=32", "hidden=64"],
        [0.95, 0.951],
        num=12,
        chosen=0,
        spread=0.0001,
        delta=0.002,
        varied=["hidden"],
    )
    text = texts(build.study([stage]))[0]
    assert "hidden=64 is really better than hidden=32, by 0.10 points" in text
    assert "below the threshold of 0.20 points, so the cheaper hidden=32 goes on" in text


def test_an_incumbent_that_nothing_beat_is_kept() -> None:
    first = build.scale_stage()
    second = build.stage(
        "width",
        ["hidden=8", "scale=unit"],
        [0.93, 0.955],
        incumbent=1,
        varied=["hidden"],
        settings=[{"hidden": [8], "scale": "unit"}, {"scale": "unit"}],
    )
    text = texts(build.study([first, second]))[1]
    assert (
        "nothing beat the incumbent scale=unit; its closest rival hidden=8 was 2.50 points worse"
        in text
    )
    assert build_view(build.study([first, second])).chain[1].kept


def test_failed_runs_are_counted_named_with_their_reason_and_never_averaged() -> None:
    result = build.failed_runs()
    text = texts(result)[1]
    assert text.startswith(
        "5 of 5 runs of learning_rate=10 failed (loss became non-finite in epoch 5)"
    )
    view = build_view(result)
    failed = view.stages[0].candidate("learning_rate=10")
    assert failed.mean is None
    assert failed.num_failed == view.num_failed == 5
    assert failed.state == "failed"


def test_a_chain_that_went_backwards_says_how_much_was_lost_and_why() -> None:
    view = build_view(build.regression())
    lost = [note for note in view.observations if "lost" in note.text]
    assert [note.tone for note in lost] == ["bad"]
    assert lost[0].text == (
        "42.0 points were lost at stage learning rate because the incumbent hidden=64-64 was not among "
        "the candidates and the author's choice is pinned."
    )
    assert view.chain[1].lost_incumbent
    assert view.chain[1].gain == pytest.approx(-0.4203, abs=1e-4)
    assert any(
        note.text.startswith("Over 2 stages validation accuracy fell") for note in view.observations
    )


def test_the_best_of_a_stage_that_went_backwards_is_no_good_news() -> None:
    view = build_view(build.regression())
    first = next(n for n in view.observations if n.stage == "stage-2")
    assert first.tone == "plain"


def test_one_replicate_gives_numbers_but_no_evidence() -> None:
    text = texts(build.one_replicate())[0]
    assert text == (
        "In a single replicate scale=unit reached 95.50 % and scale=none 73.50 %; one run each cannot "
        "tell a difference of 22.0 points from chance."
    )
    line = build_view(build.one_replicate()).strip[0]
    assert (line.word, line.interval) == ("one replicate", "no interval from one replicate")


def test_a_pinned_choice_that_the_evidence_does_not_support_is_said() -> None:
    assert (
        "The author chose hidden=64-64; the evidence cannot tell it from hidden=64-64-64."
        in texts(build.regression())
    )


def test_a_stage_with_one_candidate_compares_nothing() -> None:
    stage = build.stage("again", ["8"], [0.96], kind="undecided")
    view = build_view(build.study([stage]))
    assert "was the only candidate" in view.observations[0].text
    assert view.strip[0].word == "only candidate"
    assert view.strip[0].margin == ""


def test_the_same_configuration_again_is_called_so() -> None:
    settings = [{"hidden": [8]}]
    stages = [
        build.stage(name, [label], [0.96], kind="undecided", settings=settings)
        for name, label in (("first", "7"), ("again", "8"))
    ]
    text = texts(build.study(stages))[1]
    assert "8 was the only candidate" in text
    assert text.endswith("the very configuration that was carried in.")


def test_when_every_run_failed_there_is_no_verdict() -> None:
    stage = build.stage("rate", ["a", "b"], [0.1, 0.1], failed=[0, 1])
    text = texts(build.study([stage]))[0]
    assert text == "Every run of stage rate failed, so there is no verdict."


def test_the_final_sentence_names_both_sources_of_error() -> None:
    view = build_view(build.full())
    text = view.observations[-1].text
    assert "recognises 97.20 % of 359 test examples" in text
    assert "training it again moves that by ±0.20 points" in text
    assert "another test set of this size by ±1.71 points" in text


def test_a_swap_that_beats_the_final_is_an_observation() -> None:
    assert any("an interaction" in text for text in texts(build.full()))


def test_without_a_winner_a_risen_chain_is_not_called_progress() -> None:
    stages = [build.undecided().stages[0], build.undecided().stages[0]]
    last = texts(build.study(stages))[-1]
    assert "part of this may be chance" in last


def test_a_best_value_at_the_edge_is_said() -> None:
    assert any("0.3 of activation=sigmoid is at the edge" in text for text in texts(build.full()))


def test_another_metric_with_another_direction_is_written_in_its_own_unit() -> None:
    stage = build.winner().stages[0]
    verdict = replace(stage.verdict, metric="loss")
    result = replace(build.winner(), metric="loss", stages=(replace(stage, verdict=verdict),))
    view = build_view(result)
    assert "points" not in view.observations[0].text.split("(")[0]
    assert view.stages[0].candidates[0].mean == pytest.approx(
        view.stages[0].candidates[0].loss_mean
    )


def test_a_bare_value_is_named_with_its_setting_where_a_sentence_would_be_a_riddle() -> None:
    stage = build.stage(
        "hidden",
        ["32", "64"],
        [0.951, 0.9535],
        num=12,
        kind="undecided",
        chosen=0,
        varied=["hidden"],
        settings=[{"hidden": [32]}, {"hidden": [64]}],
    )
    assert "Hidden 32 goes on provisionally" in texts(build.study([stage]))[0]
    # A label that is no value of the setting stays as its author wrote it.
    named = build.stage(
        "hidden",
        ["3a", "3b"],
        [0.951, 0.9535],
        num=12,
        kind="undecided",
        chosen=0,
        varied=["hidden"],
    )
    assert "3a goes on provisionally" in texts(build.study([named]))[0]


def test_what_a_hopeless_candidate_would_have_cost_is_said() -> None:
    """The scale stage's loser, eliminated after its replicates: its price in points."""
    result = build.winner()
    stage = result.stages[0]
    place, loser = next(
        (k, c.label) for k, c in enumerate(stage.candidates) if c.label != stage.verdict.chosen
    )
    runs = list(stage.runs)
    runs[place] = runs[place][:2]
    early = replace(stage, runs=tuple(runs), verdict=replace(stage.verdict, beaten=(loser,)))
    said = texts(replace(result, stages=(early,)))
    assert any(text.startswith(loser) and "would have cost 2" in text for text in said)
    pinned = replace(early, verdict=replace(early.verdict, pinned=True))
    assert not any("would have cost" in text for text in texts(replace(result, stages=(pinned,))))

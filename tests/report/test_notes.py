"""What is said beyond the verdicts says what the numbers say: one made-up result per situation."""

from __future__ import annotations

from dataclasses import replace

import build
import numpy as np
import pytest

from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.evidence.summary import summarise
from bakeoff.records import RegressionExam, StudyResult
from bakeoff.report import notes


def stages(result: StudyResult) -> tuple[StageSummary, ...]:
    return summarise(result).stages


def texts(stage: StageSummary) -> list[str]:
    return [note.text for note in notes.of_stage(stage)]


@pytest.mark.parametrize(
    ("name", "index", "word", "tone"),
    [
        ("winner", 0, "winner", "good"),
        ("tie", 1, "tie", "plain"),
        ("undecided", 0, "undecided, provisional", "open"),
        ("one_replicate", 0, "one replicate", "open"),
        ("regression", 0, "tie, pinned", "plain"),
        ("regression", 1, "winner, pinned", "plain"),  # the best of a stage that went backwards
    ],
)
def test_a_verdict_has_its_word_and_its_tone(name: str, index: int, word: str, tone: str) -> None:
    stage = stages(getattr(build, name)())[index]
    assert notes.verdict_word(stage) == word
    assert notes.tone(stage) == tone


def test_the_reason_is_the_verdicts_own() -> None:
    result = build.winner()
    assert notes.reason(stages(result)[0]) == result.stages[0].verdict.reason


def test_failed_runs_are_counted_named_with_their_reason_and_never_averaged() -> None:
    stage = stages(build.failed_runs())[0]
    assert texts(stage)[-1].startswith(
        "5 of 5 runs of `learning_rate=10` failed (loss became non-finite in epoch 5)"
    )
    failed = stage.of("learning_rate=10")
    assert failed.value is None
    assert len(failed.failed) == stage.num_failed == 5
    assert failed.fate == "failed"


def test_a_chain_that_went_backwards_says_how_much_was_lost_and_why() -> None:
    stage = stages(build.regression())[1]
    lost = next(note for note in notes.of_stage(stage) if note.tone == "bad")
    assert lost.text == (
        "This stage lost 42.03 points, because `hidden=64-64`, which was carried in, was not among "
        "the candidates."
    )


def test_a_loss_that_fell_is_a_gain_and_one_that_rose_is_lost() -> None:
    first, second = build.by_metric(build.regression(), "loss").stages
    result = build.study([first, second], metric="loss")
    assert "This stage lost" in " ".join(texts(stages(result)[1]))
    turned = build.study([replace(second, name="a"), replace(first, name="b")], metric="loss")
    assert "lost" not in " ".join(texts(stages(turned)[1]))


def test_a_stage_with_one_candidate_compares_nothing() -> None:
    stage = build.stage("again", ["8"], [0.96], kind="undecided")
    (found,) = stages(build.study([stage]))
    assert notes.verdict_word(found) == "only candidate"
    assert texts(found)[0] == "It reached 96.00 % over 5 replicates."


def test_the_same_configuration_again_is_called_so() -> None:
    settings = [{"hidden": [8]}]
    again = [
        build.stage(name, [label], [0.96], kind="undecided", settings=settings)
        for name, label in (("first", "7"), ("again", "8"))
    ]
    assert texts(stages(build.study(again))[1])[0].endswith(
        "the very configuration that was carried in."
    )


def test_when_every_run_failed_there_is_no_verdict() -> None:
    stage = build.stage("rate", ["a", "b"], [0.1, 0.1], failed=[0, 1])
    (found,) = stages(build.study([stage]))
    assert notes.reason(found) == "Every run of stage rate failed, so there is no verdict."
    assert notes.tone(found) == "bad"


def test_a_best_value_at_the_edge_is_said() -> None:
    said = texts(stages(build.full())[2])
    assert any(
        "`learning_rate 0.3` of `activation=sigmoid` is at the edge" in text for text in said
    )


def test_an_unfinished_study_says_how_far_it_got() -> None:
    assert notes.unfinished(summarise(build.interrupted())) == (
        "This study is not finished: 1 of 3 stages so far."
    )
    assert notes.unfinished(summarise(build.full())) is None
    assert notes.unfinished(summarise(build.regression())) is None
    assert "final model" in str(notes.unfinished(summarise(build.winner())))


def test_the_settings_line_is_what_a_study_file_takes_and_leaves_out_what_nobody_chose() -> None:
    import tomllib

    stage = build.stage(
        "width",
        ["64", "32"],
        [0.95, 0.9],
        varied=["hidden"],
        settings=[{"hidden": [64], "scale": "unit"}, {"hidden": [32], "scale": "unit"}],
    )
    line = notes.settings_line(summarise(build.study([stage])))
    assert line is not None
    assert tomllib.loads(line) == {"base": {"hidden": [64], "scale": "unit"}}


def test_the_page_says_how_the_model_is_opened_or_why_there_is_no_file() -> None:
    final = build.full().final
    assert final is not None
    said = notes.model_file(replace(final, model_path="my models/a.safetensors", model={}))
    assert said == (
        "Model file: `my models/a.safetensors`. It predicts by `bakeoff predict "
        "'my models/a.safetensors' new.npz`; in Python it is opened by "
        '`bakeoff.TrainedModel.load("my models/a.safetensors")`.'
    )
    encoded = {"encoding": np.zeros(1, np.uint8)}
    said = notes.model_file(replace(final, model_path="a.skops", model=encoded))
    assert said is not None
    assert "`bakeoff predict a.skops new.csv`" in said
    assert "get_untrusted_types(file=" in said
    assert said.endswith("it takes the columns as they were encoded.")
    said = notes.model_file(replace(final, model_path="a.pt"))
    assert said == "Model file: `a.pt`. It is what the function's `save(path)` wrote."
    assert notes.model_file(replace(final, model_path=None)) is None
    runs = tuple(replace(run, notes={"not_saved": "it is a lambda"}) for run in final.runs)
    said = notes.model_file(replace(final, model_path=None, runs=runs))
    assert said == "The model was not saved: it is a lambda."


def test_knowing_nothing_is_told_on_the_examples_that_the_model_was_tested_on() -> None:
    result = build.full()
    assert result.final is not None
    data = replace(result.data, target="y", target_range=(0.0, 10.0, 20.0, 99.0))
    missed = RegressionExam(np.array([1.0, 1.0]), np.array([13.0, 6.0]), ())
    final = replace(result.final, exam=None, values=missed)
    summary = summarise(replace(result, data=data, final=final))
    assert notes.knowing_nothing(summary) == "always the mean: rmse 3.536"
    summary = summarise(replace(result, data=data, final=None))
    assert notes.knowing_nothing(summary) == "always the mean: rmse 99"

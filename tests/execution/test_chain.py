"""The chain: incumbents, looks, the sealed test part, resumption, reuse, failures."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from small_studies import blobs, make_study

from bakeoff.data.arrays import from_arrays
from bakeoff.data.dataset import Dataset, OpenTest, SealedTest
from bakeoff.dense.trainable import Dense, get_engine
from bakeoff.errors import Interrupted, RunsFailedError, UsageError
from bakeoff.execution.baselines import num_replicates
from bakeoff.execution.chain import looks_for, run_study
from bakeoff.execution.events import Event, RunFinished
from bakeoff.executors.threads import Threads
from bakeoff.records import StageResult, StudyResult
from bakeoff.report.json import result_document
from bakeoff.result import Result
from bakeoff.spec import load
from bakeoff.store import results
from bakeoff.store.sqlite import Store
from bakeoff.study import Study
from bakeoff.trainables.base import Request


def without_times(document: Any) -> Any:
    """The result document without the keys that hold wall times."""
    if isinstance(document, dict):
        return {
            key: without_times(value)
            for key, value in document.items()
            if key not in ("train_seconds", "seconds")
        }
    if isinstance(document, list):
        return [without_times(value) for value in document]
    return document


def text_of(result: Result) -> str:
    return json.dumps(without_times(result.to_dict()), sort_keys=True)


class Counting:
    """Counts what was trained, and interrupts after a number of runs where asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.trained: list[Request] = []
        self.stop_after = stop_after

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.trained.append(event.request)
            if len(self.trained) == self.stop_after:
                signal.raise_signal(signal.SIGINT)


def test_the_incumbent_competes_in_every_stage_after_the_first(small_study: Study) -> None:
    result = small_study.run(store=":memory:")
    first, *later = result.record.stages
    assert not any(candidate.incumbent for candidate in first.candidates)
    before = first
    for stage in later:
        carried = before.candidate(before.verdict.chosen)
        incumbents = [candidate for candidate in stage.candidates if candidate.incumbent]
        assert len(incumbents) == 1
        untuned = {
            **incumbents[0].declared,
            **{k: carried.declared.get(k) for k in stage_tuned(stage)},
        }
        assert {k: v for k, v in untuned.items() if v is not None} == dict(carried.declared)
        before = stage


def stage_tuned(stage: StageResult) -> list[str]:
    return list(stage.tuning[0].values) if stage.tuning else []


def test_a_pair_of_candidates_shares_every_replicate(small_study: Study) -> None:
    result = small_study.run(store=":memory:")
    for stage in result.record.stages:
        shortest = min(len(runs) for runs in stage.runs)
        assert shortest >= 3
        for runs in stage.runs:
            assert [run.replicate for run in runs] == list(range(len(runs)))


def test_nothing_before_the_final_step_reads_the_test_part(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sealed part is opened once, after the last stage and the audit were finished."""
    log: list[str] = []
    open_ = SealedTest.open_

    def spy(sealed: SealedTest) -> OpenTest:
        log.append("opened")
        return open_(sealed)

    def observer(event: Event) -> None:
        if isinstance(event, RunFinished):
            log.append(event.request.stage)

    monkeypatch.setattr(SealedTest, "open_", spy)
    study = make_study(clouds)
    with Store.open(":memory:") as store:
        study.run(store=store, observer=observer)
        assert log.count("opened") == 1
        assert log[-1] == "opened"
        assert log.count("final") == 2
        study.run(store=store, observer=observer)
    assert log.count("opened") == 1, "an identical second call has nothing new to see"


def test_only_a_study_with_the_same_refits_is_read_for_its_final(
    clouds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may hold thousands of studies; looking for an earlier final decodes one of them."""
    loaded: list[Any] = []
    load = results.load

    def spy(connection: Any, number: int) -> StudyResult:
        loaded.append(number)
        return load(connection, number)

    monkeypatch.setattr(results, "load", spy)
    with Store.open(":memory:") as store:
        for hidden in ([4], [5], [6], [4]):
            study = Study(
                clouds,
                name=f"width {hidden}",
                base={"hidden": hidden, "learning_rate": 0.05, "epochs": 3},
                looks=[3],
                folds=6,
                audit=False,
                baselines=False,
                final_replicates=1,
            )
            study.stage("scale", scale=["none"])
            result = study.run(store=store)
        assert len(loaded) == 1
        assert result.record.final.opening.study == "width [4]"


def test_the_choices_do_not_depend_on_the_test_part(clouds: Dataset) -> None:
    """With every test label wrong, the verdicts and the final settings stay the same."""
    honest = make_study(clouds).run(store=":memory:")
    opened = clouds.test.open_()
    liar = from_arrays(
        clouds.features,
        clouds.labels,
        name="blobs",
        x_test=opened.features,
        y_test=(opened.labels + 1) % 3,
    )
    other = make_study(liar).run(store=":memory:")
    assert [v.reason for v in honest.verdicts.values()] == [
        v.reason for v in other.verdicts.values()
    ]
    assert honest.best == other.best
    scores = [r.record.final.runs[0].value("test_accuracy") for r in (honest, other)]
    assert scores[0] > 0.5 > scores[1]


@pytest.fixture(scope="module")
def undisturbed(clouds: Dataset) -> Result:
    """What the study comes to on one worker and without an interruption."""
    return make_study(clouds).run(store=":memory:", workers=1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_result_does_not_depend_on_the_number_of_workers(
    clouds: Dataset, undisturbed: Result, workers: int
) -> None:
    other = make_study(clouds).run(store=":memory:", workers=workers)
    assert text_of(undisturbed) == text_of(other)


@pytest.mark.parametrize(
    ("stop_after", "baselines"),
    [(1, False), (5, False), (9, False), (14, False), (20, False), (30, False), (43, True)],
)
def test_an_interrupted_study_goes_on_to_the_same_result(
    clouds: Dataset, undisturbed: Result, tmp_path: Path, stop_after: int, baselines: bool
) -> None:
    def study() -> Study:
        return make_study(clouds, baselines=baselines)

    if baselines:
        undisturbed = study().run(store=":memory:")
    store = tmp_path / "runs.sqlite"
    counting = Counting(stop_after)
    with pytest.raises(Interrupted, match="the same command goes on"):
        study().run(store=store, observer=counting, workers=2)
    second = Counting()
    resumed = study().run(store=store, observer=second, workers=2)
    assert text_of(resumed) == text_of(undisturbed)
    kept = [r for r in counting.trained if r.stage != "final"]
    again = [r for r in second.trained if r.stage != "final"]
    total = undisturbed.record.num_trained - len(undisturbed.record.final.runs)
    assert len(kept) + len(again) == total, "no finished run is lost or repeated"


def test_an_edited_study_retrains_only_what_changed(clouds: Dataset, tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    make_study(clouds, audit=False).run(store=store)
    edited = Study(
        clouds,
        name="small",
        base={"hidden": [6], "activation": "tanh", "learning_rate": 0.05, "epochs": 3},
        looks=[3, 4],
        folds=6,
        final_replicates=2,
        audit=False,
        baselines=False,
    )
    edited.stage("scale", "Another question, the same runs", scale=["none", "standard"])
    edited.stage("width", hidden=[[6], [12], [7]])
    counting = Counting()
    result = edited.run(store=store, observer=counting)
    assert {(r.stage, r.label) for r in counting.trained if r.stage != "final"} == {("width", "7")}
    assert result.record.num_reused > 0


def test_fresh_trains_everything_again_to_the_same_result(clouds: Dataset, tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    first, second = Counting(), Counting()
    one = make_study(clouds, baselines=True).run(store=store, observer=first)
    two = make_study(clouds, baselines=True).run(store=store, observer=second, fresh=True)
    assert len(first.trained) == len(second.trained)
    for left, right in zip(one.record.stages, two.record.stages, strict=True):
        assert left.verdict == right.verdict


def test_a_diverged_run_is_failed_named_and_not_averaged(clouds: Dataset) -> None:
    study = Study(
        clouds,
        base={"hidden": [8], "activation": "linear", "epochs": 4},
        looks=[3],
        folds=6,
        audit=False,
        baselines=False,
        final_replicates=1,
    )
    study.stage("rate", learning_rate=[0.05, 1e6])
    result = study.run(store=":memory:")
    (stage,) = result.record.stages
    assert stage.verdict.failed == ("1e+06",)
    assert stage.verdict.chosen == "0.05"
    for run in stage.runs[1]:
        assert run.status == "failed"
        assert "diverged" in (run.reason or "")
        assert run.value("val_accuracy") is None


def test_a_stage_in_which_everything_fails_ends_the_study(clouds: Dataset) -> None:
    study = Study(clouds, base={"activation": "linear"}, looks=[3], folds=6)
    study.stage("rate", learning_rate=[1e5, 1e6])
    with pytest.raises(RunsFailedError, match=r"rate|1e"):
        study.run(store=":memory:")


def test_failed_runs_are_kept_until_they_are_asked_for_again(
    clouds: Dataset, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"audit": False, "baselines": False, "final_replicates": 1}
    study = Study(clouds, base={"activation": "linear"}, looks=[3], folds=6, **options)
    study.stage("rate", learning_rate=[0.05, 1e6])
    store = tmp_path / "runs.sqlite"
    first, second, third = Counting(), Counting(), Counting()
    study.run(store=store, observer=first)
    study.run(store=store, observer=second)
    study.run(store=store, observer=third, retry_failed=True)
    assert len(first.trained) == 7
    assert second.trained == []
    assert [request.label for request in third.trained] == ["1e+06"] * 3


def test_networks_on_a_table_are_held_against_simple_models_and_nothing_else_is() -> None:
    def labels(dataset: Dataset, **options: Any) -> list[str]:
        study = Study(dataset, looks=[3], folds=6, audit=False, final_replicates=1, **options)
        return [
            one.label
            for one in study.stage("one", candidates=[{}])
            .run(store=":memory:", on="threads")
            .record.baselines
        ]

    table = blobs()
    assert labels(table) == ["logistic regression", "boosted trees"]
    assert labels(table, baselines=False) == []
    assert labels(table, model=GaussianNB()) == []
    pictures = np.tile(table.features[:, :1, None], (1, 3, 3))
    assert labels(from_arrays(pictures, table.labels, name="pictures")) == []


def test_simple_models_are_trained_where_the_choice_was_made_and_leaks_are_told() -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(160, 3))
    table = from_arrays(x, (x[:, 0] > 0).astype(int), feature_names=["told", "b", "c"])
    study = Study(table, looks=[3, 5], delta=0.0, audit=False, final_replicates=1)
    study.stage("seeds", candidates=[{"l2": 0.0}, {"l2": 1e-12}])
    record = study.run(store=":memory:").record
    decided = record.stages[0].verdict.num_replicates
    assert decided == 5
    assert [len(one.runs) for one in record.baselines] == [decided] * 2
    assert [name for name, _ in record.leaks] == ["told"]
    assert num_replicates({"fast": 0.1}, 3, 12) == 12
    assert num_replicates({"fast": 0.1, "slow": 5.0}, 3, 12) == 5
    assert num_replicates({"slow": 9.0}, 3, 12) == 3


def test_a_replication_measures_every_run_and_follows_the_pins() -> None:
    study = Study(
        blobs(),
        name="author",
        kind="replication",
        base={"hidden": [4], "epochs": 2, "learning_rate": 0.05},
        looks=[3],
        split="last",
        folds=6,
    )
    study.stage(
        "width",
        candidates=[
            {"label": "1", "hidden": [4], "published": {"test_accuracy": 0.9}},
            {"label": "2", "hidden": [8]},
        ],
        carry={"hidden": [4]},
    )
    study.stage(
        "rate", candidates=[{"label": "3", "learning_rate": 0.01}], carry={"learning_rate": 0.01}
    )
    result = study.run(store=":memory:")
    width, rate = result.record.stages
    assert width.verdict.chosen == "1"
    assert width.verdict.pinned
    assert rate.candidates[0].settings["hidden"] == (4,)
    for stage in result.record.stages:
        for runs in stage.runs:
            assert all(run.value("test_accuracy") is not None for run in runs)
    assert result.record.final is None
    assert [opening.purpose for opening in result.record.openings] == ["replication"]
    assert any(claim.published == 0.9 for claim in result.record.claims)


def test_a_replication_trains_what_its_pinned_candidates_set_and_nothing_else() -> None:
    """A pin that names one of two settings still carries both, already when all runs are planned."""
    study = Study(
        blobs(),
        kind="replication",
        base={"hidden": [4], "epochs": 2, "learning_rate": 0.05},
        looks=[3],
        split="last",
        folds=6,
    )
    study.stage(
        "width",
        candidates=[
            {"label": "1", "hidden": [8], "activation": "tanh"},
            {"label": "2", "hidden": [16]},
        ],
        carry={"hidden": [8]},
    )
    study.stage(
        "rate",
        candidates=[{"label": f"{rate}", "learning_rate": rate} for rate in (0.01, 0.1)],
        carry={"learning_rate": 0.01},
    )
    counting = Counting()
    study.run(store=":memory:", observer=counting)
    assert len(counting.trained) == 12


def test_an_author_may_call_a_candidate_incumbent(clouds: Dataset) -> None:
    study = Study(
        clouds,
        base={"hidden": [6], "epochs": 1},
        looks=[3],
        folds=6,
        audit=False,
        baselines=False,
        final_replicates=1,
    )
    study.stage("width", hidden=[[6], [12]])
    study.stage(
        "activation",
        candidates=[
            {"label": "incumbent", "activation": "tanh"},
            {"label": "elu", "activation": "elu"},
        ],
    )
    labels = [one.label for one in study.run(store=":memory:").record.stages[1].candidates]
    assert labels == ["incumbent", "elu", "incumbent (2)"]


def test_a_verdict_on_one_split_says_that_it_holds_for_it_alone(clouds: Dataset) -> None:
    for split in ("folds", "last"):
        study = Study(
            clouds,
            base={"hidden": [6], "learning_rate": 0.05, "epochs": 2},
            looks=[3],
            folds=6,
            split=split,
            audit=False,
            baselines=False,
            final_replicates=1,
        )
        study.stage("scale", scale=["none", "standard"])
        (verdict,) = study.run(store=":memory:").verdicts.values()
        assert verdict.reason.endswith("said of that split alone.") == (split == "last")


def test_one_replicate_gives_no_verdict_but_a_provisional_choice(clouds: Dataset) -> None:
    result = make_study(clouds).run(store=":memory:", replicates=1)
    for verdict in result.verdicts.values():
        assert verdict.kind == "undecided"
        assert verdict.provisional


def test_looks_end_with_the_number_of_replicates_asked_for() -> None:
    spec = load("digits").spec
    assert looks_for(spec, None) == spec.looks
    assert looks_for(spec, 4) == (3, 4)
    assert looks_for(spec, 1) == (1,)
    assert looks_for(spec, 20)[-1] == 20


def test_the_document_has_no_nan_and_keeps_its_keys(clouds: Dataset) -> None:
    result = make_study(clouds).run(store=":memory:")
    document = result.to_dict()
    json.dumps(document, allow_nan=False)
    assert document["format"] == 1
    for key in ("study", "data", "engine", "stages", "audit", "lint", "final", "seconds"):
        assert key in document
    run = document["stages"][0]["candidates"][0]["runs"][0]
    for key in (
        "replicate",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "test_loss",
        "test_accuracy",
        "train_seconds",
        "status",
    ):
        assert key in run
    assert run["test_accuracy"] is None
    assert document["final"]["test"]["num_replicates"] == 2


def test_the_store_gives_back_the_same_document(clouds: Dataset, tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    result = make_study(clouds).run(store=store)
    assert result_document(Result.load(store).record) == result.to_dict()


def test_a_second_study_on_the_same_test_part_is_counted(clouds: Dataset, tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    first = make_study(clouds).run(store=store)
    options: dict[str, Any] = {"baselines": False, "final_replicates": 1}
    other = Study(clouds, name="other", base={"epochs": 2}, looks=[3], folds=6, **options)
    other.stage("width", hidden=[[3], [5]])
    second = other.run(store=store)
    assert [o.ordinal for o in first.record.openings] == [1]
    assert [o.ordinal for o in second.record.openings] == [2]


def test_a_confirmed_swap_is_followed_when_asked(clouds: Dataset) -> None:
    """The audit's budget is spent at most, and the final is what the last round left."""
    plain = make_study(clouds).run(store=":memory:")
    followed = make_study(clouds).run(store=":memory:", follow_audit=2)
    confirmed = [swap for swap in plain.record.audit if swap.confirmed]
    assert (followed.best != plain.best) == bool(confirmed)


def test_nonsense_options_are_refused(small_study: Study) -> None:
    with pytest.raises(UsageError, match=r"workers >= 1"):
        small_study.run(workers=0)
    with pytest.raises(UsageError, match=r"replicates >= 1"):
        small_study.run(replicates=0)


def test_run_study_needs_no_observer(clouds: Dataset) -> None:
    study = make_study(clouds, audit=False)
    with Store.open(":memory:") as store:
        record = run_study(study.spec, clouds, store, Dense(get_engine("reference")), Threads(2))
    assert record.engine.startswith("reference/")

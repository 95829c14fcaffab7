"""What goes into the store comes out of it, to the last bit."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import (
    SPEC,
    assert_same,
    begin,
    difference,
    drawn_result,
    drawn_run,
    sample_result,
    sample_run,
    sample_stage,
)

from bakeoff.errors import StoreError
from bakeoff.records import Run, StudyResult
from bakeoff.store.sqlite import Store


@given(drawn_result())
@settings(max_examples=25, deadline=None)
def test_any_result_comes_back_as_it_was(result: StudyResult) -> None:
    with Store.open(":memory:") as store:
        number = begin(store, result.name)
        store.finish_study(number, result)
        # What is finished has nothing pending.
        assert_same(store.load_result(number), replace(result, pending=()))
        assert store.check() == []


@given(st.lists(drawn_run(), max_size=3, unique_by=lambda run: run.key))
@settings(max_examples=40, deadline=None)
def test_any_run_comes_back_as_it_was_and_reused(runs: list[Run]) -> None:
    with Store.open(":memory:") as store:
        for run in runs:
            store.add_run(run)
        found = store.find_runs(run.key for run in runs)
        for run in runs:
            if run.status == "interrupted":
                assert run.key not in found
            else:
                assert_same(found[run.key], dataclasses.replace(run, reused=True))


def test_a_finished_study_survives_closing_and_opening(tmp_path) -> None:
    result = sample_result()
    with Store.open(tmp_path / "a.sqlite") as store:
        store.finish_study(begin(store), result)
    with Store.open(tmp_path / "a.sqlite", write=False) as store:
        assert_same(store.load_result("digits"), result)
        assert_same(store.load_result(1), result)
        assert_same(store.load_result("1"), result)


def test_an_unfinished_study_loads_as_far_as_it_got() -> None:
    stage = sample_stage()
    with Store.open(":memory:") as store:
        number = begin(store)
        assert store.load_result(number).stages == ()
        store.save_stage(number, 0, stage)
        opening = store.record_opening(
            number, "e" * 64, study="digits", purpose="final", opened_at="now"
        )
        result = store.load_result(number)
    assert_same(result.stages, (stage,))
    assert result.final is None
    assert result.openings == (opening,)
    assert (result.metric, result.looks) == (SPEC["metric"], tuple(SPEC["looks"]))
    assert (result.num_trained, result.num_reused) == (6, 0)
    assert result.seconds == stage.seconds


def test_a_stage_saved_again_replaces_the_first() -> None:
    with Store.open(":memory:") as store:
        number = begin(store)
        store.save_stage(number, 0, sample_stage(0))
        again = dataclasses.replace(sample_stage(50), question="And now?")
        store.save_stage(number, 0, again)
        assert_same(store.load_result(number).stages, (again,))


def test_the_latest_study_of_a_name_is_loaded() -> None:
    with Store.open(":memory:") as store:
        for first_run in (0, 100):
            store.finish_study(begin(store), sample_result(first_run=first_run))
        assert_same(store.load_result("digits"), sample_result(first_run=100))
        assert_same(store.load_result(1), sample_result(first_run=0))


def test_a_study_that_is_not_there_is_named_with_those_that_are() -> None:
    with Store.open(":memory:") as store:
        with pytest.raises(StoreError, match="not in the store; it has: none yet"):
            store.load_result("mnist")
        begin(store)
        with pytest.raises(StoreError, match="study 'mnist': not in the store; it has: 'digits'"):
            store.load_result("mnist")
        with pytest.raises(StoreError, match="study 99"):
            store.load_result(99)


def test_curves_of_different_lengths_come_back() -> None:
    run = sample_run(1)
    run = dataclasses.replace(run, curves={**run.curves, "val_loss": run.curves["val_loss"][:-1]})
    with Store.open(":memory:") as store:
        store.add_run(run)
        assert_same(dict(store.run(run.key).curves), dict(run.curves))


def test_the_equality_helper_sees_bits_types_and_signs() -> None:
    assert difference(np.array([0.0]), np.array([-0.0])) is not None
    assert difference(1, 1.0) is not None
    assert difference((1,), [1]) is not None
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) is not None
    assert difference(sample_run(1), sample_run(1)) is None

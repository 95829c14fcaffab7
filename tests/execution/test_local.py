"""The executor: order, failure, interruption."""

from __future__ import annotations

import threading

import pytest

from bakeoff.execution.local import LocalExecutor


def nothing() -> None:
    """No running task to ask."""


@pytest.mark.parametrize("num_workers", [1, 2, 5])
def test_every_task_is_done_once_whatever_the_number_of_workers(num_workers: int) -> None:
    done: dict[int, int] = {}
    LocalExecutor(lambda task: task * task, num_workers).run(
        range(20), on_done=done.__setitem__, cancel=nothing
    )
    assert done == {task: task * task for task in range(20)}


def test_no_task_at_all_is_fine() -> None:
    LocalExecutor(lambda task: task, 2).run([], on_done=lambda *_: None, cancel=nothing)


def test_tasks_start_in_the_given_order() -> None:
    started: list[int] = []
    LocalExecutor(lambda task: task, 1).run(
        [3, 1, 2], on_done=lambda *_: None, on_start=started.append, cancel=nothing
    )
    assert started == [3, 1, 2]


def test_an_exception_of_a_task_reaches_the_caller_and_no_further_task_starts() -> None:
    started: list[int] = []

    def work(task: int) -> int:
        started.append(task)
        if task == 1:
            raise ZeroDivisionError("task 1")
        return task

    with pytest.raises(ZeroDivisionError, match="task 1"):
        LocalExecutor(work, 1).run(range(100), on_done=lambda *_: None, cancel=nothing)
    assert len(started) < 100


def test_an_interruption_cancels_waits_and_still_hands_over_what_finished() -> None:
    cancelled = threading.Event()
    done: list[int] = []

    def work(task: int) -> int:
        if task > 0:
            assert cancelled.wait(5)
        return task

    def on_done(task: int, outcome: int) -> None:
        done.append(outcome)
        if len(done) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(work, 2).run(range(50), on_done=on_done, cancel=cancelled.set)
    # Task 0 was in hand and is handed over again; at most two more were running.
    assert done.count(0) == 2
    assert set(done) <= {0, 1, 2}
    assert 1 in done
    assert threading.active_count() == 1 or not any(
        thread.name.startswith("bakeoff-") for thread in threading.enumerate()
    )

"""The clock that every peer reports to."""

from __future__ import annotations

from benchmarks.clock import EpochClock


def train(clock: EpochClock) -> list[int]:
    """Epochs at which the accuracy was asked for."""
    asked = []
    go_on = True
    while go_on:
        clock.begin()
        epoch = clock.num_epochs + 1

        def accuracy(epoch: int = epoch) -> float:
            asked.append(epoch)
            return 0.5

        go_on = clock.end(accuracy)
    return asked


def test_warm_up_epochs_are_not_timed_and_the_accuracy_is_noted_at_their_end() -> None:
    clock = EpochClock(check_epochs=2, budget_seconds=60.0, max_timed=3)
    assert train(clock) == [2]
    assert clock.accuracy == 0.5
    assert clock.num_epochs == clock.max_epochs == 5
    assert len(clock.seconds) == len(clock.cpu_seconds) == 3


def test_without_a_budget_nothing_is_timed() -> None:
    clock = EpochClock(check_epochs=3)
    assert train(clock) == [3]
    assert clock.num_epochs == clock.max_epochs == 3
    assert clock.seconds == []


def test_a_spent_budget_ends_the_timing_after_at_least_one_epoch() -> None:
    clock = EpochClock(check_epochs=1, budget_seconds=1e-12, max_timed=9)
    train(clock)
    assert len(clock.seconds) == 1

"""What every executor owes the driver."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial

import pytest
from executor_work import Watch, request, work

from bakeoff.executors.processes import Processes
from bakeoff.executors.threads import POLL_SECONDS, Threads


def ray(slots):
    pytest.importorskip("ray")
    from bakeoff.executors.ray import Ray

    return Ray(partial(Processes, 1), slots)


EXECUTORS = {"processes": Processes, "threads": Threads, "ray": ray}


@pytest.fixture(
    params=["processes", "threads", pytest.param("ray", marks=pytest.mark.slow)], scope="module"
)
def executor(request):
    made = EXECUTORS[request.param](2)
    yield made
    made.close()


def run(executor, batches, watch=None):
    outcomes = []
    executor.run(batches, work, watch or Watch(), outcomes.append)
    return {outcome.key: outcome for outcome in outcomes}, outcomes


def test_every_request_of_every_batch_has_one_outcome(executor):
    found, outcomes = run(executor, [[request(1), request(2)], [request(3)], []])
    assert len(outcomes) == 3
    assert {key: one.metrics["val_accuracy"] for key, one in found.items()} == {
        "1": 1.0,
        "2": 2.0,
        "3": 3.0,
    }


def test_no_batch_at_all_is_fine(executor):
    assert run(executor, []) == ({}, [])


def test_a_batch_is_taken_when_a_slot_is_free_for_it(executor):
    taken = []

    def batches():
        for number in range(10):
            taken.append(number)
            yield [request(number, does="epochs")]  # until it is asked to end

    executor.run(batches(), work, Watch(after=10), lambda _: None)
    # On a cluster a slot may not have come to life yet when the runs are asked to end.
    assert len(taken) == executor.slots or (executor.where and 0 < len(taken) < executor.slots)


def test_epochs_reach_the_watch_of_the_driver(executor):
    watch = Watch(after=4)
    run(executor, [[request(1, does="epochs")]], watch)
    assert watch.epochs[:2] == [("1", 1, {"val_loss": 1.0}), ("1", 2, {"val_loss": 0.5})]


def test_a_cancelled_run_ends_early_and_no_other_starts(executor):
    found, _ = run(
        executor, [[request(i, does="epochs")] for i in range(executor.slots + 3)], Watch(after=3)
    )
    assert len(found) <= executor.slots
    assert {one.stopped for one in found.values()} == {"cancelled"}


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
def test_a_signal_that_outlasts_a_wait_of_the_driver_is_heard():
    """On a busy machine a handler may take longer than the driver means to wait."""
    watch = Watch()

    def ask_to_end(*_):
        time.sleep(2 * POLL_SECONDS)
        watch.after = 0

    before = signal.signal(signal.SIGUSR1, ask_to_end)
    driver = threading.get_ident()
    sender = threading.Timer(0.1, signal.pthread_kill, (driver, signal.SIGUSR1))
    sender.start()
    try:
        found, _ = run(Threads(1), [[request(1, does="epochs")]], watch)
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert found["1"].stopped == "cancelled"


def test_what_the_receiver_of_outcomes_raises_ends_everything_and_goes_on(executor):
    def full(_outcome):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        executor.run([[request(1)], [request(2, does="epochs")]], work, Watch(after=3), full)
    assert run(executor, [[request(1)]])[0]["1"].metrics == {"val_accuracy": 1.0}

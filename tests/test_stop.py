"""A signal only sets a flag; the driver ends at its next safe point."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakeoff.errors import Interrupted
from bakeoff.execution import tuning
from bakeoff.stop import SIGNALS, Stop
from bakeoff.store.sqlite import Store

sys.path.append(str(Path(__file__).parent / "execution"))
from small_studies import blobs, make_study


@pytest.fixture(autouse=True)
def a_terminals_signals() -> Iterator[None]:
    """Python's own handlers, also where the tests run in the background, which ignores Ctrl-C."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_sets_the_flag_and_a_second_does_what_it_did_before(number: int) -> None:
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert not stop.requested


def test_a_study_on_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with Stop().on_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_signal_between_runs_ends_the_study_before_anything_is_concluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs.sqlite"
    true_points = tuning.tuning_points

    def interrupted(*arguments: Any, **words: Any) -> list[dict[str, Any]]:
        points = true_points(*arguments, **words)
        if points:
            signal.raise_signal(signal.SIGINT)
        return points[:1]

    study = make_study(blobs())
    with monkeypatch.context() as patched:
        patched.setattr(tuning, "tuning_points", interrupted)
        with pytest.raises(Interrupted, match="the same command goes on"):
            study.run(store=store)
    with Store.open(store, write=False) as opened:
        assert [stage.name for stage in opened.load_result("small").stages] == ["scale", "width"]
    resumed = make_study(blobs()).run(store=store).record
    undisturbed = make_study(blobs()).run(store=":memory:").record
    assert [s.verdict for s in resumed.stages] == [s.verdict for s in undisturbed.stages]


def test_a_signal_in_the_last_moment_of_a_study_still_ends_it_as_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Store.finish_study

    def signalled(store: Store, *arguments: Any) -> None:
        finish(store, *arguments)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "finish_study", signalled)
        with pytest.raises(Interrupted):
            make_study(blobs(), audit=False).run(store=tmp_path / "runs.sqlite")
    again = make_study(blobs(), audit=False).run(store=tmp_path / "runs.sqlite").record
    assert again.num_trained == 0
    assert again.final is not None

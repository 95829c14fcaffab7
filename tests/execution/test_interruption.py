"""Ctrl-C ends a study even where compiled code drops the exception it raised."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_studies import blobs, make_study

from bakeoff.errors import Interrupted
from bakeoff.execution import tuning
from bakeoff.interruption import Interruption
from bakeoff.store.sqlite import Store


@pytest.fixture(autouse=True)
def a_terminals_ctrl_c() -> Iterator[None]:
    """Python's own handler, also where the tests run in the background, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def drop_one_interruption() -> None:
    """As a compiled function does that cannot pass an exception on."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_dropped_interruption_ends_the_study_before_anything_is_concluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs.sqlite"
    true_points = tuning.tuning_points

    def half_made(*arguments: Any, **words: Any) -> list[dict[str, Any]]:
        points = true_points(*arguments, **words)
        if points:
            drop_one_interruption()
        return points[:1]

    study = make_study(blobs())
    with monkeypatch.context() as patched:
        patched.setattr(tuning, "tuning_points", half_made)
        with pytest.raises(Interrupted, match="the same command goes on"):
            study.run(store=store)
    with Store.open(store, write=False) as opened:
        assert [stage.name for stage in opened.load_result("small").stages] == ["scale", "width"]
    resumed = make_study(blobs()).run(store=store).record
    undisturbed = make_study(blobs()).run(store=":memory:").record
    assert [s.verdict for s in resumed.stages] == [s.verdict for s in undisturbed.stages]


def test_handlers_are_put_back_and_a_newer_one_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    interruption = Interruption()
    try:
        with interruption.noticed():
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before
        with interruption.noticed():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert not interruption.came


def test_an_interruption_is_remembered_until_it_is_asked_for() -> None:
    interruption = Interruption()
    interruption.check()
    with interruption.noticed():
        drop_one_interruption()
    assert interruption.came
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_a_study_on_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with Interruption().noticed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]

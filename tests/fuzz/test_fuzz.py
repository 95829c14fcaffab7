"""Every family of hostile inputs, some tens of cases each; the benchmarks' page states many more."""

from __future__ import annotations

import json

import pytest

from bakeoff.errors import DataError
from tests.fuzz import FAMILIES, Family, batches, load_families
from tests.fuzz.batches import run_family
from tests.fuzz.worker import _run

CASES = 30


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(load_families()))
def test_hostile_inputs_are_accepted_or_refused_and_nothing_else(name) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    summary = run_family(FAMILIES[name], CASES, seed=1)
    assert not summary.problems, summary.text()
    assert sum(summary.outcomes.values()) == CASES


def _case(run, tmp_path, **limits) -> dict:
    return _run(Family("made up", run, limits.get("seconds", 5.0), 600.0), 1, 0, tmp_path)


def test_a_case_says_what_was_wrong(tmp_path) -> None:
    def refuse(rng, folder) -> None:
        raise DataError("a.csv: row 1 is wrong; mend it")

    def obey(rng, folder) -> None:
        error = DataError("a.csv")
        error.args = ("\x1b[31m",)
        raise error

    def stumble(rng, folder) -> None:
        raise KeyError("x")

    assert _case(refuse, tmp_path)["outcome"] == "refused"
    assert _case(refuse, tmp_path)["problem"] is None
    assert "a terminal would obey" in _case(obey, tmp_path)["problem"]
    assert _case(stumble, tmp_path)["problem"].startswith("KeyError: 'x'")
    assert _case(lambda *_: sum(range(10**6)), tmp_path, seconds=1e-4)["problem"].startswith("took")


def test_the_same_seed_and_number_give_the_same_case(tmp_path) -> None:
    drawn = []
    for _ in range(2):
        _case(lambda rng, _: drawn.append(rng.bytes(8)), tmp_path)
    assert drawn[0] == drawn[1]


@pytest.mark.slow
def test_a_case_that_ends_the_process_or_hangs_costs_itself_only(tmp_path, monkeypatch) -> None:
    script = tmp_path / "worker.py"
    fine = json.dumps({"outcome": "accepted", "problem": None, "seconds": 0, "megabytes": 0})
    script.write_text(f"""
import os, sys, time
for case in range(int(sys.argv[3]), int(sys.argv[4])):
    if case == 3:
        os.kill(os.getpid(), 11)
    if case == 5:
        time.sleep(100)
    print({fine!r}, flush=True)
""")
    monkeypatch.setattr(batches, "WORKER", (str(script),))
    monkeypatch.setattr(batches, "HANG_SECONDS", 1.0)
    summary = run_family(Family("made up", lambda *_: None, 1.0, 1.0), 8, seed=1)
    assert [case for case, _ in summary.problems] == [3, 5]
    assert "ends the process (-11)" in summary.text()
    assert "hangs" in summary.text()
    assert summary.outcomes == {"accepted": 6, "broken": 2}

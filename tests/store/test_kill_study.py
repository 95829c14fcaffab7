"""A whole study, ended again and again: nothing is lost, nothing done twice, the result the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("study_processes.py")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the program forks and sends signals")
@pytest.mark.parametrize(
    ("how", "num_endings", "codes"),
    [
        ("SIGKILL", 200, {"0", "-9"}),
        # -15: it came before the command line took the signal over.
        ("SIGTERM", 40, {"0", "130", "-15"}),
        # 2: the store had room, the result document beside it had not.
        ("FULL", 40, {"0", "2", "3"}),
    ],
    ids=["kill -9", "SIGTERM", "disk full"],
)
def test_a_study_that_is_ended_at_any_moment_and_resumed_ends_as_if_undisturbed(
    tmp_path, how, num_endings, codes
) -> None:
    finished = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, how, str(num_endings), "5"],
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)
    assert seen["bad"] == []
    assert seen["endings"] >= num_endings
    assert seen["studies"] >= 2
    assert set(seen["codes"]) <= codes

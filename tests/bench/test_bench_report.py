"""The command that says what a report costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


STUDY = """\
format = 1
name = "small"
data = "digits"
looks = [3]
[base]
epochs = 2
[[stage]]
name = "width"
[[stage.candidate]]
hidden = [4]
[[stage.candidate]]
hidden = [8]
"""


@pytest.mark.slow
def test_it_names_the_machine_and_measures_a_stored_study(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(STUDY)
    store = str(tmp_path / "small.sqlite")
    trained = [
        sys.executable,
        "-m",
        "bakeoff",
        "run",
        "small.toml",
        "--store",
        store,
        "--no-report",
    ]
    subprocess.run(trained, capture_output=True, cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.report", store, "small"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    about, _, line = done.stdout.strip().splitlines()
    assert "Python" in about
    charts = re.fullmatch(r"small: [\d.]+ s, [\d.]+ kB, (\d+) charts", line)
    assert charts is not None, line
    assert int(charts[1]) >= 4

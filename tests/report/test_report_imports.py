"""A report needs the stored result and the report's libraries, nothing that trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
import build
from bakeoff.report import html, notebook
html.write(build.full(), sys.argv[2])
notebook.result_html(build.full())
notebook.Plots(build.full())
print(json.dumps(sorted(sys.modules)))
"""


def test_making_a_report_imports_no_engine_no_driver_and_no_data(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(tmp_path / "r.html")],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    modules = json.loads(answer.stdout)
    for name in ("dense.trainable", "execution", "_native", "data", "store"):
        assert not [
            m for m in modules if m == f"bakeoff.{name}" or m.startswith(f"bakeoff.{name}.")
        ]
    for name in ("sklearn", "keras", "jax", "torch", "tensorflow", "pandas", "matplotlib"):
        assert name not in modules, name
    assert (tmp_path / "r.html").stat().st_size > 100_000


COMMAND = """
import json, sys
from bakeoff.cli import main
sys.argv = ["bakeoff", "report", "--store", sys.argv[1], "--output", sys.argv[2]]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.slow
def test_the_report_command_needs_the_store_and_the_report_and_nothing_that_trains(
    tmp_path: Path,
) -> None:
    import bakeoff

    study = bakeoff.Study("digits", base={"scale": "unit", "learning_rate": 0.3, "epochs": 4})
    study.stage("activation", activation=["relu", "tanh"])
    study.run(store=tmp_path / "bakeoff.sqlite", replicates=1, engine="reference")
    target = tmp_path / "r.html"
    answer = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path / "bakeoff.sqlite"), str(target)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    modules = json.loads(answer.stdout.splitlines()[-1])
    assert "bakeoff.store.sqlite" in modules
    for name in ("dense.trainable", "execution", "_native", "study"):
        assert not [
            m for m in modules if m == f"bakeoff.{name}" or m.startswith(f"bakeoff.{name}.")
        ]
    # The command line itself knows where datasets lie; nothing that makes examples of them is loaded.
    assert not {f"bakeoff.data.{name}" for name in ("sources", "assemble", "splits")} & {*modules}
    assert "sklearn" not in modules
    assert "one replicate" in target.read_text("utf-8")

"""A report needs the stored result and the report's libraries, nothing that trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import build
from bakeoff.report import html, notebook, plot
html.write(build.full(), sys.argv[2])
notebook.result_html(build.full())
plot.Plots(build.full()).forest(0)
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
    for name in ("engines", "execution", "_native", "models", "data", "store", "evidence"):
        assert not [
            m for m in modules if m == f"bakeoff.{name}" or m.startswith(f"bakeoff.{name}.")
        ]
    for name in ("sklearn", "keras", "jax", "torch", "tensorflow", "pandas"):
        assert name not in modules, name
    assert (tmp_path / "r.html").stat().st_size > 100_000

"""The tree of commands."""

from __future__ import annotations

import subprocess
import sys


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, bakeoff.cli.commands;"
        "print([m for m in ('numpy', 'scipy', 'pydantic', 'pandas', 'rich.console', 'jinja2') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

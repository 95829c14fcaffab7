"""The site and the workflows name what is there."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

import bakeoff
from bakeoff.cli.commands import app

ROOT = Path(__file__).parents[2]


def test_the_site_has_every_page_and_every_page_is_there() -> None:
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert named == pages | {"commands/index.md"}


def test_the_reference_has_every_public_name() -> None:
    named = re.findall(r"^::: bakeoff\.(\w+)$", (ROOT / "docs/reference.md").read_text(), re.M)
    assert set(named) == set(bakeoff.__all__) - {"__version__"}


def test_the_workflow_runs_what_ci_runs() -> None:
    assert "- run: .ci/run\n" in (ROOT / ".github/workflows/check.yml").read_text()


def test_the_gate_of_the_documentation_is_one_that_the_command_takes() -> None:
    options = set(re.findall(r"(--[a-z-]+)[ `]", (ROOT / "docs/gate.md").read_text())) - {"--seed"}
    help_ = CliRunner().invoke(app, ["ab", "--help"], env={"COLUMNS": "200"}).output
    assert options <= set(re.findall(r"--[a-z-]+", help_))
    assert {"--gate", "--delta", "--metric", "--label", "--max-replicates"} <= options

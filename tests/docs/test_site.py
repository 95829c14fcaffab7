"""The site and the workflows name what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bakeoff
from bakeoff.cli.commands import app

ROOT = Path(__file__).parents[2]


def test_the_site_has_every_page_and_every_page_is_there() -> None:
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    of_the_root = {"overview.md", "contributing.md", "changes.md", "security.md"}
    assert named == pages | of_the_root | {"commands/index.md"}


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


@pytest.mark.slow
def test_the_site_is_built_whole_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Every page and every link, also those of the repository's root; docstrings are its reference."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    build = ["mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", *build], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "contains a link" not in done.stderr
    loads = r"""(?:src|srcset|data)=["']?(?:https?:)?//|<link[^>]+href=["']?(?:https?:)?//"""
    elsewhere = rf"{loads}|@import|url\(\s*[\"']?(?:https?:)?//"
    for path in (*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")):
        assert not re.findall(elsewhere, path.read_text("utf-8")), path
    reference = (tmp_path / "reference.html").read_text("utf-8")
    for name in ("bakeoff.Study.from_optuna", "bakeoff.Result.log_to", "bakeoff.compare"):
        assert f'id="{name}"' in reference
    assert "final_replicates" in reference
    assert "--log" in (tmp_path / "commands/run.html").read_text("utf-8")
    assert 'href="tables.html"' in (tmp_path / "overview.html").read_text("utf-8")


@pytest.mark.slow
def test_the_gate_of_the_documentation_lets_equals_pass_and_nothing_worse(
    tmp_path: Path, readers_environment: dict[str, str]
) -> None:
    """Its own command, on two checkouts; the second differs in a module that the program imports."""
    page = (ROOT / "docs/gate.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"- run: >\n((?: {10}.*\n)+)", page)
    program = (
        "import sys, random, made\n"
        "noise = random.Random(int(sys.argv[2])).gauss(0, 0.001)\n"
        "print(f'accuracy: {made.LEVEL + noise:.5f}')\n"
    )
    for level, code in ((0.9, 0), (0.8, 5)):
        job = tmp_path / str(level)
        for checkout, reached in (("base", 0.9), ("change", level)):
            (job / checkout).mkdir(parents=True)
            (job / checkout / "train.py").write_text(program)
            (job / checkout / "made.py").write_text(f"LEVEL = {reached}\n")
        done = subprocess.run(
            ["bash", "-c", " ".join(block.split())],
            cwd=job,
            env=readers_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr


def test_a_release_is_checked_before_it_is_published() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    assert "uses: ./.github/workflows/check.yml" in text
    assert "needs: [check, wheels, source]" in text
    assert "  workflow_call:\n" in (ROOT / ".github/workflows/check.yml").read_text()
    version = re.escape(f'version = "{bakeoff.__version__}"')
    assert re.search(f"^{version}$", (ROOT / "pyproject.toml").read_text(), re.M)

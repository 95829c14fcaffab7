"""Every command that a page shows to its readers is run, or held against what runs it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Set
from pathlib import Path

import blocks
import pytest
import typer

from bakeoff.cli.commands import app

ROOT = blocks.ROOT
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# Every page with something to run, in one folder each, as a reader would. The benchmarks install
# their peers and measure for a long time: their commands are only checked to be spelt right. What
# docs/python.md does is looked at in test_docs_python.
WALKED = [
    page.relative_to(ROOT).as_posix()
    for page in PAGES
    if page.name not in ("CONTRIBUTING.md", "benchmarks.md", "python.md")
    and any(block.language in ("sh", "console", "python") for block in blocks.blocks(page))
]
WITH_MNIST = ("README.md", "docs/tutorial.md")
LIBRARIES = ("keras", "mlflow", "optuna", "ray", "skops", "tensorboard", "torch")


def shell_commands(page: Path) -> list[tuple[blocks.Block, str]]:
    return [(block, command) for block in blocks.blocks(page) for command in block.commands]


def calls(command: str) -> list[list[str]]:
    """The words after ``bakeoff`` of every call in a command line."""
    found: list[list[str]] = []
    current: list[str] | None = None
    starts = True
    for word in shlex.split(command, comments=True):
        if word in ("|", "&&", ";", ">"):
            current, starts = None, True
        elif starts and word == "bakeoff":
            current, starts = [], False
            found.append(current)
        elif starts and "=" in word:
            continue
        else:
            starts = False
            if current is not None:
                current.append(word)
    return found


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def needs(page: Path) -> frozenset[str]:
    return frozenset[str]().union(*(block.needs for block in blocks.blocks(page)))


def follow(page: Path, folder: Path, environment: dict[str, str], there: Set[str]) -> None:
    """Follows the page; holds exit codes, and the first line of shown excerpts, against it."""
    output = ""
    for block, commands in blocks.walk(page, folder, environment, there):
        place = f"{block.page}:{block.line}"
        for command, done in commands:
            assert done.returncode == 0, f"{place}: {command}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr, f"{place}: {command}\n{done.stderr}"
            output = done.stdout
        if block.excerpt and block.language in ("console", "text"):
            shown = blocks.excerpt(output, block.excerpt)
            first = next(line for line in shown.splitlines() if line != "…")
            assert first in block.text, f"{place}: the page no longer shows {first!r}"


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKED)
def test_commands_without_mnist_do_what_the_page_says(
    name: str, tmp_path: Path, readers_environment: dict[str, str]
) -> None:
    """Each command ends with 0, in the order of the page, in a fresh folder."""
    if name in WITH_MNIST and "BAKEOFF_DATA" in os.environ:
        pytest.skip("with MNIST all of it is run below")
    page = ROOT / name
    follow(page, tmp_path, readers_environment, blocks.libraries_there(page))


@pytest.mark.slow
@pytest.mark.mnist
@pytest.mark.skipif("BAKEOFF_DATA" not in os.environ, reason="needs BAKEOFF_DATA with real MNIST")
def test_commands_with_mnist_do_what_the_pages_say(
    tmp_path: Path, readers_environment: dict[str, str]
) -> None:
    """The same with the blocks that need real MNIST: one reader follows one page after the other.

    What both pages train, the second finds stored.
    """
    for name in WITH_MNIST:
        page = ROOT / name
        follow(page, tmp_path, readers_environment, {"mnist", *blocks.libraries_there(page)})


def test_the_needs_of_blocks_are_known() -> None:
    """A misspelt need would keep a block from ever being run."""
    found = {page.relative_to(ROOT).as_posix(): needs(page) for page in PAGES}
    assert {name for name, needed in found.items() if "mnist" in needed} == set(WITH_MNIST)
    assert set().union(*found.values()) <= {"mnist", *LIBRARIES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_on_a_page_exist(page: Path) -> None:
    """`make` in a page names a target of the Makefile."""
    called = [
        blocks.words(command)[1:]
        for _, command in shell_commands(page)
        if blocks.words(command)[0] == "make"
    ]
    targets = {word for words in called for word in words if "=" not in word}
    assert targets <= make_targets()


def test_the_readme_opens_with_a_picture_and_then_the_two_commands() -> None:
    """What the user gets, a picture of it, then `make run` and `make test`, before anything else."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = blocks.blocks(ROOT / "README.md")[0]
    assert [blocks.words(command) for command in first.commands] == [
        ["make", "run"],
        ["make", "test"],
    ]
    before = text[: first.start]
    assert "docs/images/terminal.svg" in before
    assert before.count("\n#") == 0


def test_ci_runs_what_contributing_promises() -> None:
    """CI calls `make check`, and `make check` is the targets that CONTRIBUTING.md lists."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^make check$", script, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    checked = re.search(r"^check:([a-z ]+)", makefile, re.MULTILINE)
    assert checked is not None
    promised = {blocks.words(command)[1] for _, command in shell_commands(ROOT / "CONTRIBUTING.md")}
    assert promised == set(checked[1].split())


def test_make_run_runs_the_command_of_the_readme() -> None:
    """`make run` is `bakeoff run`, which the walk through the README runs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^run:[^\n]*\n((?:\t[^\n]*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    assert recipe[1].strip() == "$(BIN)/bakeoff run"
    shown = [blocks.words(command) for _, command in shell_commands(ROOT / "README.md")]
    assert ["bakeoff", "run"] in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_bakeoff_commands_on_a_page_are_spelt_right(page: Path) -> None:
    """On every page, also those that are not walked: commands and options exist."""
    root = typer.main.get_command(app)
    for block, command in shell_commands(page):
        for words in calls(command):
            current = root
            while words and words[0] in getattr(current, "commands", {}):
                current = current.commands[words.pop(0)]
            place = f"{block.page}:{block.line}: {command}"
            named = not getattr(current, "commands", {}) or not words or words[0].startswith("-")
            assert named, place
            known = {option for parameter in current.params for option in parameter.opts}
            used = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
            assert used <= known | {"-h", "--help"}, place


def test_a_command_with_an_unknown_option_would_be_noticed() -> None:
    """The check above can fail: the options of `run` are known one by one."""
    run = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    known = {option for parameter in run.params for option in parameter.opts}
    assert "--replicates" in known
    assert "--replicate" not in known

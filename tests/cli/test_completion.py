"""What bash, zsh and fish offer after Tab, asked of the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff import Study
from bakeoff.cli import options
from bakeoff.store.sqlite import Store

# Each prints what it offers for the words it is given, one a line.
SCRIPTS = {
    "bash": """
        eval "$(_BAKEOFF_COMPLETE=source_bash bakeoff)"
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bakeoff_completion bakeoff
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    # Zsh completes only in its line editor. What it is given to complete is split here as its
    # `_arguments` does it: the words between `((` and `))` are evaluated as an array.
    "zsh": r"""
        compdef() {}; _files() {}
        _arguments() {
            local words=${1#'*: :(('}
            eval "offered=(${words%'))'})"
            print -rl -- ${offered%%:*}
        }
        eval "$(_BAKEOFF_COMPLETE=source_zsh bakeoff)"
        words=("$@"); CURRENT=$#; _bakeoff_completion
    """,
    "fish": """
        _BAKEOFF_COMPLETE=source_fish bakeoff | source
        complete --do-complete "$argv" | string replace --regex '\\t.*' ''
    """,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with studies, a store, and this project's ``bakeoff`` in ``bin``."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "bin").mkdir()
    script = folder / "bin/bakeoff"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m bakeoff "$@"\n')
    script.chmod(0o755)
    (folder / "mine.toml").touch()
    (folder / "mine.txt").touch()
    (folder / "mi dir").mkdir()
    with Store.open(folder / "bakeoff.sqlite") as store:
        for name in ("widths", "two words", "$(touch pwned)", '\\";touch pwned;"', "a'b"):
            study = Study("digits", base={"epochs": 1}, name=name, looks=[3], audit=False)
            study.stage("width", hidden=[[2], [4]]).run(store=store)
    return folder


def environment(place: Path) -> dict[str, str]:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(place), "XDG_CONFIG_HOME": str(place / "xdg")}


def offered(shell: str, place: Path, line: str) -> list[str]:
    """What the shell offers at the end of the line."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    words = line.split(" ")
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    name = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [shell, *options, SCRIPTS[shell], *name, *words],
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return [one for one in done.stdout.splitlines() if one]


@pytest.mark.parametrize("shell", SCRIPTS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bakeoff ex", ["export"]),
        ("bakeoff run --follow", ["--follow-audit"]),
        ("bakeoff run mni", ["mnist", "mnist-notebook"]),
        ("bakeoff run --on ", ["processes", "ray", "threads"]),
        ("bakeoff export widths --to p", ["parquet"]),
        ("bakeoff store delete w", ["widths"]),
    ],
)
def test_a_shell_offers_commands_options_and_values(shell, place, line, words) -> None:
    assert sorted(offered(shell, place, line)) == words


@pytest.mark.parametrize("shell", SCRIPTS)
def test_names_of_a_store_steer_no_shell(shell, place) -> None:
    """A study may be called anything, and a store may come from anybody."""
    assert offered(shell, place, "bakeoff show ") == ["widths"]
    assert not (place / "pwned").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_installs_itself_for_the_shell_that_asks(shell, place) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run(
        # A second command keeps the shell from making way for the first.
        [shell, "-c", "bakeoff --install-completion; true"],
        env=environment(place),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert f"{shell} completion installed in {place}" in done.stdout.replace("\n", "")


def test_the_page_says_what_is_tested_here() -> None:
    page = (Path(__file__).parents[2] / "docs/shell.md").read_text(encoding="utf-8")
    for shell, script in SCRIPTS.items():
        (line,) = (one.strip() for one in script.splitlines() if f"source_{shell}" in one)
        assert f"```text\n{line}\n```" in page


def test_files_that_can_be_a_study_are_offered_beside_the_built_in_ones(place, monkeypatch) -> None:
    monkeypatch.chdir(place)
    assert options.studies("m") == ["mnist", "mnist-notebook", "mine.toml"]
    assert options.studies("./mi") == ["./mine.toml"]
    assert options.studies("nowhere/m") == []


def test_without_a_store_nothing_is_offered_and_nothing_made(tmp_path) -> None:
    for line in ("bakeoff show --store none.sqlite ", "bakeoff store delete "):
        done = subprocess.run(
            [sys.executable, "-m", "bakeoff"],
            env={
                **os.environ,
                "_BAKEOFF_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(line.count(" ")),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout.strip(), done.stderr) == ("", "")
        assert not list(tmp_path.glob("*.sqlite"))

"""Writes docs/commands/*.md, one page per command, from what `--help` says; --check only compares.

    python docs/generate.py           write the pages
    python docs/generate.py --check   exit with 1 when a page is stale, missing or left over

Help is laid out at a fixed width, so that the pages are the same on every terminal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from bakeoff.cli.commands import app

WIDTH = 88
FOLDER = Path(__file__).parent / "commands"
NOTE = "<!-- Made by `python docs/generate.py` from `bakeoff --help`; edit the help instead. -->"


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The program, its commands and their subcommands, each with the words that call it."""
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*words, name))


def help_text(command: Any, words: tuple[str, ...]) -> str:
    """What `bakeoff WORDS --help` prints on a terminal of ``WIDTH`` columns."""
    context = command.make_context(
        " ".join(("bakeoff", *words)),
        [],
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    lines = command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def file_name(words: tuple[str, ...]) -> str:
    """The page of a command: ``data-list.md`` for ``bakeoff data list``."""
    return f"{'-'.join(words) or 'index'}.md"


def pages() -> dict[str, str]:
    """Every page's file name and text."""
    root = typer.main.get_command(app)
    every = list(commands(root))
    texts: dict[str, str] = {}
    for words, command in every:
        call = " ".join(("bakeoff", *words))
        children = [
            (child_words, child)
            for child_words, child in every
            if len(child_words) == len(words) + 1 and child_words[: len(words)] == words
        ]
        parts = [NOTE, f"# `{call}`", f"```text\n{help_text(command, words)}\n```"]
        if children:
            parts.append(
                "\n".join(
                    f"- [`{' '.join(('bakeoff', *child_words))}`]({file_name(child_words)}): "
                    f"{_sentence(child)}"
                    for child_words, child in children
                )
            )
        if words:
            parent = words[:-1]
            back = " ".join(("bakeoff", *parent)) if parent else "All commands"
            parts.append(f"[{back}]({file_name(parent)})")
        else:
            parts.append("[All documentation](../index.md)")
        texts[file_name(words)] = "\n\n".join(parts) + "\n"
    return texts


def _sentence(command: Any) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


def stale(folder: Path, texts: dict[str, str]) -> list[str]:
    """What differs between the folder and the texts, one line per page."""
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return [
        *(f"{name}: missing" for name in texts if name not in found),
        *(f"{name}: stale" for name in texts if name in found and found[name] != texts[name]),
        *(f"{name}: no such command" for name in found if name not in texts),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
    check = parser.parse_args().check
    texts = pages()
    differences = stale(FOLDER, texts)
    if check:
        for line in differences:
            print(f"docs/commands/{line}; run `python docs/generate.py`", file=sys.stderr)
        return 1 if differences else 0
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

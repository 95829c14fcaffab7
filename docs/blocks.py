"""Reads the code blocks of Markdown pages and runs their commands as a reader would.

Shared by `docs/transcripts.py`, which writes outputs into pages, and by `tests/docs`. A comment above
a block, invisible on the page, says what its commands need or what of an output is shown::

    <!-- needs: mnist, keras -->
    <!-- excerpt: "2. depth" to "3. width" -->

A need is ``mnist``, or the name of a library that is imported. A block whose first line is the name of a
file, such as ``# train.py``, is that file.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
COLUMNS = 110

_BLOCK = re.compile(
    r"(?P<notes>(?:^<!--[^\n]*-->\n)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NEEDS = re.compile(r"needs: ([\w, ]+?) -->")
_EXCERPT = re.compile(r'excerpt: "([^"]*)"(?: to "([^"]*)")?')


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: relative to the project's root.
        line: of its opening fence, from 1.
        start, end: where its text begins and ends in the page.
        language: after the fence.
        text: between the fences.
        needs: what its commands need beyond the project, such as ``mnist``.
        excerpt: beginnings of the first line shown and of the first line no longer shown.
    """

    page: str
    line: int
    start: int
    end: int
    language: str
    text: str
    needs: frozenset[str]
    excerpt: tuple[str, str | None] | None

    @property
    def commands(self) -> tuple[str, ...]:
        """The shell commands of an ``sh`` or ``console`` block."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        if self.language == "sh":
            return tuple(line for line in lines if not line.startswith("#"))
        if self.language == "console":
            return tuple(line[2:] for line in lines if line.startswith("$ "))
        return ()


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        needs, excerpt = _NEEDS.search(match["notes"]), _EXCERPT.search(match["notes"])
        fence = match.start() + len(match["notes"])
        found.append(
            Block(
                page=str(page.relative_to(ROOT)),
                line=text.count("\n", 0, fence) + 1,
                start=match.start("text"),
                end=match.end("text"),
                language=match["language"],
                text=match["text"],
                needs=frozenset(needs[1].split(", ") if needs else ()),
                excerpt=(excerpt[1], excerpt[2]) if excerpt else None,
            )
        )
    return found


def file_of(block: Block) -> str | None:
    """The name of the file that a block shows, from its first line, such as ``# name.toml``."""
    match = re.match(r"# (\S+\.(?:toml|py|sh))$", block.text, re.MULTILINE)
    return match[1] if match else None


def libraries_there(page: Path) -> set[str]:
    """The needs of a page's blocks that are libraries, of those that are installed."""
    needed = frozenset[str]().union(*(block.needs for block in blocks(page))) - {"mnist"}
    return {name for name in needed if importlib.util.find_spec(name) is not None}


def words(command: str) -> list[str]:
    """The words of a command, without its comment."""
    return shlex.split(command, comments=True)


@contextlib.contextmanager
def readers_environment() -> Iterator[dict[str, str]]:
    """Variables under which ``bakeoff`` and ``python`` are this project's, at a fixed width."""
    with tempfile.TemporaryDirectory() as folder:
        for name, call in (("bakeoff", "-m bakeoff "), ("python", "")):
            script = Path(folder, name)
            script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {call}"$@"\n')
            script.chmod(0o755)
        yield {
            **os.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "COLUMNS": str(COLUMNS),
            "NO_COLOR": "1",
            "TERM": "dumb",
        }


def run(
    command: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs one command of a page in a folder; its output is kept apart from its messages."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
    )


def walk(
    page: Path, folder: Path, environment: dict[str, str], there: Set[str]
) -> Iterator[tuple[Block, list[tuple[str, subprocess.CompletedProcess[str]]]]]:
    """Follows a page in a folder: runs its Python, writes its files, runs its commands.

    Args:
        page: what to follow.
        folder: where; the current folder while the page is followed.
        environment: of the commands.
        there: what there is; blocks that need something else are passed over.

    Yields:
        each block that was followed, and its commands with what they did. ``make`` is not run, nor are
        sessions with ``>>>``, which doctest runs.
    """
    namespace: dict[str, object] = {}
    before = Path.cwd()
    os.chdir(folder)
    try:
        for block in blocks(page):
            if not block.needs <= there:
                continue
            name = file_of(block)
            if name:
                Path(name).write_text(block.text, encoding="utf-8")
            elif block.language == "python" and ">>>" not in block.text:
                exec(compile(block.text, f"{block.page}:{block.line}", "exec"), namespace)
            yield (
                block,
                [
                    (command, run(command, folder, environment))
                    for command in block.commands
                    if words(command)[0] != "make"
                ],
            )
    finally:
        os.chdir(before)


def excerpt(output: str, ends: tuple[str, str | None] | None) -> str:
    """The part of an output that a page shows; ``…`` stands for what is left out.

    Raises:
        LookupError: the output has no such part.
    """
    lines = [line.rstrip() for line in output.rstrip().splitlines()]
    if ends is None:
        return "\n".join(lines)
    first, last = ends
    starts = [i for i, line in enumerate(lines) if line.startswith(first)]
    if not starts:
        raise LookupError(f"no line starts with {first!r}")
    start, end = starts[0], len(lines)
    if last is not None:
        ending = [i for i, line in enumerate(lines) if i > start and line.startswith(last)]
        if not ending:
            raise LookupError(f"no line after {first!r} starts with {last!r}")
        end = ending[0]
    shown = "\n".join(lines[start:end]).rstrip().splitlines()
    return "\n".join([*(["…"] if start else []), *shown, *(["…"] if any(lines[end:]) else [])])

"""Writes real outputs into the pages that show commands; needs MNIST (docs/data.md).

    python docs/transcripts.py

Runs the commands of every ``console`` block of the pages in order, in one temporary folder per page,
and replaces what stands below them. A ``text`` block with an excerpt comment shows another part of
the output of the command before it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from blocks import DOCS, blocks, excerpt, readers_environment, run

PAGES = (DOCS / "tutorial.md",)


def transcribe(page: Path) -> str:
    """The page with the outputs of its commands."""
    text = page.read_text(encoding="utf-8")
    new: list[str] = []
    position, output = 0, ""
    with tempfile.TemporaryDirectory() as folder, readers_environment() as environment:
        for block in blocks(page):
            shown: list[str] = []
            for command in block.commands:
                done = run(command, Path(folder), environment)
                if done.returncode:
                    raise SystemExit(f"{block.page}:{block.line}: {command}\n{done.stderr}")
                output = done.stdout
                if block.language == "console":
                    shown += [f"$ {command}", *excerpt(output, block.excerpt).splitlines()]
            if block.language == "text" and block.excerpt:
                shown = excerpt(output, block.excerpt).splitlines()
            if shown:
                new += [text[position : block.start], "\n".join(shown) + "\n"]
                position = block.end
            if block.language == "toml" and (name := _file_of(block.text)):
                Path(folder, name).write_text(block.text, encoding="utf-8")
    return "".join(new) + text[position:]


def _file_of(text: str) -> str | None:
    """The name of the file that a block shows, from its first line ``# name.toml``."""
    first = text.splitlines()[0] if text else ""
    return first[2:].strip() if first.startswith("# ") and first.endswith(".toml") else None


def main() -> int:
    for page in PAGES:
        page.write_text(transcribe(page), encoding="utf-8")
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

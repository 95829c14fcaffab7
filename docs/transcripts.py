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

from blocks import DOCS, excerpt, readers_environment, walk

PAGES = (DOCS / "tutorial.md",)


def transcribe(page: Path) -> str:
    """The page with the outputs of its commands."""
    text = page.read_text(encoding="utf-8")
    new: list[str] = []
    position, output = 0, ""
    with tempfile.TemporaryDirectory() as folder, readers_environment() as environment:
        for block, commands in walk(page, Path(folder), environment, {None, "mnist"}):
            shown: list[str] = []
            for command, done in commands:
                if done.returncode:
                    raise SystemExit(f"{block.page}:{block.line}: {command}\n{done.stderr}")
                output = done.stdout
                shown += [f"$ {command}", *excerpt(output, block.excerpt).splitlines()]
            if block.language == "text" and block.excerpt:
                shown = excerpt(output, block.excerpt).splitlines()
            if block.language in ("console", "text") and shown:
                new += [text[position : block.start], "\n".join(shown) + "\n"]
                position = block.end
    return "".join(new) + text[position:]


def main() -> int:
    for page in PAGES:
        page.write_text(transcribe(page), encoding="utf-8")
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

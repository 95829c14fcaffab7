"""Writes real outputs into the pages that show commands; needs MNIST (docs/data.md) and Keras.

    python docs/transcripts.py            in a temporary folder
    python docs/transcripts.py FOLDER     in that one, which must be empty, and keep what was made

Runs the commands of every ``console`` block of the tutorial in order, in one folder, and replaces what
stands below them. A ``text`` block with an excerpt comment shows another part of
the output of the command before it.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from blocks import DOCS, excerpt, readers_environment, walk

PAGE = DOCS / "tutorial.md"


def transcribe(page: Path, folder: Path) -> str:
    """The page with the outputs of its commands."""
    text = page.read_text(encoding="utf-8")
    new: list[str] = []
    position, output = 0, ""
    with readers_environment() as environment:
        for block, commands in walk(page, folder, environment, {"mnist", "keras"}):
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


def main(arguments: list[str]) -> int:
    with contextlib.ExitStack() as stack:
        folder = Path(
            arguments[0] if arguments else stack.enter_context(tempfile.TemporaryDirectory())
        ).resolve()
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"{folder}: must be empty, so that nothing is reused")
        PAGE.write_text(transcribe(PAGE, folder), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

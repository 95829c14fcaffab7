"""Makes docs/images/terminal.svg: what `bakeoff run` prints on a terminal, from a real run.

    python docs/terminal.py

The command runs in a temporary folder behind a pseudo-terminal, so the colours are its own.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 100
TARGET = Path(__file__).parent / "images" / "terminal.svg"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def transcript(arguments: list[str]) -> str:
    """Standard output of the command on a terminal, escape codes included, then its last message."""
    environment = {
        **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
        "COLUMNS": str(WIDTH),
        "LINES": "50",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    ours, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as folder, Path(folder, "messages").open("w+") as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "bakeoff", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=messages,
        )
        os.close(theirs)
        chunks = []
        while chunk := _read(ours):
            chunks.append(chunk)
        os.close(ours)
        code = process.wait()
        messages.seek(0)
        said = messages.read().splitlines()
    if code:
        raise SystemExit("\n".join(said[-3:]) or f"the command ended with {code}")
    return b"".join(chunks).decode().replace("\r\n", "\n") + said[-1] + "\n"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux says EIO where the other end was closed
        return b""


def picture(command: str, text: str) -> str:
    """The terminal as SVG, with the reader's own monospaced font and nothing to download."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    for line in Text.from_ansi(text).split("\n"):
        line.rstrip()
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="bakeoff", theme=MONOKAI, unique_id="terminal")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    svg = picture("bakeoff run", transcript(["run"]))
    TARGET.write_text(svg, encoding="utf-8")
    print(f"{TARGET}: {len(svg.encode()):,} bytes")


if __name__ == "__main__":
    main()

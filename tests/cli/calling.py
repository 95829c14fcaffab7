"""Runs the real command line in a process of its own, as a user does."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """A quiet environment: no colours asked for, a fixed width, no terminal program."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "COLUMNS": "100", "PYTHONWARNINGS": "error", **more}


def bakeoff(*arguments: str, folder: Path, timeout: float = 120, **more: str) -> Done:
    """Runs ``bakeoff`` with arguments in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def on_a_terminal(
    arguments: Sequence[str],
    folder: Path,
    *,
    columns: int,
    rows: int = 50,
    seen: Callable[[subprocess.Popen[bytes], bytes], None] = lambda process, part: None,
    **more: str,
) -> tuple[int, bytes]:
    """Exit code of ``bakeoff`` and all bytes that reach a terminal; ``seen`` gets each part of them."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", *arguments],
        cwd=folder,
        env={**environment(**{"TERM": "xterm-256color", **more}), "COLUMNS": str(columns)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
        start_new_session=True,
    )
    os.close(theirs)
    received = bytearray()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux says EIO where the other end was closed
            break
        if not part:
            break
        received += part
        seen(process, part)
    os.close(ours)
    return process.wait(timeout=30), bytes(received)


SMALL_STUDY = """\
format = 1
name = "small"
data = "digits"
looks = [3]
final_replicates = 2
audit = false

[base]
scale = "unit"
hidden = [8]
learning_rate = 0.1
epochs = 2

[[stage]]
name = "width"
question = "How wide?"
vary.hidden = [[8], [24]]
"""

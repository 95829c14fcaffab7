"""Calls the command line: in this process, or in one of its own as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from bakeoff.cli import main
from bakeoff.stop import SIGNALS


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


def bakeoff(*arguments: str, folder: Path, **more: str) -> Done:
    """Calls ``bakeoff`` with arguments in a folder, in this process: a new one imports for seconds.

    What it leaves to the process is put back: folder, environment, streams and signals.
    """
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, environment(**more), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main(list(arguments))
    except SystemExit as end:
        assert isinstance(end.code, int)
        return Done(end.code, out.getvalue(), err.getvalue())
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def bakeoff_process(*arguments: str, folder: Path, timeout: float = 120, **more: str) -> Done:
    """Runs ``bakeoff`` as a program: where it matters what it imports, prints anywhere, or leaves."""
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

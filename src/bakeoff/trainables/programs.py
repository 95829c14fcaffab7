"""Runs a program to its end: its output bounded, and ended with all it started; knows no metrics."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TAIL_BYTES = 4_096
"""How much of the end of what a program prints is kept."""

MAX_OUTPUT_BYTES = 16 * 2**20
"""More on standard output is a mistake: the program is ended."""

MAX_LINE_BYTES = 1 << 16
"""Of a longer line, the beginning."""

POLL_SECONDS = 0.05
TERMINATE_SECONDS = 0.5
"""How long a program that is asked to end may take for it."""

_PR_SET_CHILD_SUBREAPER = 36
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_adopts = False


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; negative, the signal that ended it.
        why: it was ended because it printed too much, or because it was asked to.
        stdout, stderr: the end of both, without escape sequences.
    """

    code: int
    why: Literal["output", "cancelled"] | None
    stdout: str
    stderr: str

    def __str__(self) -> str:
        if self.code < 0:
            return f"ended by {signal_name(-self.code)}"
        return f"ended with exit code {self.code}"


def run_program(
    arguments: Sequence[str] | str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> Ended:
    """Runs a program; whatever it leaves behind is ended with it where it runs in a worker.

    Args:
        arguments: words, or one text for a shell.
        folder: where it runs.
        environment: all of it.
        on_line: called with every line of standard output.
        cancelled: asked often.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603
        arguments,
        shell=isinstance(arguments, str),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101  (asked for)
    lines = _Lines(on_line)
    errors = bytearray()
    why: Literal["output", "cancelled"] | None = None
    try:
        with selectors.DefaultSelector() as selector, process.stdout, process.stderr:
            for pipe in (process.stdout, process.stderr):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            ended = False
            while not ended:
                # What it printed before it ended is in the pipes by then: one more round.
                ended = process.poll() is not None
                for key, _ in selector.select(0 if ended else POLL_SECONDS):
                    content = _available(key.fd)
                    if not content:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stdout:
                        lines.take(content)
                    else:
                        errors += content
                        del errors[:-TAIL_BYTES]
                if not selector.get_map():  # it closed both: only its end is left to wait for
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_SECONDS)
                if lines.total > MAX_OUTPUT_BYTES:
                    why = "output"
                elif cancelled():
                    why = "cancelled"
                if why is not None:
                    break
        lines.end()
    finally:
        _end(process)
    return Ended(process.returncode, why, plain_text(bytes(lines.tail)), plain_text(bytes(errors)))


def _available(descriptor: int) -> bytes:
    """What a pipe holds, at most 4 MiB; empty at its end."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        for _ in range(64):
            parts.append(os.read(descriptor, 1 << 16))
            if not parts[-1]:
                break
    return b"".join(parts)


class _Lines:
    """Standard output, line by line; a carriage return ends a line too, as progress bars print it."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._open = b""
        self.tail = bytearray()
        self.total = 0

    def take(self, content: bytes) -> None:
        self.total += len(content)
        self.tail += content[-TAIL_BYTES:]
        del self.tail[:-TAIL_BYTES]
        *lines, rest = (self._open + content).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._tell(line)
        self._open = rest[:MAX_LINE_BYTES]

    def end(self) -> None:
        self._tell(self._open)

    def _tell(self, line: bytes) -> None:
        if line:
            self._on_line(plain_text(line[:MAX_LINE_BYTES]))


def plain_text(content: bytes) -> str:
    """Text without escape sequences and the blanks around it."""
    return _ESCAPES.sub("", content.decode(errors="replace")).strip()


def signal_name(number: int) -> str:
    """``SIGSEGV (segmentation fault)``; of SIGKILL what it mostly means."""
    if number not in signal.valid_signals():
        return f"signal {number}"
    meaning = (signal.strsignal(number) or "").lower()
    if number == signal.SIGKILL:
        meaning = "as the system does when memory runs out"
    return f"{signal.Signals(number).name} ({meaning})"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that still runs, first kindly, and what it left."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TERMINATE_SECONDS)
    for one in () if process.returncode is not None else descendants(process.pid):
        with contextlib.suppress(OSError):
            os.kill(one, signal.SIGKILL)
    process.kill()
    process.wait()
    if _adopts:
        end_children()


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind (Linux only).

    Only what is a descendant can be found and ended with a run; a daemon is none otherwise.
    """
    global _adopts
    if sys.platform == "linux":
        _adopts = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def end_children() -> None:
    """Ends everything that this process started and has not ended yet; Linux only."""
    for _ in range(100):  # what starts others while it is being killed needs another round
        found = descendants(os.getpid())
        if not found:
            return
        for one in found:
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)


def descendants(process: int) -> list[int]:
    """Processes that a process started, and they, whatever sessions they made; Linux only."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:
        return []
    return [one for child in children for one in (child, *descendants(child))]

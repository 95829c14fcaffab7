"""Signals at random moments of whole commands: ``python -m tests.interruptions --cases N --seed S``.

SIGINT, SIGTERM or SIGHUP comes at a random moment of ``bakeoff run digits``: into imports, start,
training, report or exit, in a pipe or on a terminal. Fine is: exit code 130, or 0 where everything was
done; no traceback, no abort, a terminal as it was, no half-written file; and the same command, run again
until it ends, gives what an undisturbed one gives, byte for byte but for times.

A signal that comes before Python has given bakeoff a chance to hear it (or after it has taken that
away again) ends the process by itself; such cases are counted apart.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
HANG_SECONDS = 60.0
SHOW_CURSOR, HIDE_CURSOR = b"\x1b[?25h", b"\x1b[?25l"
CAUGHT_FROM = 1 << (signal.SIGTERM - 1)  # the bit of SIGTERM in a mask of /proc


@dataclass(slots=True)
class Summary:
    """What became of the signals.

    Attributes:
        outcomes: how often each ending came.
        problems: one sentence each.
        finished: studies that came to their end and were compared with the undisturbed one.
        slowest: longest time from a signal to the end of its process, in seconds.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    finished: int = 0
    slowest: float = 0.0

    def text(self, seed: int) -> str:
        """One line, and one more for each problem."""
        counts = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        head = (
            f"interruptions: {sum(self.outcomes.values()):,} signals, seed {seed}: {counts}; "
            f"{self.finished} studies resumed to their end, {len(self.problems)} problems; "
            f"{self.slowest:.2f} s at most from signal to end"
        )
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended.

    Attributes:
        code: of its exit; minus the number of the signal that ended it.
        output: what it wrote, both streams.
        sent: whether the signal came before its end.
        heard: whether bakeoff's handlers were there when the signal was sent.
        seconds: from the signal to the end.
        lasted: from its start to its end.
    """

    code: int
    output: bytes
    sent: bool
    heard: bool
    seconds: float
    lasted: float


def run(
    folder: Path, *, how: signal.Signals | None = None, moment: float = 0.0, tty: bool = False
) -> Ended | None:
    """Runs the study in a folder; None if it hangs.

    Args:
        how: the signal that is sent.
        moment: when, in seconds after the start.
        tty: whether both streams are a terminal.
    """
    command = [sys.executable, "-m", "bakeoff", "run", "digits", "--store", "a.sqlite"]
    command += ["--json", "result.json", "--report", "page.html", "--model", "model.safetensors"]
    ours, theirs = pty.openpty() if tty else os.pipe()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=theirs if tty else subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output = bytearray()
    began, sent, heard = time.monotonic(), 0.0, True
    with selectors.DefaultSelector() as ready:
        ready.register(ours, selectors.EVENT_READ)
        while True:
            now = time.monotonic() - began
            if how is not None and not sent and now >= moment:
                sent = time.monotonic()
                heard = _hears(process.pid)
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(how)
            if now > moment + 10 * HANG_SECONDS or (sent and now > moment + HANG_SECONDS):
                process.kill()
                process.wait()
                os.close(ours)
                return None
            wait = 0.2 if sent or how is None else max(0.0, min(0.2, moment - now))
            if ready.select(wait):
                try:
                    chunk = os.read(ours, 1 << 16)
                except OSError:  # the other end of a terminal was closed
                    chunk = b""
                if not chunk:
                    break
                output += chunk
    code = process.wait(HANG_SECONDS)
    os.close(ours)
    end = time.monotonic()
    return Ended(code, bytes(output), sent > 0, heard, end - sent if sent else 0.0, end - began)


def _hears(pid: int) -> bool:
    """Whether a process has handlers for the signals."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    masks = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(masks) and bool(int(masks[0], 16) & CAUGHT_FROM)


def without_times(text: str) -> Any:
    """A result document but for its times."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            times = ("seconds", "train_seconds")
            return {key: strip(value) for key, value in node.items() if key not in times}
        return [strip(value) for value in node] if isinstance(node, list) else node

    return strip(json.loads(text))


def _problems(ended: Ended | None, folder: Path, tty: bool) -> list[str]:
    """What is wrong after a signal, one sentence each."""
    if ended is None:
        return [f"hangs ({HANG_SECONDS:.0f} s)"]
    found = []
    if ended.code not in (INTERRUPTED, 0) and ended.heard:
        found.append(f"ends with {ended.code}")
    if b"Traceback" in ended.output and ended.heard:
        found.append("prints a traceback")
    if b"terminate called" in ended.output:
        found.append("aborts")
    if tty and ended.output.rfind(HIDE_CURSOR) > ended.output.rfind(SHOW_CURSOR) and ended.heard:
        found.append("leaves the cursor hidden")
    result, page = folder / "result.json", folder / "page.html"
    if result.exists():
        try:
            json.loads(result.read_text())
        except ValueError:
            found.append("leaves a torn result.json")
    if page.exists() and not page.read_text().rstrip().endswith("</html>"):
        found.append("leaves a torn page")
    return [f"{text}: {ended.output[-400:].decode(errors='replace')!r}" for text in found]


def _ending(ended: Ended) -> str:
    if not ended.sent:
        return "too late"
    code = f"exit code {ended.code}" if ended.code >= 0 else signal.Signals(-ended.code).name
    return code if ended.heard else f"{code} while bakeoff could not hear"


def interrupt(cases: int, seed: int, folder: Path) -> Summary:
    """Sends so many signals; a study is resumed until it ends, then another begins."""
    rng = random.Random(seed)
    summary = Summary()
    plain = folder / "undisturbed"
    plain.mkdir()
    began = time.monotonic()
    undisturbed = run(plain)
    duration = time.monotonic() - began
    assert undisturbed is not None and undisturbed.code == 0, undisturbed
    wanted = without_times((plain / "result.json").read_text())
    place, number, tries = _next(folder, 0), 0, 0
    case = 0
    while case < cases:
        how, tty = rng.choice(SIGNALS), rng.random() < 0.5
        # Everywhere; among the imports and the start; towards the end, with report and exit.
        low, high = rng.choice([(0.0, 1.1), (0.0, 0.3), (0.6, 1.1)])
        moment = duration * rng.uniform(low, high)
        if tries >= 8:  # let it come to its end
            how, moment = signal.SIGINT, 4 * duration
        ended = run(place, how=how, moment=moment, tty=tty)
        tries += 1
        case += ended is None or ended.sent  # one that came too late is none
        where = f"case {case} ({how.name} after {moment:.2f} of {duration:.2f} s, {'terminal' if tty else 'pipe'})"
        summary.problems += [f"{where}: {text}" for text in _problems(ended, place, tty)]
        if ended is None:
            summary.outcomes["hung"] += 1
            place, number, tries = _next(folder, number + 1), number + 1, 0
            continue
        summary.slowest = max(summary.slowest, ended.seconds if ended.heard else 0.0)
        summary.outcomes[_ending(ended)] += 1
        if ended.code == 0:
            if not ended.sent:  # the machine has become faster, or little was left to do
                duration = max(0.5, 0.5 * (duration + ended.lasted))
            elif tries == 1:
                duration = max(duration, ended.lasted)
            if without_times((place / "result.json").read_text()) != wanted:
                summary.problems.append(f"{where}: ends with another result than undisturbed")
            summary.finished += 1
            place, number, tries = _next(folder, number + 1), number + 1, 0
    return summary


def _next(folder: Path, number: int) -> Path:
    place = folder / f"study{number}"
    place.mkdir()
    return place


def main() -> int:
    """The exit code is 1 if a case was not fine."""
    parser = argparse.ArgumentParser(prog="python -m tests.interruptions", description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bakeoff-interruptions-") as folder:
        summary = interrupt(given.cases, given.seed, Path(folder))
    sys.stdout.write(f"{summary.text(given.seed)}\n")
    return 1 if summary.problems else 0


if __name__ == "__main__":
    sys.exit(main())

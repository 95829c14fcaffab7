"""What a run looks like, kept as golden files: in a pipe, on a terminal, without colours, narrow.

Written anew by ``python tests/cli/test_transcripts.py``; look at the difference before committing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pyte
import pytest
from calling import SMALL_STUDY, environment, on_a_terminal

GOLDEN = Path(__file__).parent / "transcripts"
COMMAND = ["run", "small.toml", "--engine", "reference", "--workers", "1"]
MOST_LIVE_ROWS = 8

# Wall times are the only thing that differs between machines; the reference engine computes in
# float64, so the printed digits do not.
TIMES = re.compile(r"\d[\d.,]* (ms|s|min|h)\b")


def settled(text: str) -> str:
    """The transcript without wall times."""
    return TIMES.sub("# s", text).rstrip() + "\n"


def through_a_pipe(folder: Path, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", *COMMAND],
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def terminal(folder: Path, columns: int, **more: str) -> bytes:
    """All bytes of the command that reach a terminal of that width."""
    code, received = on_a_terminal(COMMAND, folder, columns=columns, rows=40, **more)
    assert code == 0, received.decode(errors="replace")
    return received


def screen_after(received: bytes, columns: int) -> str:
    """What stands on the terminal at the end, as text."""
    screen = pyte.Screen(columns, 60)
    pyte.ByteStream(screen).feed(received)
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def transcript(name: str, folder: Path) -> str:
    """One of the golden situations."""
    if name == "pipe":
        return through_a_pipe(folder)
    if name == "narrow-pipe":
        return through_a_pipe(folder, COLUMNS="60")
    if name == "terminal":
        return screen_after(terminal(folder, 100), 100)
    if name == "narrow-terminal":
        return screen_after(terminal(folder, 60), 60)
    if name == "no-color":
        return screen_after(terminal(folder, 100, NO_COLOR="1"), 100)
    return screen_after(terminal(folder, 100, TERM="dumb"), 100)


SITUATIONS = ["pipe", "narrow-pipe", "terminal", "narrow-terminal", "no-color", "dumb"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(SMALL_STUDY)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_run_looks_as_its_golden_transcript(folder: Path, name: str) -> None:
    assert settled(transcript(name, folder)) == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.slow
def test_no_color_and_dumb_terminals_get_no_colours(folder: Path) -> None:
    colour = re.compile(rb"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert colour.search(terminal(folder, 100))
    (folder / "bakeoff.sqlite").unlink()
    assert not colour.search(terminal(folder, 100, NO_COLOR="1"))
    (folder / "bakeoff.sqlite").unlink()
    assert b"\x1b" not in terminal(folder, 100, TERM="dumb")


@pytest.mark.slow
def test_the_live_part_never_has_more_than_eight_rows(folder: Path) -> None:
    """A frame is redrawn by moving up line by line; the longest way up is its height minus one."""
    received = terminal(folder, 100)
    ways_up = re.findall(rb"(?:\x1b\[1A(?:\x1b\[2K)?)+", received)
    assert ways_up
    assert max(way.count(b"\x1b[1A") for way in ways_up) <= MOST_LIVE_ROWS


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for situation in SITUATIONS:
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary)
            (place / "small.toml").write_text(SMALL_STUDY)
            (GOLDEN / f"{situation}.txt").write_text(settled(transcript(situation, place)))

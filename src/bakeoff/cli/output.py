"""Where output goes: results to standard output, messages and progress to standard error."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from bakeoff.errors import BakeoffError, SpecError, UsageError
from bakeoff.files import write_whole
from bakeoff.words import visible

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int | None, str], None]

PIPE_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Style:
    """How the user wants to be spoken to.

    Attributes:
        quiet: results only, no progress.
        plain: no live rows and no colours, as in a pipe.
        no_color: live rows, but no colours.
    """

    quiet: bool = False
    plain: bool = False
    no_color: bool = False

    @property
    def colourless(self) -> bool:
        return self.plain or self.no_color or bool(os.environ.get("NO_COLOR"))


class _Trimmed(io.TextIOBase):
    """A stream on which no line ends in blanks, so that files and diffs stay clean.

    Where its reader goes away, as ``| head`` does, the command goes on without: what it writes to files
    is wanted all the same. (Rich would end the program.)
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._read_by_nobody():
            self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        if not self._stream.closed:  # when this is collected, the stream may be gone already
            with self._read_by_nobody():
                self._stream.flush()

    @contextmanager
    def _read_by_nobody(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@cache
def _console_class() -> type[Console]:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Visible(Console):
        """Whatever is printed, nothing but Rich's own codes steers the terminal.

        Foreign text is made visible where it is laid out (``tables.shown``), as only there its width
        is known; this is the guard behind it.
        """

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control or segment.text.isprintable() or segment.text == "\n":
                    yield segment
                else:
                    lines = segment.text.split("\n")
                    yield Segment("\n".join(map(visible, lines)), segment.style)

    return Visible


def _console(style: Style, *, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    terminal = _is_terminal(stream, style)
    return _console_class()(
        file=stream if terminal else cast(IO[str], _Trimmed(stream)),
        force_terminal=terminal,
        no_color=style.colourless,
        color_system="auto" if terminal and not style.colourless else None,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if stream.isatty() else shutil.get_terminal_size((PIPE_WIDTH, 24)).columns,
    )


def _is_terminal(stream: TextIO, style: Style) -> bool:
    """Whether colours and live rows can be drawn there."""
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown")
    return stream.isatty() and not style.plain and not dumb


def result_console(style: Style) -> Console:
    """Standard output."""
    return _console(style, stderr=False)


def message_console(style: Style) -> Console:
    """Standard error."""
    return _console(style, stderr=True)


def write_message(line: str) -> None:
    """One line of text on standard error, as ``message_console`` would print it off a terminal."""
    stream = _Trimmed(sys.stderr)
    stream.write(f"{line}\n")
    stream.flush()


def is_live(style: Style) -> bool:
    """Whether live rows can be drawn on standard error."""
    return _is_terminal(sys.stderr, style) and not style.quiet


@contextmanager
def download_bar(style: Style) -> Iterator[Progress | None]:
    """Gives what ``load_named`` calls with (done_bytes, total_bytes, name), or None off a terminal."""
    if not is_live(style):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=message_console(style),
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def progress(done: int, total: int | None, name: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield progress


def show_error(error: BakeoffError) -> None:
    """One line per mistake on standard error."""
    lines = error.lines() if isinstance(error, SpecError) else str(error).splitlines() or [""]
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def write_text(path: str, text: str) -> None:
    """Writes to a file (see ``write_whole``), or to standard output for ``-``."""
    if path == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_whole(path, text)


def new_file(path: str | Path, *, force: bool) -> Path:
    """Where a command writes a file that the user will edit: nothing of theirs is replaced.

    Raises:
        UsageError: something is there already, and ``force`` is off.
    """
    file = Path(path)
    if file.exists() and not force:
        raise UsageError(f"{path}: is there already; give another name, or --force")
    return file

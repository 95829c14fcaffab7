"""Every way bakeoff says no; knows words and nothing else of the package.

The tree, with the exit code that the command line gives each branch::

    BakeoffError
    ├── UsageError             2   wrong words on the command line or in a call
    │   └── SpecError          2   a study file or settings that break a rule; carries all mistakes
    ├── EngineError            2   an engine that cannot do what the settings ask
    ├── DataError              3   data that is missing, damaged or unusable
    │   ├── DownloadError      3   no network, a server that fails, a wrong checksum
    │   └── StoreError         3   a results store that cannot be opened, read or written
    │       ├── StoreLockedError   another process is writing to it
    │       ├── StoreVersionError  made by a newer bakeoff
    │       ├── NotStoredError     no such study or run in it
    │       └── StoreFullError     the disk is full; what was finished is kept
    ├── RunsFailedError        4   so many runs failed that no verdict was possible
    ├── LintError              4   ``--strict`` and at least one lint finding of level "error"
    ├── GateError              5   ``ab --gate`` and evidence that does not pass it
    └── Interrupted          130   Ctrl-C or SIGTERM; everything finished is kept

A message is one line: where, which rule, what was found, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.words import visible


def _shortened(line: str) -> str:
    """Place and rule stand at a message's beginning, the remedy at its end."""
    return line if len(line) <= 2000 else f"{line[:1000]} … {line[-600:]}"


class BakeoffError(Exception):
    """Base of every error that bakeoff raises on purpose.

    Its message is safe to print, whatever names and contents of files it quotes: see ``words.visible``,
    and a line of thousands of characters is shortened in its middle.

    Args:
        lines: of the message; usually one.

    Attributes:
        exit_code: what the command line returns for it.
    """

    exit_code: int = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(_shortened(visible(line)) for line in lines))


class UsageError(BakeoffError):
    """Wrong words on the command line, or a call with arguments that make no sense."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """One broken rule in a study file.

    Attributes:
        path: key path such as ``stage[1].vary.activation``; empty for the file as a whole.
        message: rule, value found, and what to do, in one line.
        line: 1-based line in the file, where it is known.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SpecError(UsageError):
    """A study file, a dict or settings that break one or more rules.

    Attributes:
        source: the file's name, or what stands for it (``"Study(...)"``).
        mistakes: all mistakes found, in the order of the file.
    """

    def __init__(self, source: str, mistakes: tuple[Mistake, ...] | list[Mistake]) -> None:
        self.source = source
        self.mistakes = tuple(mistakes)
        super().__init__(*self.lines())

    def lines(self) -> list[str]:
        """One line per mistake, each with file, place and message."""
        lines = []
        for mistake in self.mistakes:
            place = self.source
            if mistake.line is not None:
                place += f":{mistake.line}"
            lines.append(visible(f"{place}: {mistake}"))
        return lines


class EngineError(BakeoffError):
    """An engine that cannot do what the settings ask, or that is not there."""

    exit_code = 2


class DataError(BakeoffError):
    """Data that is missing, damaged or unusable."""

    exit_code = 3


class DownloadError(DataError):
    """A dataset could not be fetched: no network, a failing server or a wrong checksum."""


class StoreError(DataError):
    """A results store that cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another process is writing to the store."""


class StoreVersionError(StoreError):
    """The store was made by a newer bakeoff."""


class NotStoredError(StoreError):
    """The store has no study, or no run, of that name."""


class StoreFullError(StoreError):
    """The disk (or the file's size limit) is full; every finished run before it is kept."""


class RunsFailedError(BakeoffError):
    """So many runs failed that no verdict was possible."""

    exit_code = 4


class LintError(BakeoffError):
    """``--strict`` was given and the lint found at least one error."""

    exit_code = 4


class GateError(BakeoffError):
    """The evidence of ``bakeoff ab --gate`` does not pass the gate."""

    exit_code = 5


class Interrupted(BakeoffError):  # noqa: N818  (an ending, not an error)
    """Ctrl-C or SIGTERM ended the study early; everything finished is kept."""

    exit_code = 130


def first_line(error: BaseException) -> str:
    """Of what a library's error says; the name of its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__

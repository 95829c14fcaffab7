"""The command line: arguments → study API → print; the one place where errors become exit codes.

The commands themselves are imported when one is called for.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from types import FrameType
from typing import Any, NoReturn

from bakeoff.errors import BakeoffError, Interrupted
from bakeoff.stop import SIGNALS

SHOW_CURSOR = b"\x1b[?25h"


def _end_now(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Ends the process where it is: outside a study, or at the second signal inside one.

    Nothing that is kept can be lost by it: the store and every file survive a kill at any moment.
    An exception could be dropped by an import or a compiled function, or leave threads behind.
    """
    if os.isatty(2):
        os.write(2, SHOW_CURSOR + b"\r\n")
    os.write(2, b"interrupted\n")
    os._exit(Interrupted.exit_code)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with its code.

    Args:
        arguments: without the program's name; ``sys.argv`` by default.
    """
    # SIGTERM and a hang-up end a command as Ctrl-C does; while a study runs, the first of them only
    # sets its flag (``stop.Stop``).
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_now)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(words)
    except BakeoffError as error:
        if "--debug" in words:
            raise
        from bakeoff.cli.output import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # a usage error of the parser
            error.show()
            sys.exit(int(error.exit_code))
        raise
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(message: Warning | str, *_where: object) -> str:
    """A warning without the place in somebody's code that it came from."""
    from bakeoff.words import visible

    return f"{visible(str(message))}\n"


def _run(words: list[str]) -> object:
    """Finds the command and runs it; its return value or exit code."""
    import typer

    from bakeoff.cli.commands import app

    warnings.formatwarning = _one_line  # type: ignore[assignment]
    command: Any = typer.main.get_command(app)
    try:
        return command.main(args=words, prog_name="bakeoff", standalone_mode=False)
    except typer.Abort:
        sys.exit(Interrupted.exit_code)

"""The command line: arguments → study API → print; the one place where errors become exit codes.

The commands themselves are imported when one is called for.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from bakeoff.errors import BakeoffError, Interrupted
from bakeoff.interruption import Interruption

if TYPE_CHECKING:
    from bakeoff.cli.commands import app as app

interruption = Interruption()
"""Whether Ctrl-C or SIGTERM came. Imports, and compiled code that they run, may drop the exception
that either raises, so whoever begins a study asks again."""


def __getattr__(name: str) -> Any:
    if name == "app":
        from bakeoff.cli.commands import app

        return app
    raise AttributeError(f"module 'bakeoff.cli' has no attribute {name!r}")


def _first_interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, _second_interrupt)
    signal.signal(signal.SIGTERM, _second_interrupt)
    interruption.came = True
    raise KeyboardInterrupt


def _second_interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    os._exit(Interrupted.exit_code)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with its code.

    Args:
        arguments: without the program's name; ``sys.argv`` by default.
    """
    words = sys.argv[1:] if arguments is None else arguments
    interruption.came = False
    # SIGTERM ends a study as Ctrl-C does: nothing finished is lost.
    signal.signal(signal.SIGINT, _first_interrupt)
    signal.signal(signal.SIGTERM, _first_interrupt)
    try:
        code = _run(words)
    except BakeoffError as error:
        if "--debug" in words:
            raise
        from bakeoff.cli.output import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(Interrupted.exit_code)
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


def _run(words: list[str]) -> object:
    """Finds the command and runs it; its return value or exit code."""
    import typer

    from bakeoff.cli.commands import app

    command: Any = typer.main.get_command(app)
    try:
        return command.main(args=words, prog_name="bakeoff", standalone_mode=False)
    except typer.Abort:
        sys.exit(Interrupted.exit_code)

"""The command line: arguments → study API → print; the one place where errors become exit codes.

Nothing heavy is imported here or in the modules of the commands: ``bakeoff --help`` must be quick.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from bakeoff import __version__
from bakeoff.cli import data, models, reading, running, store
from bakeoff.cli.output import show_error
from bakeoff.errors import BakeoffError, Interrupted

EPILOG = (
    "Exit codes: 0 done, 2 wrong words or study file, 3 data or store, 4 runs failed or --strict "
    "found an error, 130 interrupted."
)

app = typer.Typer(
    name="bakeoff",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bakeoff {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Find out which choices about a neural network really matter on your data.

    Examples:

      bakeoff run                          the embedded digits study, in seconds

      bakeoff run mnist --report r.html    a built-in study on MNIST

      bakeoff check my-study.toml          the plan and its cost; nothing is trained

      bakeoff init my-study.toml           a commented study file to start from
    """
    del version, debug


for module in (running, reading, models):
    module.register(app)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")


def _first_interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, _second_interrupt)
    signal.signal(signal.SIGTERM, _second_interrupt)
    raise KeyboardInterrupt


def _second_interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    os._exit(Interrupted.exit_code)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits with its code.

    Args:
        arguments: without the program's name; ``sys.argv`` by default.
    """
    words = sys.argv[1:] if arguments is None else arguments
    # SIGTERM ends a study as Ctrl-C does: nothing finished is lost.
    signal.signal(signal.SIGINT, _first_interrupt)
    signal.signal(signal.SIGTERM, _first_interrupt)
    try:
        command: Any = typer.main.get_command(app)
        code = command.main(args=words, prog_name="bakeoff", standalone_mode=False)
    except BakeoffError as error:
        if "--debug" in words:
            raise
        show_error(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
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

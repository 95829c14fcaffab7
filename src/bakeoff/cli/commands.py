"""The tree of commands, with its words and options; knows nothing of processes and exit codes.

Nothing heavy is imported here or in the modules of the commands: ``bakeoff --help`` must be quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from bakeoff import __version__
from bakeoff.cli import data, models, reading, running, store

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

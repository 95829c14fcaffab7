"""``bakeoff store check|vacuum|merge``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="The results store: check, vacuum, merge.", no_args_is_help=True, rich_markup_mode=None
)

StorePath = Annotated[str, typer.Option("--store", help="Results store.")]


@app.command()
def check(store: StorePath = "bakeoff.sqlite") -> None:
    """Check that a store is sound.

    Example:

      bakeoff store check
    """
    from bakeoff.errors import StoreError
    from bakeoff.store.sqlite import Store

    with Store.open(store, write=False) as opened:
        problems = opened.check()
        num_studies = len(opened.studies())
    if problems:
        raise StoreError(*(f"{store}: {problem}" for problem in problems))
    typer.echo(f"{store}: sound, {num_studies} studies")


@app.command()
def vacuum(store: StorePath = "bakeoff.sqlite") -> None:
    """Give unused space of a store back.

    Example:

      bakeoff store vacuum
    """
    from pathlib import Path

    from bakeoff.store.sqlite import Store

    _must_exist(store)
    before = Path(store).stat().st_size
    with Store.open(store) as opened:
        opened.vacuum()
    typer.echo(f"{store}: {before:,} bytes before, {Path(store).stat().st_size:,} after")


@app.command()
def merge(
    other: Annotated[str, typer.Argument(help="The store whose runs are brought in.")],
    store: StorePath = "bakeoff.sqlite",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait while another process writes to the store.")
    ] = False,
) -> None:
    """Bring the runs and studies of another store into this one.

    Example:

      bakeoff store merge other.sqlite
    """
    from bakeoff.store.sqlite import Store

    _must_exist(store)
    with Store.open(store, wait=wait) as opened:
        report = opened.merge(other)
    typer.echo(
        f"{store}: {report.added} runs added, {report.already_there} were there, "
        f"{len(report.studies)} studies"
    )


def _must_exist(store: str) -> None:
    """A command that tends a store must not make one."""
    from pathlib import Path

    from bakeoff.errors import StoreError

    if not Path(store).exists():
        raise StoreError(f"{store}: there is no store; run a study first, or give its path")

"""``bakeoff store``: what looks after the file that studies are kept in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bakeoff import words
from bakeoff.cli import options
from bakeoff.cli.reading import StorePath
from bakeoff.errors import StoreError

app = typer.Typer(
    help="The results store: check, merge, vacuum; delete, rename, tag studies.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("check")
def check_store(store: StorePath = "bakeoff.sqlite") -> None:
    """Check that a store is sound.

    Example:

      bakeoff store check
    """
    from bakeoff.store.sqlite import Store

    with Store.open(store, write=False) as opened:
        problems = opened.check()
        num_studies = len(opened.studies())
    if problems:
        raise StoreError(*(f"{store}: {problem}" for problem in problems))
    typer.echo(f"{store}: sound, {words.plural(num_studies, 'study', 'studies')}")


@app.command("vacuum")
def vacuum_store(store: StorePath = "bakeoff.sqlite") -> None:
    """Give unused space of a store back.

    Example:

      bakeoff store vacuum
    """
    from bakeoff.store.sqlite import Store

    _must_exist(store)
    before = Path(store).stat().st_size
    with Store.open(store) as opened:
        opened.vacuum()
    typer.echo(f"{store}: {before:,} bytes before, {Path(store).stat().st_size:,} after")


@app.command("merge")
def merge_stores(
    other: Annotated[str, typer.Argument(help="The store whose runs are brought in.")],
    store: StorePath = "bakeoff.sqlite",
    wait: options.Wait = False,
) -> None:
    """Bring the runs and studies of another store into this one, or what is left of a damaged one.

    Example:

      bakeoff store merge other.sqlite
    """
    from bakeoff.store.sqlite import Store

    if not Path(other).exists():
        _must_exist(store)
    with Store.open(store, wait=wait) as opened:
        report = opened.merge(other)
    typer.echo(
        f"{store}: {report.added} runs added, {report.already_there} were there, "
        f"{len(report.studies)} studies"
        + (f"; {report.damaged} damaged runs or studies were left out" if report.damaged else "")
    )


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Name or number of a study.", autocompletion=options.stored
    ),
]


@app.command("delete")
def delete_study(study: StudyName, store: StorePath = "bakeoff.sqlite") -> None:
    """Take a study out of a store, with the runs that no other study asked for.

    That it opened its test part stays on record.

    Example:

      bakeoff store delete digits
    """
    from bakeoff.store.sqlite import Store

    _must_exist(store)
    with Store.open(store) as opened:
        count = opened.delete(study)
    typer.echo(f"{store}: {study} is gone, and {words.plural(count, 'run')} with it")


@app.command("rename")
def rename_study(
    study: StudyName,
    name: Annotated[str, typer.Argument(help="What it is called from now on.")],
    store: StorePath = "bakeoff.sqlite",
) -> None:
    """Give a study another name.

    Example:

      bakeoff store rename digits first-try
    """
    from bakeoff.store.sqlite import Store

    _must_exist(store)
    with Store.open(store) as opened:
        opened.rename(study, name)
    typer.echo(f"{store}: {study} is now called {name}")


@app.command("tag")
def tag_study(
    study: StudyName,
    tags: Annotated[list[str] | None, typer.Argument(help="What to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="What to take away.")
    ] = None,
    store: StorePath = "bakeoff.sqlite",
) -> None:
    """Tag a study, so that `bakeoff show --tag` finds it again.

    Example:

      bakeoff store tag digits paper draft
    """
    from bakeoff.store.sqlite import Store

    _must_exist(store)
    with Store.open(store) as opened:
        now = opened.tag(study, tags or (), remove or ())
    typer.echo(f"{store}: {study} is tagged {', '.join(now) or 'with nothing'}")


def _must_exist(store: str) -> None:
    """A command that looks after a store must not create one."""
    if not Path(store).exists():
        raise StoreError(f"{store}: there is no store; run a study first, or give its path")

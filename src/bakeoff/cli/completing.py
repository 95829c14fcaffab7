"""What the shell offers after Tab for a value: words of an option, studies and datasets by name.

It must be quick and never in the way: what cannot be read offers nothing. A name that the shell would
have to quote is not offered either: shells take what is offered as part of a program.
"""

from __future__ import annotations

import importlib.resources
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from bakeoff.errors import BakeoffError

ENDINGS = (".toml", ".csv", ".parquet")


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Offers the words that an option takes."""

    def offer(incomplete: str) -> list[str]:
        return _beginning(incomplete, words)

    return offer


def studies(incomplete: str) -> list[str]:
    """Built-in studies, and the files and folders here that could be one."""
    folder = importlib.resources.files("bakeoff.studies")
    names = [
        one.name.removesuffix(".toml") for one in folder.iterdir() if one.name != "template.toml"
    ]
    built_in = [name for name in sorted(names) if "." not in name and not name.startswith("_")]
    return _beginning(incomplete, [*built_in, *_files(incomplete)])


def stored(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the studies in the store that the command would read."""
    from bakeoff.store.sqlite import Store

    try:
        with Store.open(ctx.params.get("store") or "bakeoff.sqlite", write=False) as opened:
            names = [row.name for row in opened.studies()]
    except (BakeoffError, OSError):
        return []
    return _beginning(incomplete, dict.fromkeys(names))


def datasets(incomplete: str) -> list[str]:
    """Names of the built-in datasets."""
    from bakeoff.data.catalogue import CATALOGUE

    return _beginning(incomplete, CATALOGUE)


def _files(incomplete: str) -> list[str]:
    folder, slash, _ = incomplete.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    return [
        f"{folder}{slash}{one.name}{'/' if one.is_dir() else ''}"
        for one in found
        if not one.name.startswith(".") and (one.is_dir() or one.suffix in ENDINGS)
    ]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete) and shlex.quote(name) == name]

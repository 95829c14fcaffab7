"""Options that commands share, what is typed for them, and what the shell offers after Tab for a value.

Offering must be quick and never in the way: what cannot be read offers nothing. A name that the shell
would have to quote is not offered either: shells take what is offered as part of a program.
"""

from __future__ import annotations

import importlib.resources
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.errors import BakeoffError, UsageError

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


StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file, or digits, mnist, mnist-notebook; or a table of data.",
        autocompletion=studies,
    ),
]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Of a table: the column to predict.")
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="Of a table: classification or regression; else its guess.",
        autocompletion=one_of("classification", "regression"),
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Results only, no progress.")]
Plain = Annotated[bool, typer.Option("--plain", help="No live rows and no colours.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (as NO_COLOR=1).")]
Replicates = Annotated[
    int | None, typer.Option(min=1, help="At most this many replicates per candidate.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="auto, native or reference; else the study's own.",
        autocompletion=one_of("auto", "native", "reference"),
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="Where runs happen: threads, processes or ray; else what the model needs, here.",
        autocompletion=one_of("threads", "processes", "ray"),
    ),
]
Address = Annotated[
    str | None,
    typer.Option(help="Of a Ray cluster, with --on ray; else RAY_ADDRESS, else this machine."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Read the study as if it said so."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="As --set seed=…")]
Delta = Annotated[float | None, typer.Option(min=0.0, help="As --set delta=…")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 4 when the lint finds an error.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait while another process writes to the store.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
BudgetTime = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Ask for no more replicates that would not end in time: 90s, 10m, 1h30m.",
    ),
]
Log = Annotated[
    str | None,
    typer.Option(
        metavar="TOOL:PLACE",
        help="Write runs as they finish: mlflow:URI or tensorboard:FOLDER.",
        autocompletion=one_of("mlflow", "tensorboard"),
    ),
]


def overridden(overrides: list[str] | None, seed: int | None, delta: float | None) -> list[str]:
    """All keys that a command gives another value."""
    return [
        *(overrides or ()),
        *([] if seed is None else [f"seed={seed}"]),
        *([] if delta is None else [f"delta={delta!r}"]),
    ]


def seconds_of(text: str) -> float:
    """A time such as ``90s``, ``10m`` or ``1h30m``; a bare number counts seconds.

    Raises:
        UsageError: anything else.
    """
    found = re.fullmatch(
        r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip()
    )
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(part * size for part, size in zip(parts, (3600, 60, 1), strict=False))
    if not 0.0 < seconds < float("inf"):
        raise UsageError(f"--budget: must be a time such as 90s, 10m or 1h30m, but got {text!r}")
    return seconds

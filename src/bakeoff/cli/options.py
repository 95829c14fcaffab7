"""Options that commands share, and what is typed for them."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from bakeoff.cli import completing
from bakeoff.errors import UsageError

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file, or digits, mnist, mnist-notebook; or a table of data.",
        autocompletion=completing.studies,
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
        autocompletion=completing.one_of("classification", "regression"),
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
        autocompletion=completing.one_of("auto", "native", "reference"),
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="Where runs happen: threads, processes or ray; else what the model needs, here.",
        autocompletion=completing.one_of("threads", "processes", "ray"),
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
        autocompletion=completing.one_of("mlflow", "tensorboard"),
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

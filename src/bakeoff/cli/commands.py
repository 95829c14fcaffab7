"""The tree of commands, and those that look after an installation, its data and its stores.

Nothing heavy is imported here or in the modules of the commands: ``bakeoff --help`` must be quick.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bakeoff import __version__, words
from bakeoff.cli import ab, importing, reading, running, stores
from bakeoff.cli.options import Force, Target, TaskName, datasets
from bakeoff.cli.output import Style, download_bar, new_file
from bakeoff.files import write_whole

EPILOG = (
    "Exit codes: 0 done, 2 wrong words or study file, 3 data or store, 4 runs failed or --strict "
    "found an error, 5 gate not passed, 130 interrupted (Ctrl-C, SIGTERM, SIGHUP)."
)

app = typer.Typer(
    name="bakeoff",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)

data = typer.Typer(help="Datasets: list, get, info.", no_args_is_help=True, rich_markup_mode=None)


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


def init(
    path: Annotated[str, typer.Argument(help="The study file to make.")] = "study.toml",
    force: Force = False,
    data: Annotated[
        str | None, typer.Option(metavar="PATH", help="Data that the study shall be made for.")
    ] = None,
    target: Target = None,
    task: TaskName = None,
) -> None:
    """Write a study file to start from: a commented one, or one made for some data.

    Examples:

      bakeoff init my-study.toml

      bakeoff init churn.toml --data churn.csv --target churned
    """
    from bakeoff.spec import built_in_text

    file = new_file(path, force=force)
    if data is None:
        write_whole(file, built_in_text("template"))
    else:
        from bakeoff import suggest
        from bakeoff.spec import DataSpec
        from bakeoff.spec.document import study_to_toml

        study = suggest.study_for(data, target=target, task=task)
        lines = [f"# {words.visible(line)}".rstrip() for line in suggest.told(study.load_data())]
        beside = os.path.relpath(data, file.parent)
        spec = study.spec.model_copy(
            update={"data": study.spec.data.model_copy(update={"path": beside})}
            if isinstance(study.spec.data, DataSpec)
            else {}
        )
        write_whole(file, "\n".join(lines) + "\n\n" + study_to_toml(spec))
    shown = words.visible(shlex.quote(path))
    typer.echo(f"{shown} written. Next: bakeoff check {shown}")


def doctor() -> None:
    """Say what this installation can do: engine, instruction sets, cores, data, versions.

    Example:

      bakeoff doctor
    """
    import platform

    import numpy as np

    from bakeoff.data.catalogue import CATALOGUE, where
    from bakeoff.dense.trainable import available_instruction_sets, get_engine
    from bakeoff.execution.environment import cpu_name
    from bakeoff.executors.base import available_cores

    engine = get_engine("auto")
    rows = {
        "bakeoff": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "numpy": np.__version__,
        "processor": f"{cpu_name()}, {available_cores()} cores",
        "engine": engine.name,
        "instruction sets": ", ".join(available_instruction_sets()) or "none: no compiled kernel",
    }
    for name, value in rows.items():
        typer.echo(f"{name + ':':<20}{value}")
    for entry in CATALOGUE.values():
        typer.echo(f"{'data ' + entry.name + ':':<20}{where(entry)}")


@data.command("list")
def list_datasets() -> None:
    """List the built-in datasets and where each was found.

    Example:

      bakeoff data list
    """
    from bakeoff.data.catalogue import CATALOGUE, where

    for entry in CATALOGUE.values():
        size = f"{entry.num_train:,} + {entry.num_test:,} test"
        typer.echo(f"{entry.name:<16}{size:<24}{where(entry)}")


@data.command("get")
def get_dataset(
    name: Annotated[str, typer.Argument(help="A built-in dataset.", autocompletion=datasets)],
) -> None:
    """Download a dataset into the cache, verify it, and say where it is.

    Example:

      bakeoff data get digits
    """
    from bakeoff.data.named import get

    with download_bar(Style()) as progress:
        path = get(name, progress)
    typer.echo(str(path))


@data.command("info")
def describe_dataset(
    name: Annotated[str, typer.Argument(help="A built-in dataset, or a path.")],
    target: Target = None,
    task: TaskName = None,
) -> None:
    """Describe a dataset: sizes, classes, columns, hash. The test part stays sealed.

    Examples:

      bakeoff data info digits

      bakeoff data info churn.csv --target churned
    """
    import numpy as np

    from bakeoff import suggest
    from bakeoff.data.loading import load_dataset
    from bakeoff.spec import DataSpec

    if suggest.names_data(name, target):
        asked = {"path": name, "target": target, "task": task}
        given = {key: value for key, value in asked.items() if value is not None}
        dataset = load_dataset(DataSpec.model_validate(given), Path.cwd())
    else:
        dataset = load_dataset(name, Path.cwd())
    if dataset.described or dataset.task == "regression":
        for line in suggest.told(dataset, most=len(dataset.described)):
            typer.echo(words.visible(line))
        typer.echo(f"hash: {dataset.hash}")
        return
    counts = np.bincount(dataset.labels, minlength=dataset.num_classes)
    rows = {
        "name": dataset.name,
        "examples": f"{dataset.num_examples:,} and {len(dataset.test):,} sealed for the test",
        "features": f"{dataset.num_features:,} of {dataset.features.dtype}",
        "image shape": "×".join(map(str, dataset.image_shape)) if dataset.image_shape else "–",
        "classes": ", ".join(
            f"{words.visible(label)} {count:,}"
            for label, count in zip(dataset.class_names[:20], counts[:20], strict=True)
        )
        + (" …" if dataset.num_classes > 20 else ""),
        "hash": dataset.hash,
    }
    for key, value in rows.items():
        typer.echo(f"{key + ':':<14}{value}")


for command in (
    running.run,
    ab.ab,
    running.check,
    init,
    doctor,
    reading.report,
    reading.show,
    reading.compare,
    reading.predict,
    reading.export,
):
    app.command()(command)
app.command("import")(importing.import_)
app.command()(importing.finalists)
app.add_typer(data, name="data")
app.add_typer(stores.app, name="store")

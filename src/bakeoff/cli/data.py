"""``bakeoff data list|get|info``."""

from __future__ import annotations

from typing import Annotated

import typer

from bakeoff.cli.output import Style, download_bar

app = typer.Typer(help="Datasets: list, get, info.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_() -> None:
    """List the built-in datasets and where each was found.

    Example:

      bakeoff data list
    """
    from bakeoff.data.catalogue import CATALOGUE, where

    for entry in CATALOGUE.values():
        size = f"{entry.num_train:,} + {entry.num_test:,} test"
        typer.echo(f"{entry.name:<16}{size:<24}{where(entry)}")


@app.command()
def get(name: Annotated[str, typer.Argument(help="A built-in dataset.")]) -> None:
    """Download a dataset into the cache, verify it, and say where it is.

    Example:

      bakeoff data get digits
    """
    from bakeoff.data.named import get as get_dataset

    with download_bar(Style()) as progress:
        path = get_dataset(name, progress)
    typer.echo(str(path))


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="A built-in dataset, or a path.")],
) -> None:
    """Describe a dataset: sizes, classes, balance, hash. The test part stays sealed.

    Example:

      bakeoff data info digits
    """
    from pathlib import Path

    import numpy as np

    from bakeoff import words
    from bakeoff.study import load_dataset

    dataset = load_dataset(name, Path.cwd())
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

"""A study for data that brings none: what to train and what to ask, by its size and kind."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff import words
from bakeoff.data.dataset import Dataset
from bakeoff.data.loading import load_dataset
from bakeoff.data.paths import looks_like_path
from bakeoff.errors import UsageError
from bakeoff.execution.baselines import leaks
from bakeoff.spec import BUILT_IN, DataSpec, LoadedSpec, from_dict
from bakeoff.spec.document import override, study_to_toml
from bakeoff.study import Study

TABLES = (".csv", ".tsv", ".parquet", ".pq")

STEPS, STEPS_OF_MANY = 3_000, 2_000
"""Steps that a small network needs on a table, roughly, and with many rows; epochs follow from it."""

FEWEST_EPOCHS = 2
MOST_VALUES = 1e8
"""Examples × columns × passes of one run, at most."""

MANY_ROWS = 50_000
MOST_TOLD = 40


def names_data(study: str, target: str | None = None) -> bool:
    """Whether what was given instead of a study is data: a table, an archive, a folder."""
    if study in BUILT_IN:
        return False
    suffix = Path(study).suffix.lower()
    return target is not None or suffix in (*TABLES, ".npz") or Path(study).is_dir()


def study_for(
    path: str,
    *,
    target: str | None = None,
    task: str | None = None,
    overrides: Sequence[str] = (),
) -> Study:
    """A study made for data.

    Args:
        path: a table, an archive or a folder of pictures; relative to the current folder.
        target: the column to predict.
        task: classification or regression; told by the target by default.
        overrides: keys that shall have another value, such as ``data.drop=name``.

    Raises:
        DataError: the data cannot be used.
        UsageError, SpecError: an override that does not fit.
    """
    if not looks_like_path(path):
        raise UsageError(
            f"{path}: is no file and no folder; give the path of a table or of pictures"
        )
    table = (
        {"path": path} | ({"target": target} if target else {}) | ({"task": task} if task else {})
    )
    document: dict[str, Any] = {"data": table}
    for text in overrides:
        override(document, text)
    dataset = load_dataset(DataSpec.model_validate(document["data"], strict=False), Path())
    document = {**suggested(dataset), "data": document["data"]}
    if dataset.task == "regression":
        document["data"] = {**document["data"], "task": "regression"}
    for text in overrides:
        override(document, text)
    spec = from_dict(document, source=path)
    loaded = LoadedSpec(spec, source=path, folder=Path(), text=study_to_toml(spec))
    return Study.from_loaded(loaded, dataset=dataset)


def suggested(dataset: Dataset) -> dict[str, Any]:
    """A study file's keys for some data, ``data`` left out.

    Wider networks, larger batches and fewer passes the more examples there are; standardised
    columns; three questions: the learning rate, the size, and regularisation.
    """
    rows = dataset.num_examples
    is_image = dataset.image_shape is not None
    many = rows >= MANY_ROWS
    batch_size = 32 if rows < 5_000 else 1_024 if many else 128
    steps, fewest = (STEPS_OF_MANY, 2) if many else (STEPS, 4)
    epochs = int(np.clip(round(steps * batch_size / max(rows, 1)), fewest, 60))
    # Thousands of columns make each pass dear.
    epochs = min(epochs, max(FEWEST_EPOCHS, int(MOST_VALUES / (rows * dataset.num_features))))
    wide = [64, 64] if rows >= 1_000 else [32]
    base: dict[str, Any] = {
        "scale": "unit" if is_image else "standard",
        "hidden": [128, 64] if is_image else wide,
        "optimizer": "adam",
        "learning_rate": 0.003,
        "batch_size": batch_size,
        "epochs": epochs,
    }
    stages: list[dict[str, Any]] = [
        {
            "name": "learning rate",
            "question": "How large should the steps be?",
            "vary": {"learning_rate": [0.001, 0.01] if many else [0.0003, 0.001, 0.003, 0.01]},
        },
        {
            "name": "size",
            "question": "Is a hidden layer needed at all, and how wide?",
            "vary": {"hidden": [[], wide] if many else [[], [16], wide, [128, 64]]},
        },
    ]
    if not many:
        stages.append(
            {
                "name": "l2",
                "question": "Does holding the weights back help?",
                "vary": {"l2": [0.0, 0.001, 0.01]},
            }
        )
    return {
        "format": 1,
        "name": dataset.name[:80],
        "question": f"How well can {dataset.target or 'the class'} be predicted?",
        **({"looks": [3]} if many else {}),
        **({"audit": False, "final_replicates": 2} if many else {}),
        "base": base,
        "stage": stages,
    }


def told(dataset: Dataset, most: int = MOST_TOLD) -> Iterator[str]:
    """What data was taken for, a line each: the target, then columns with the reason.

    Args:
        most: so many columns at most.
    """
    if dataset.task == "regression":
        low, high = float(dataset.labels.min()), float(dataset.labels.max())
        yield (
            f"Predicts the number {dataset.target or 'y'}, {words.number(low)} to {words.number(high)} "
            "(--task classification if each value is a class)"
        )
        if low == high:
            yield "It is the same in every row: there is nothing to learn"
    else:
        counts = np.bincount(dataset.labels, minlength=dataset.num_classes)
        shown = ", ".join(
            f"{name} {count:,}"
            for name, count in zip(dataset.class_names[:8], counts[:8], strict=True)
        )
        more = " …" if dataset.num_classes > 8 else ""
        yield f"Predicts the class {dataset.target or 'y'}: {shown}{more}"
    yield f"{dataset.num_examples:,} examples, and {len(dataset.test):,} sealed for the test"
    yield from dataset.remarks
    width = max((len(one.name) for one in dataset.described), default=0)
    for one in dataset.described[:most]:
        gaps = f"; {words.plural(one.gaps, 'gap')}" if one.gaps else ""
        yield f"  {one.name:<{min(width, 30)}}  {one.kind:<8}  {one.why}{gaps}"
    sources = {one.name: one.source for one in dataset.columns}
    for name, share in leaks(dataset):
        drop = shlex.quote(f"data.drop={sources.get(name) or name}")
        yield (
            f"  {name} alone predicts nearly everything ({words.percent(share)} of it): if it is not known "
            f"beforehand, leave it out (--set {drop})"
        )
    if len(dataset.described) > most:
        left_out = sum(not one.columns for one in dataset.described[most:])
        yield (
            f"  … and {len(dataset.described) - most:,} more columns, {left_out:,} of them left "
            "out; `bakeoff data info` lists all"
        )

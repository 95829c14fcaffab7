"""From what a study calls its data to a dataset: a name, a path, a table of a study file, arrays."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.data.arrays import from_arrays
from bakeoff.data.columns import Rules
from bakeoff.data.dataset import Dataset
from bakeoff.data.frames import Roles
from bakeoff.data.named import load_named
from bakeoff.data.paths import load_path, looks_like_path
from bakeoff.errors import UsageError
from bakeoff.spec import DataSpec


def load_dataset(
    data: Any,
    folder: Path,
    progress: Any = None,
    *,
    in_order: bool = False,
    task: str | None = None,
) -> Dataset:
    """The dataset that a study names.

    Args:
        data: a built-in name, a path, a ``DataSpec``, a ``Dataset`` or a pair of arrays.
        folder: what relative paths start from.
        progress: called with (done_bytes, total_bytes, name) while something is downloaded.
        in_order: whether examples are in the order of time, so that the test part is the end.
        task: of a pair of arrays; told by the labels by default.

    Raises:
        DataError: it cannot be found, read or used.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        if len(data) != 2:
            raise UsageError(f"data: a pair (features, labels) is needed, got {len(data)} items")
        x, y = data
        as_it_is = hasattr(x, "columns") or hasattr(
            x, "toarray"
        )  # frames; what is sparse is refused
        return from_arrays(
            x if as_it_is else np.asarray(x),
            np.asarray(y),
            in_order=in_order,
            task=task,
            target=str(getattr(y, "name", "") or ""),
        )
    if isinstance(data, DataSpec):
        return _from_table(data, folder, in_order)
    text = str(data)
    if isinstance(data, Path) or looks_like_path(text):
        return load_path(folder / text, in_order=in_order)
    return load_named(text, progress=progress)


def _from_table(spec: DataSpec, folder: Path, in_order: bool) -> Dataset:
    """The user's own data as its table in a study file says."""
    rules = Rules(**{one.name: getattr(spec, one.name) for one in dataclasses.fields(Rules)})
    dataset = load_path(
        folder / spec.path,
        target=spec.target,
        test_path=None if spec.test is None else folder / spec.test,
        validation_path=None if spec.validation is None else folder / spec.validation,
        image_shape=spec.image_shape,
        task=spec.task,
        roles=Roles(
            rules=rules,
            weights=spec.weights,
            groups=spec.groups,
            fold=spec.fold,
            drop_unlabelled=spec.drop_unlabelled,
        ),
        in_order=in_order,
        **({} if spec.test_fraction is None else {"test_fraction": spec.test_fraction}),
    )
    return dataset if spec.name is None else dataclasses.replace(dataset, name=spec.name)

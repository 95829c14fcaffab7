"""What is given to ``Study`` in Python, said as a study file says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from bakeoff.data.dataset import Dataset
from bakeoff.data.frames import find_target
from bakeoff.errors import DataError
from bakeoff.spec.parts import NONE

DataLike = str | Path | Dataset | tuple[ArrayLike, ArrayLike]


def as_values(values: Sequence[Any] | Mapping[str, Any]) -> Any:
    """A range as a table, values as a list."""
    return as_said(dict(values) if isinstance(values, Mapping) else list(values))


def as_said(value: Any) -> Any:
    """Settings as a study file has them: None by its word."""
    if isinstance(value, dict):
        return {key: as_said(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_said(one) for one in value]
    return NONE if value is None else value


def split_frame(frame: Any, target: str | None) -> Any:
    """A data frame as features and labels."""
    names = [str(name) for name in frame.columns]
    name = find_target(names, target, "data")
    if names.count(name) > 1:
        raise DataError(f"data: column names must differ, but {name!r} occurs twice; rename one")
    label = frame.columns[names.index(name)]
    return frame.drop(columns=label), frame[label]


def reads_data_itself(model: Any) -> bool:
    """Whether a study of this model needs no data; a function is asked for its parameters later."""
    if not isinstance(model, dict):
        return False
    return "command" in model or ("function" in model and bool(model.get("metrics")))


def name_of_data(data: DataLike) -> str:
    """What a study of it is called."""
    if isinstance(data, Dataset):
        return data.name
    if isinstance(data, tuple):
        return "arrays"
    path = Path(data)
    return path.stem if path.suffix else str(data)


def data_value(data: DataLike) -> str:
    """How a study file would name it."""
    if isinstance(data, Dataset):
        return data.name
    return "arrays" if isinstance(data, tuple) else str(data)

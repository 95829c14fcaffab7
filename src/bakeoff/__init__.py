"""bakeoff: compare neural networks the way a scientist would, in seconds.

The public names, loaded when they are first used so that ``import bakeoff`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bakeoff.comparing import compare as compare
    from bakeoff.data.dataset import Dataset as Dataset
    from bakeoff.dense.estimator import BakeoffClassifier as BakeoffClassifier
    from bakeoff.dense.estimator import BakeoffRegressor as BakeoffRegressor
    from bakeoff.dense.model import TrainedModel as TrainedModel
    from bakeoff.dense.settings import DenseSettings as DenseSettings
    from bakeoff.errors import BakeoffError as BakeoffError
    from bakeoff.notebook.study import import_notebook as import_notebook
    from bakeoff.result import Result as Result
    from bakeoff.settings import Settings as Settings
    from bakeoff.store.sqlite import Store as Store
    from bakeoff.study import Study as Study

_HOMES = {
    "BakeoffClassifier": "bakeoff.dense.estimator",
    "BakeoffRegressor": "bakeoff.dense.estimator",
    "BakeoffError": "bakeoff.errors",
    "Dataset": "bakeoff.data.dataset",
    "Result": "bakeoff.result",
    "DenseSettings": "bakeoff.dense.settings",
    "Settings": "bakeoff.settings",
    "Store": "bakeoff.store.sqlite",
    "Study": "bakeoff.study",
    "TrainedModel": "bakeoff.dense.model",
    "compare": "bakeoff.comparing",
    "import_notebook": "bakeoff.notebook.study",
}

__all__ = [  # noqa: PLE0604  (all strings: the keys of a dict of strings)
    "__version__",
    *sorted(_HOMES),
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'bakeoff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

"""Study files and their dict form: read, checked with every mistake at once, written.

The public names of the package; knows nothing of data, engines and results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.spec.candidates import (
    DeclaredCandidate,
    changed,
    is_whole,
    label_of,
    num_tuning_points,
    rounded,
    stage_candidates,
    tuning_points,
    value_at,
)
from bakeoff.spec.model import (
    CandidateSpec,
    PublishedSpec,
    Range,
    SearchSpec,
    StageSpec,
    StudySpec,
    TuneRange,
)
from bakeoff.spec.parts import DataSpec, ModelSpec
from bakeoff.spec.reading import BUILT_IN, LoadedSpec, built_in_text, from_dict, from_toml, load

if TYPE_CHECKING:
    from bakeoff.spec.schema import json_schema

__all__ = [
    "BUILT_IN",
    "CandidateSpec",
    "DataSpec",
    "DeclaredCandidate",
    "LoadedSpec",
    "ModelSpec",
    "PublishedSpec",
    "Range",
    "SearchSpec",
    "StageSpec",
    "StudySpec",
    "TuneRange",
    "built_in_text",
    "changed",
    "from_dict",
    "from_toml",
    "is_whole",
    "json_schema",
    "label_of",
    "load",
    "num_tuning_points",
    "rounded",
    "stage_candidates",
    "tuning_points",
    "value_at",
]


def __getattr__(name: str) -> Any:
    # Loaded on demand, so that `python -m bakeoff.spec.schema` does not find itself imported.
    if name == "json_schema":
        from bakeoff.spec.schema import json_schema

        return json_schema
    raise AttributeError(f"module 'bakeoff.spec' has no attribute {name!r}")

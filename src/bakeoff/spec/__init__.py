"""Study files and their dict form: read, checked with every mistake at once, written.

The public names of the package; knows nothing of data, engines and results.
"""

from __future__ import annotations

from bakeoff.spec.candidates import (
    DeclaredCandidate,
    label_of,
    num_tuning_points,
    stage_candidates,
    tuning_points,
    value_label,
)
from bakeoff.spec.model import (
    CandidateSpec,
    DataSpec,
    PublishedSpec,
    StageSpec,
    StudySpec,
    TuneRange,
)
from bakeoff.spec.reading import BUILT_IN, LoadedSpec, from_dict, from_toml, load

__all__ = [
    "BUILT_IN",
    "CandidateSpec",
    "DataSpec",
    "DeclaredCandidate",
    "LoadedSpec",
    "PublishedSpec",
    "StageSpec",
    "StudySpec",
    "TuneRange",
    "from_dict",
    "from_toml",
    "label_of",
    "load",
    "num_tuning_points",
    "stage_candidates",
    "tuning_points",
    "value_label",
]

"""The frozen records that flow from the chain to the store and the report.

They hold numbers and words, know no engine and do nothing. Array axes are always in the order
candidate, replicate, epoch. A number that does not exist is ``None``, never NaN.

From the run to the result of a study: ``runs``, ``stages``, ``final``, ``data``, ``study``; each
refers to those before it.
"""

from bakeoff.records.data import Column, ColumnKind, DataSummary, Described
from bakeoff.records.final import (
    ClassificationExam,
    Example,
    Final,
    Missed,
    Mistaken,
    RegressionExam,
    TestOpening,
)
from bakeoff.records.runs import (
    UNKNOWN_CODE,
    Candidate,
    Cost,
    Floats,
    Metric,
    Published,
    Replicate,
    Run,
    RunStatus,
)
from bakeoff.records.stages import (
    AuditSwap,
    Claim,
    Comparison,
    LintFinding,
    LintLevel,
    StageResult,
    TuningPoint,
    Verdict,
    VerdictKind,
)
from bakeoff.records.study import Baseline, Environment, PlannedStage, StudyPlan, StudyResult

__all__ = [
    "UNKNOWN_CODE",
    "AuditSwap",
    "Baseline",
    "Candidate",
    "Claim",
    "ClassificationExam",
    "Column",
    "ColumnKind",
    "Comparison",
    "Cost",
    "DataSummary",
    "Described",
    "Environment",
    "Example",
    "Final",
    "Floats",
    "LintFinding",
    "LintLevel",
    "Metric",
    "Missed",
    "Mistaken",
    "PlannedStage",
    "Published",
    "RegressionExam",
    "Replicate",
    "Run",
    "RunStatus",
    "StageResult",
    "StudyPlan",
    "StudyResult",
    "TestOpening",
    "TuningPoint",
    "Verdict",
    "VerdictKind",
]

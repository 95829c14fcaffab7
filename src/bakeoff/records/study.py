"""The result of a whole study, and its plan before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bakeoff.records.data import DataSummary
from bakeoff.records.final import Final, TestOpening
from bakeoff.records.runs import Candidate, Run
from bakeoff.records.stages import AuditSwap, Claim, Comparison, LintFinding, StageResult


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the runs were made: versions, processor, instruction set, git commit if any."""

    bakeoff: str
    python: str
    numpy: str
    platform: str
    cpu: str
    num_cores: int
    engine: str
    git_commit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a simple model reaches on the replicates on which the choice was made.

    Attributes:
        label: logistic regression, ridge regression or boosted trees.
        runs: one per replicate.
        comparison: the chosen candidate (first) minus this one (second), 95 % interval; None where
            they share no finished run.
    """

    label: str
    runs: tuple[Run, ...]
    comparison: Comparison | None


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """Everything a study found; the store holds it, the report is built from it alone.

    Attributes:
        name: of the study.
        kind: ``study`` or ``replication``.
        spec: the study file as a plain JSON-able dict (``StudySpec.to_dict``).
        seed: the study's seed.
        task: classification, regression or declared.
        model_kind: kind of the trainable; its name is ``engine``.
        metric: what decides, such as ``accuracy`` or ``balanced_accuracy``.
        split: ``folds`` or ``last``.
        looks: numbers of replicates at which verdicts may fall.
        data: summary of the dataset.
        engine: engine, numeric version and instruction set.
        stages: in order.
        audit: the chain audit; empty when it was not run.
        lint: findings, errors first.
        claims: of a replication.
        final: None when the study has no final step (a replication).
        openings: of the test set, by this study.
        environment: see there.
        num_trained, num_reused: runs trained now, runs found in the store.
        seconds: wall time of the whole study.
        started_at: ISO 8601, UTC.
        baselines: simple models on the same folds; empty where none were asked for.
        leaks: columns from which alone nearly all of the target can be told: (name, how much).
        pending: of a study that has not finished, the runs so far that no verdict speaks of; the
            store finds them by its own lists.
    """

    name: str
    kind: Literal["study", "replication"]
    spec: Mapping[str, Any]
    seed: int
    metric: str
    split: str
    looks: tuple[int, ...]
    data: DataSummary
    engine: str
    stages: tuple[StageResult, ...]
    audit: tuple[AuditSwap, ...]
    lint: tuple[LintFinding, ...]
    claims: tuple[Claim, ...]
    final: Final | None
    openings: tuple[TestOpening, ...]
    environment: Environment
    num_trained: int
    num_reused: int
    seconds: float
    started_at: str
    task: str = "classification"
    model_kind: str = "dense"
    baselines: tuple[Baseline, ...] = ()
    leaks: tuple[tuple[str, float], ...] = ()
    pending: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStage:
    """A stage as far as it can be known before anything is trained.

    Attributes:
        name, question: as declared.
        varied: names of the hyperparameters that the stage asks about, sorted.
        candidates: declared ones, over the choices that are known now (pinned or first); where an
            earlier choice is open, over the first candidate of the stage it hangs on.
        takes_incumbent: whether a candidate of the stage before will join.
        tune: nuisance hyperparameters and their values; empty without.
        pinned: label of the candidate the author carries on, or None.
        min_runs, max_runs: fewest and most runs it can take, tuning and search included.
        search: runs of its search; 0 without. What stands for the candidates then is the middle of
            what is varied.
    """

    name: str
    question: str
    varied: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    takes_incumbent: bool
    tune: Mapping[str, tuple[Any, ...]]
    pinned: str | None
    min_runs: int = 0
    max_runs: int = 0
    search: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StudyPlan:
    """What ``bakeoff check`` shows: everything known before anything is trained.

    Attributes:
        name, kind, seed, metric, split, looks, data: as in ``StudyResult``.
        num_folds: folds of the partition; the validation share is its reciprocal.
        delta: the author's δ in units of the metric, or None for the default rule.
        stages: in order.
        min_runs, max_runs: about the fewest and most runs the study can take, with its tuning,
            its audit and its refits.
        estimated_seconds: (low, high) of the whole command, for these numbers of runs; None where
            nobody knows what a run takes.
        detectable: smallest true difference found with probability .8 at the last look, in units
            of the metric, assuming the seed-to-seed sd that ``docs/evidence.md`` measured.
        refits: runs of the final step.
    """

    name: str
    kind: Literal["study", "replication"]
    seed: int
    metric: str
    split: str
    num_folds: int
    looks: tuple[int, ...]
    delta: float | None
    data: DataSummary
    stages: tuple[PlannedStage, ...]
    min_runs: int
    max_runs: int
    estimated_seconds: tuple[float, float] | None
    detectable: float | None
    refits: int = 0

"""The frozen records that flow from the chain to the store and the report.

They hold numbers and words, know no engine and do nothing. Array axes are always in the order
candidate, replicate, epoch. A number that does not exist is ``None``, never NaN.

One long file on purpose: from a run to the result of a study every record refers to those above it,
and whoever follows a number from one to the next finds it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.settings import Settings

Floats = NDArray[np.float64]
Cost = tuple[tuple[str, float], ...]

RunStatus = Literal["finished", "failed", "interrupted"]
UNKNOWN_CODE = "/code unknown"
"""End of the name of a trainable whose code nobody could hash: the name says nothing about it."""

VerdictKind = Literal["winner", "tie", "undecided"]
LintLevel = Literal["error", "warning", "info"]
ColumnKind = Literal["number", "category", "date", "left out"]


@dataclass(frozen=True, slots=True)
class Replicate:
    """A (fold, seed) pair that all candidates of all stages share.

    Attributes:
        index: 0-based number of the replicate; also its seed's index in every random stream.
        partition: which stratified partition the fold belongs to; 0 while index < num_folds.
        fold: the fold that is the validation part.
        screening: True for the replicates on which nuisances are tuned; they never decide.
    """

    index: int
    partition: int
    fold: int
    screening: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One candidate trained on one replicate.

    Attributes:
        key: content hash of everything that determines the run; the store's primary key.
        replicate: index of the replicate.
        status: finished; failed (diverged, raised, crashed, timed out, or a number that is not
            finite); interrupted.
        reason: why it failed, in words; None when it finished.
        metrics: part and metric, such as ``val_accuracy``, → its value after the last epoch; finite
            numbers only, a name that is absent was not measured.
        curves: the same names → one value per finished epoch, float64, shape (epochs,).
        notes: what the trainable wants to tell its own lint and page, as plain JSON values.
        train_seconds: wall time of the training.
        engine: name of the trainable that made it, such as ``native/2/avx512``.
        reused: True when it was found in the store instead of being trained.
    """

    key: str
    replicate: int
    status: RunStatus
    reason: str | None
    metrics: Mapping[str, float]
    curves: Mapping[str, Floats]
    notes: Mapping[str, Any]
    train_seconds: float
    engine: str
    reused: bool = False

    def value(self, name: str) -> float | None:
        """One metric by its full name, such as ``val_loss``; None where it was not measured."""
        return self.metrics.get(name)

    def curve(self, name: str) -> Floats:
        """One curve by its full name, shape (epochs,); empty where there is none."""
        found = self.curves.get(name)
        return np.empty(0) if found is None else found

    @property
    def num_epochs(self) -> int:
        """Epochs that were finished, as far as curves tell."""
        return max((len(curve) for curve in self.curves.values()), default=0)


@dataclass(frozen=True, slots=True)
class Published:
    """What the author of a replicated work printed for one model; None where nothing was."""

    test_accuracy: float | None = None
    test_loss: float | None = None


def _num_parameters(cost: Cost) -> int | None:
    count = dict(cost).get("parameters")
    return None if count is None else int(count)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One full, frozen setting of the hyperparameters that competes in a stage.

    Attributes:
        label: short and unique within its stage, such as ``hidden=64-64``.
        settings: the full settings, tuned nuisances included.
        declared: the settings the author gave (base, carried and varied), without defaults.
        cost: names and counts, such as parameters and operations of a run, compared in this order,
            less is cheaper; empty where unknown.
        incumbent: True for the candidate carried in from the stage before.
        published: in a replication, the author's numbers.
        tuned: the nuisance hyperparameters chosen for it, by name; empty without ``tune``.
    """

    label: str
    settings: Settings
    declared: Mapping[str, Any]
    cost: Cost = ()
    incumbent: bool = False
    published: Published | None = None
    tuned: Mapping[str, Any] = field(default_factory=dict)

    @property
    def price(self) -> tuple[float, ...]:
        """The counts of its cost: the smaller tuple is the cheaper candidate."""
        return tuple(count for _, count in self.cost)

    @property
    def num_parameters(self) -> int | None:
        """What it learns, where that is known: kernels and biases of a network."""
        return _num_parameters(self.cost)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference of two candidates: metric of ``first`` minus metric of ``second``.

    Attributes:
        first, second: indices of the candidates within the stage (or labels outside a stage).
        num_replicates: pairs that entered, S.
        mean: mean difference, in units of the metric (0.01 is one point of accuracy).
        sd: standard deviation of the differences after the floor against lucky agreement.
        se: standard error, by how the replicates were drawn (``evidence.rule``).
        low, high: ends of the interval; None below two replicates.
        level: two-sided coverage of the interval: that of the test that decided, such as .9875.
        equivalent: True when two one-sided tests place it inside ±δ; None where not tested.
    """

    first: int
    second: int
    num_replicates: int
    mean: float
    sd: float | None
    se: float | None
    low: float | None
    high: float | None
    level: float
    equivalent: bool | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that says how good a model is.

    Attributes:
        name: as in records and study files, without a part, such as ``accuracy``.
        higher_is_better: its direction.
        share: whether it lies between 0 and 1 and is spoken of in points (hundredths).
        unit: of a number that is no share, such as ``€``; empty where there is none.
    """

    name: str
    higher_is_better: bool
    share: bool = False
    unit: str = ""

    @property
    def sign(self) -> float:
        """1 where higher is better, else −1: ``sign * value`` is always better when larger."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def words(self) -> str:
        """In running text, such as ``balanced accuracy``."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stage found, with its numbers and its sentence.

    Attributes:
        kind: winner, tie or undecided.
        chosen: label of the candidate that is carried on.
        leader: label of the candidate with the best mean.
        reason: one plain sentence with the numbers.
        comparison: the pair that decided: of a winner the leader and its closest rival, of a tie
            the widest pair, at the level of its test; of an undecided stage the pair that stands
            in the way; None with a single candidate.
        comparisons: every pair at the last look it was in.
        best: labels of the candidates that were not beaten, in order: the winner alone, the tied,
            or those between which it is undecided.
        beaten: labels of the candidates that lost to another by the test, in the order in which
            they did; of those beaten at one look the nearest to the leader first.
        failed: labels of candidates whose runs failed so that they could not compete.
        num_replicates: S at which it was reached.
        metric: name of the metric that decided, such as ``accuracy``.
        delta: the smallest difference that matters, in units of the metric.
        provisional: True when undecided: the choice is a default, not a finding.
        pinned: True when the author fixed the choice in the study file.
        power_note: for an undecided one, what more replicates would do; else None.
        labels: of all candidates of the stage, in order; ``first`` and ``second`` of the
            comparisons point into it.
        measure: the metric as its task declared it; None in older records, which know it by name.
    """

    kind: VerdictKind
    chosen: str
    leader: str
    reason: str
    comparison: Comparison | None
    comparisons: tuple[Comparison, ...]
    best: tuple[str, ...]
    beaten: tuple[str, ...]
    failed: tuple[str, ...]
    num_replicates: int
    metric: str
    delta: float
    provisional: bool = False
    pinned: bool = False
    power_note: str | None = None
    labels: tuple[str, ...] = ()
    measure: Metric | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TuningPoint:
    """Values tried on screening replicates: of what is tuned for one candidate, or of a search.

    Attributes:
        candidate: whose values; of a search the label of the point, which competes if it is chosen.
        values: setting → value.
        runs: on the screening replicates.
        chosen: whether the candidate got them; of a search whether the point competes.
        at_edge: names whose value is the smallest or largest tried.
    """

    candidate: str
    values: Mapping[str, Any]
    runs: tuple[Run, ...]
    chosen: bool
    at_edge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StageResult:
    """One answered question.

    Attributes:
        name, question: as declared.
        varied: names of the hyperparameters that differ between its candidates, sorted.
        candidates: in declared order, an incumbent that was not declared last.
        runs: per candidate (same order) its runs in order of the replicate.
        verdict: see there.
        tuning: every point tried; empty without ``tune`` and without a search.
        seconds: wall time of the stage; in a replication, whose stages train in one go, the time
            of its runs divided by the number of workers.
    """

    name: str
    question: str
    varied: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    runs: tuple[tuple[Run, ...], ...]
    verdict: Verdict
    tuning: tuple[TuningPoint, ...] = ()
    seconds: float = 0.0

    def candidate(self, label: str) -> Candidate:
        """The candidate of that label; KeyError if there is none."""
        for candidate in self.candidates:
            if candidate.label == label:
                return candidate
        raise KeyError(label)


@dataclass(frozen=True, slots=True, eq=False)
class AuditSwap:
    """The final settings with one earlier choice swapped, against the final settings.

    Attributes:
        kind: ``runner-up`` (a stage's second best) or ``learning-rate`` (another learning rate
            with another categorical choice).
        stage: the stage whose choice was swapped.
        label: what it was swapped to.
        candidate: its full settings; None where they exclude each other, so that nothing ran.
        runs: its runs, in order of the replicate.
        comparison: swapped minus final (first = 1, second = 0): of a tested swap on the
            replicates that tested it, of any other on those that screened it, without interval;
            None where runs failed so that no replicate is shared.
        confirmed: True when it beat the final in the test, False when it did not, None when it
            was not tested.
        sentence: the finding in words.
    """

    kind: Literal["runner-up", "learning-rate"]
    stage: str
    label: str
    candidate: Candidate | None
    runs: tuple[Run, ...]
    comparison: Comparison | None
    confirmed: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing the study's author should know.

    Attributes:
        code: stable, such as ``L003``.
        level: error, warning or info.
        text: what was found, with the numbers.
        remedy: what to do.
        page: anchor in ``docs/lint.md``.
        stage: where, if in one stage.
    """

    code: str
    level: LintLevel
    text: str
    remedy: str
    page: str
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the author of a replicated work stated, held against the evidence.

    Attributes:
        kind: ``number`` (a published value) or ``order`` ("X is better than Y").
        text: the claim in words.
        published: the author's number, or difference of two numbers.
        measured_mean, measured_sd: ours over the replicates.
        low, high: 95 % prediction interval of a single run (number) or interval of the paired
            difference (order).
        outcome: holds, does not hold, or cannot be told.
        sentence: the outcome in words with the numbers.
    """

    kind: Literal["number", "order"]
    text: str
    published: float | None
    measured_mean: float | None
    measured_sd: float | None
    low: float | None
    high: float | None
    outcome: Literal["holds", "does not hold", "cannot be told"]
    sentence: str
    stage: str | None = None
    candidate: str | None = None


@dataclass(frozen=True, slots=True)
class TestOpening:
    """One reading of the test labels.

    Attributes:
        test_hash: SHA-256 of the test features and labels.
        study: name of the study that opened it.
        purpose: ``final``, or ``replication`` where the author measured every model on it.
        opened_at: ISO 8601, UTC.
        ordinal: how many openings of the same test data the store knows, this one included.
    """

    __test__ = False  # not a pytest class

    test_hash: str
    study: str
    purpose: Literal["final", "replication"]
    opened_at: str
    ordinal: int


@dataclass(frozen=True, slots=True, eq=False)
class Mistaken:
    """One test example that the final model got wrong.

    Attributes:
        row: index within the test part.
        predicted, actual: class indices.
        probability: what the model gave the predicted class.
        features: shape (num_features,), as the data holds them, unscaled.
    """

    row: int
    predicted: int
    actual: int
    probability: float
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One real test example to start from when the final model is tried by hand.

    Attributes:
        row: index within the test part.
        actual: class index.
        features: shape (num_features,), as the data holds them, unscaled.
    """

    row: int
    actual: int
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationExam:
    """What the delivered model got right and wrong on the test part.

    Attributes:
        confusion: shape (num_classes, num_classes), counts; axes actual, predicted.
        reliability: shape (15, 3): per bin of the model's confidence the count, the mean confidence
            and the accuracy.
        calibration_error: expected calibration error, 15 equal bins (Naeini et al. 2015).
        mistakes: the worst mistakes, most confident first, at most 24.
        examples: a few real test examples, one per class.
    """

    confusion: NDArray[np.int64]
    reliability: Floats
    calibration_error: float
    mistakes: tuple[Mistaken, ...]
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Missed:
    """One predicted value of a test example, such as one that is far off.

    Attributes:
        row: in the test part, from 0.
        predicted, actual: in the target's units.
        features: of the example, as the data holds them.
    """

    row: int
    predicted: float
    actual: float
    features: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionExam:
    """What the delivered model of a regression predicts of the test part.

    Attributes:
        predicted, actual: shape (n,), of at most 2,000 examples that are spread evenly over all.
        worst: the largest errors, at most 24, largest first.
        examples: a few from the smallest actual value to the largest, to start from when the
            model is tried by hand.
    """

    predicted: Floats
    actual: Floats
    worst: tuple[Missed, ...]
    examples: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Final:
    """The chosen settings, refitted on train + validation, and the one look at the test set.

    Attributes:
        settings: of the final candidate.
        cost: as in ``Candidate``.
        runs: the refits, in order of the replicate; they have ``test_…`` metrics and no ``val_…``.
            All of them count in what is reported, those that collapsed too.
        delivered: index into ``runs`` of the delivered refit: the first that has not collapsed.
        opening: the record of the opening of the test set.
        model: named arrays of the delivered model, as its trainable made them.
        exam: of the delivered model; None where the task has none.
        values: the same of a regression.
        model_path: where the delivered model was written, or None.
        feature_stats: shape (num_features, 4): minimum, maximum, mean and standard deviation of
            every feature over the examples outside the test part, unscaled; None where not kept.
    """

    settings: Settings
    cost: Cost
    runs: tuple[Run, ...]
    delivered: int
    opening: TestOpening | None
    model: Mapping[str, NDArray[Any]]
    exam: ClassificationExam | None = None
    values: RegressionExam | None = None
    model_path: str | None = None
    feature_stats: Floats | None = None

    @property
    def num_parameters(self) -> int | None:
        """As in ``Candidate``."""
        return _num_parameters(self.cost)


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a feature matrix holds, and how a table's cells become its values.

    Attributes:
        name: of the feature; a part of a date is ``signup.year`` and so on.
        kind: ``number``, NaN for a gap; ``category``, where the value k stands for
            ``categories[k]``, NaN for a gap and -1 for a word that is none of them.
        categories: ascending as text; empty for numbers.
        source: the table's column it comes from.
        part: of a date: days, year, month, day, day_of_week or hour; else empty.
        gaps: words that count as gaps besides empty cells, such as ``?``.
    """

    name: str
    kind: Literal["number", "category"] = "number"
    categories: tuple[str, ...] = ()
    source: str = ""
    part: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """One column of a table.

    Attributes:
        name: of the column.
        kind: what it is taken for.
        why: the reason, in words.
        gaps: number of empty cells.
        columns: what it becomes; empty where it is left out.
    """

    name: str
    kind: ColumnKind
    why: str
    gaps: int = 0
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What a report says of the data without holding it.

    Attributes:
        name: of the dataset.
        hash: SHA-256 over features, labels and the test part.
        num_train, num_validation, num_test: examples per part in replicate 0.
        num_features, num_classes: columns, and labels 0 … num_classes - 1.
        class_names: shape (num_classes,).
        feature_names: shape (num_features,); empty for images.
        image_shape: (height, width) or (height, width, channels) for images, else None.
        class_counts: examples per class outside the test part.
        zero_share: share of exact zeros among the features.
        duplicates_across_splits: test examples whose features also occur outside the test part.
        feature_max: largest absolute feature outside the test part; None where not counted.
        num_inputs: what a network is given per example, categories encoded; ``num_features``
            where nothing is encoded.
        target: name of what is predicted; empty where it has none.
        target_range: smallest, mean and largest value and sd of the target outside the test part,
            of a regression.
        ranges: name and range (largest less smallest value) of the number with the smallest and
            of the one with the largest range, of a table; empty where there are no two.
        remarks: what was done to the data that its owner should know, such as pictures resized.
        columns: what the columns of a table hold, shape (num_features,), where some are words,
            dates or have gaps; else empty.
    """

    name: str
    hash: str
    num_train: int
    num_validation: int
    num_test: int
    num_features: int
    num_classes: int
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    class_counts: tuple[int, ...]
    zero_share: float
    duplicates_across_splits: int | None = None
    feature_max: float | None = None
    num_inputs: int = 0
    target: str = ""
    target_range: tuple[float, ...] = ()
    ranges: tuple[tuple[str, float], ...] = ()
    remarks: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


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

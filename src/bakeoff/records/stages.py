"""What the questions of a study gave: verdicts, stages, the audit, what lint and claims say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bakeoff.records.runs import Candidate, Metric, Run

VerdictKind = Literal["winner", "tie", "undecided"]
LintLevel = Literal["error", "warning", "info"]


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

    @property
    def chosen(self) -> Candidate:
        """The candidate that is carried on."""
        return self.candidate(self.verdict.chosen)

    @property
    def chosen_runs(self) -> tuple[Run, ...]:
        """Its runs."""
        return self.runs[self.candidates.index(self.chosen)]


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

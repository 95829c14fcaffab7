"""What the author of a replicated work stated, held against our runs; knows records only.

*Numbers.* A published accuracy or loss came from one run on the test set, so it is held against
the 95 % prediction interval of one further run among ours, measured on the same test set.

*Orders.* That the author carried X on, or printed a better number for it, says "X is better than
Y". Whether that is so is a question about the configurations, not about one test set, so it is
judged as every stage is: by the paired differences on the validation parts, with the corrected
interval. Where one validation part served all runs (``split = "last"``, as the authors of most
notebooks have it) that interval speaks of this part alone, and the sentence says so. An interval
above zero: holds. One below zero, a difference proven too small to matter, or two names for one
configuration: does not hold. Everything else cannot be told.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bakeoff import words
from bakeoff.evidence.intervals import compare_runs, gain, turned, values_of
from bakeoff.evidence.rule import FEWEST_REPLICATES, Sampling
from bakeoff.evidence.sentences import difference, named
from bakeoff.evidence.spreads import prediction_interval
from bakeoff.records import Candidate, Claim, Comparison, Metric, Run, StageResult
from bakeoff.tasks.classification import ACCURACY, LOSS, metric_of

Outcome = Literal["holds", "does not hold", "cannot be told"]


def claims(
    stages: Sequence[StageResult], kind: str, *, sampling: Sampling | None = None
) -> tuple[Claim, ...]:
    """Every published number and every order the author's choices imply.

    Args:
        stages: of the replication, in order.
        kind: of the study; anything but ``replication`` has no claims.
        sampling: how the replicates were drawn; without it steps from one stage to the next are
            not judged.
    """
    if kind != "replication":
        return ()
    found: list[Claim] = []
    for stage in stages:
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
            found.extend(_numbers(stage, candidate, runs))
        found.extend(_orders(stage))
    if sampling is not None:
        for before, after in itertools.pairwise(stages):
            found.extend(_steps(before, after, sampling))
        alone = {"last": ", on this one split.", "own": ", over seeds alone."}.get(sampling.split)
        if alone:
            found = [
                replace(claim, sentence=claim.sentence[:-1] + alone)
                if claim.kind == "order" and claim.low is not None
                else claim
                for claim in found
            ]
    return tuple(found)


def _numbers(stage: StageResult, candidate: Candidate, runs: Sequence[Run]) -> Iterator[Claim]:
    published = candidate.published
    if published is None:
        return
    for metric, number in ((ACCURACY, published.test_accuracy), (LOSS, published.test_loss)):
        if number is not None:
            yield _number(stage, candidate, runs, metric, number)


def _number(
    stage: StageResult, candidate: Candidate, runs: Sequence[Run], metric: Metric, number: float
) -> Claim:
    values = np.array([*values_of(runs, f"test_{metric.name}").values()])
    mean = float(values.mean()) if len(values) else None
    low, high = prediction_interval(values) or (None, None)
    reaches = f"reaches a test {metric.words} of {words.level(number, metric)}"
    outcome: Outcome
    if low is None or high is None:
        outcome = "cannot be told"
        ours = "" if mean is None else f"; ours gave {words.level(mean, metric)}"
        why = f" from {words.plural(len(values), 'finished run')}, which shows no spread{ours}."
    else:
        # Printed with so many decimals, it stands for all that is rounded to it.
        rounding = (
            0.5 * 10.0 ** -len(repr(number).partition(".")[2]) if "e" not in repr(number) else 0.0
        )
        outcome = "holds" if low - rounding <= number <= high + rounding else "does not hold"
        why = (
            f". {words.plural(len(values), 'run')} of ours gave {words.level(mean, metric)} on "
            f"average; one run falls between {words.bare(low, metric)} and "
            f"{words.level(high, metric)} 95 times in 100."
        )
    return Claim(
        kind="number",
        text=f"{candidate.label} {reaches}",
        published=number,
        measured_mean=mean,
        measured_sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        low=low,
        high=high,
        outcome=outcome,
        sentence=f"{named(stage, candidate.label)} {reaches}: {outcome}{why}",
        stage=stage.name,
        candidate=candidate.label,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two of an order; ``after`` says in which stage where they are of two."""

    stage: StageResult
    candidate: Candidate
    failed: bool
    after: str = ""

    @property
    def name(self) -> str:
        return named(self.stage, self.candidate.label)


def _orders(stage: StageResult) -> Iterator[Claim]:
    verdict = stage.verdict
    if not verdict.pinned:
        return
    sides = {one.label: _Side(stage, one, one.label in verdict.failed) for one in stage.candidates}
    chosen = sides.pop(verdict.chosen)
    for other in sides.values():
        gap = _published_gap(chosen.candidate, other.candidate)
        better, worse = (other, chosen) if gap is not None and gap < 0.0 else (chosen, other)
        ends = [stage.candidates.index(one.candidate) for one in (better, worse)]
        pairs = [*verdict.comparisons, *map(turned, verdict.comparisons)]
        pair = next((one for one in pairs if [one.first, one.second] == ends), None)
        yield _order(stage, better, worse, gap, pair)


def _steps(before: StageResult, after: StageResult, sampling: Sampling) -> Iterator[Claim]:
    """The author's number at the end of one stage against that at the end of the next."""
    sides = []
    for stage in (after, before):
        runs = stage.chosen_runs
        failed = not any(run.status == "finished" for run in runs)
        sides.append((_Side(stage, stage.chosen, failed, f" (after {stage.name})"), runs))
    gap = _published_gap(sides[0][0].candidate, sides[1][0].candidate)
    if not gap:
        return
    (better, ours), (worse, theirs) = sides if gap > 0.0 else sides[::-1]
    metric, delta = metric_of(after.verdict), after.verdict.delta
    pair = compare_runs(ours, theirs, metric, sampling, delta=delta)
    yield _order(after, better, worse, gap, pair)


def _order(
    stage: StageResult, better: _Side, worse: _Side, gap: float | None, pair: Comparison | None
) -> Claim:
    """``better`` is better than ``worse``, as the author's numbers or his choice have it.

    Args:
        stage: the later one, whose metric counts.
        gap: difference of the published numbers.
        pair: better minus worse.
    """
    metric = metric_of(stage.verdict)
    outcome: Outcome = "cannot be told"
    if better.candidate.settings.fingerprint() == worse.candidate.settings.fingerprint():
        outcome, why = "does not hold", "they are one configuration"
        if gap is not None:
            apart = words.difference(abs(gap), ACCURACY)
            why += f"; the published {apart} between them are chance"
    elif worse.failed and not better.failed:
        outcome, why = "holds", f"the runs of {worse.name} failed"
    elif better.failed and not worse.failed:
        outcome, why = "does not hold", f"the runs of {better.name} failed"
    elif pair is None or pair.low is None or pair.high is None:
        why = "the runs are too few to show a spread"
    else:
        why = f"the difference is {difference(pair, metric, over='paired replicate')}"
        ends = gain(pair, metric)
        if pair.num_replicates >= FEWEST_REPLICATES:
            if (ends.low or 0.0) > 0.0:
                outcome = "holds"
            elif (ends.high or 0.0) < 0.0:
                outcome = "does not hold"
            elif pair.equivalent:
                outcome, why = "does not hold", f"{why}, too small to matter"
    return Claim(
        kind="order",
        text=f"{better.candidate.label}{better.after} is better than "
        f"{worse.candidate.label}{worse.after}",
        published=None if gap is None else abs(gap),
        measured_mean=None if pair is None else pair.mean,
        measured_sd=None if pair is None else pair.sd,
        low=None if pair is None else pair.low,
        high=None if pair is None else pair.high,
        outcome=outcome,
        sentence=f"{better.name}{better.after} is better than {worse.name}{worse.after}: "
        f"{outcome}; {why}.",
        stage=stage.name,
        candidate=better.candidate.label,
    )


def _published_gap(a: Candidate, b: Candidate) -> float | None:
    if a.published is None or b.published is None:
        return None
    first, second = a.published.test_accuracy, b.published.test_accuracy
    return None if first is None or second is None else first - second

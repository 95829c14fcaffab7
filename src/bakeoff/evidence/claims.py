"""What the author of a replicated work stated, held against our runs; knows records only.

*Numbers.* A published accuracy or loss came from one run on the test set, so it is held against
the 95 % prediction interval of one further run among ours, measured on the same test set.

*Orders.* That the author carried X on, or printed a better number for it, says "X is better than
Y". Whether that is so is a question about the configurations, not about one test set, so it is
judged as every stage is: by the paired differences on the validation parts, with the corrected
interval. Where one validation part served all runs (``split = "last"``, as the authors of most
notebooks have it) that interval speaks of this part alone, and the sentence says so. An interval above zero: holds. One below zero, a difference proven too small to matter,
or two names for one configuration: does not hold. Everything else cannot be told.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from bakeoff import words
from bakeoff.evidence.intervals import paired_comparison, prediction_interval
from bakeoff.evidence.rule import FEWEST_REPLICATES
from bakeoff.evidence.sampling import Sampling
from bakeoff.evidence.sentences import interval
from bakeoff.evidence.series import paired_values, values_of
from bakeoff.records import Candidate, Claim, Comparison, Metric, Run, StageResult
from bakeoff.tasks.classification import ACCURACY, LOSS, metric_of

Outcome = Literal["holds", "does not hold", "cannot be told"]

LEVEL = 0.95


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
        if sampling.split == "last":
            found = [_of_one_split(claim) for claim in found]
    return tuple(found)


def _of_one_split(claim: Claim) -> Claim:
    """The claim with the words that its interval speaks of one validation part alone."""
    if claim.kind != "order" or claim.low is None:
        return claim
    return replace(claim, sentence=f"{claim.sentence[:-1]}, on this one split.")


def _numbers(stage: StageResult, candidate: Candidate, runs: Sequence[Run]) -> Iterator[Claim]:
    published = candidate.published
    if published is None:
        return
    for metric, number in (
        (ACCURACY, published.test_accuracy),
        (LOSS, published.test_loss),
    ):
        if number is not None:
            yield _number(stage, candidate, runs, metric, number)


def _number(
    stage: StageResult, candidate: Candidate, runs: Sequence[Run], metric: Metric, number: float
) -> Claim:
    values = values_of(runs, metric.name, "test")
    text = f"{candidate.label} reaches a test {metric.words} of {words.level(number, metric)}"
    ends = prediction_interval(values, LEVEL)
    mean = float(values.mean()) if len(values) else None
    outcome: Outcome
    if ends is None:
        outcome = "cannot be told"
        sentence = (
            f"{text}: cannot be told from {words.plural(len(values), 'finished run')}, which "
            "shows no spread."
        )
        if mean is not None:
            sentence = f"{sentence[:-1]}; ours gave {words.level(mean, metric)}."
    else:
        outcome = "holds" if ends[0] <= number <= ends[1] else "does not hold"
        low, high = (
            words.bare(ends[0], metric),
            words.level(ends[1], metric),
        )
        sentence = (
            f"{text}: {outcome}. {words.plural(len(values), 'run')} of ours gave "
            f"{words.level(mean or 0.0, metric)} on average; one run falls between {low} and "
            f"{high} 95 times in 100."
        )
    return Claim(
        kind="number",
        text=text,
        published=number,
        measured_mean=mean,
        measured_sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        outcome=outcome,
        sentence=sentence,
        stage=stage.name,
        candidate=candidate.label,
    )


def _orders(stage: StageResult) -> Iterator[Claim]:
    verdict = stage.verdict
    if not verdict.pinned:
        return
    index = {candidate.label: k for k, candidate in enumerate(stage.candidates)}
    chosen = stage.candidate(verdict.chosen)
    for other in stage.candidates:
        if other is chosen:
            continue
        better, worse = chosen, other
        gap = _published_gap(chosen, other)
        if gap is not None and gap < 0.0:  # the author's own numbers say the contrary
            better, worse, gap = other, chosen, -gap
        pair = _find(verdict.comparisons, index[better.label], index[worse.label])
        yield _order(
            stage.name,
            better,
            worse,
            f"{better.label} is better than {worse.label}",
            gap,
            pair,
            metric_of(verdict),
            failed=set(verdict.failed),
        )


def _steps(before: StageResult, after: StageResult, sampling: Sampling) -> Iterator[Claim]:
    """The author's number at the end of one stage against that at the end of the next."""
    first, second = before.candidate(before.verdict.chosen), after.candidate(after.verdict.chosen)
    gap = _published_gap(second, first)
    if gap is None or gap == 0.0:
        return
    first_runs = before.runs[before.candidates.index(first)]
    second_runs = after.runs[after.candidates.index(second)]
    better, worse, runs = second, first, (second_runs, first_runs)
    places = (after.name, before.name)
    if gap < 0.0:
        better, worse, runs, gap = first, second, (first_runs, second_runs), -gap
        places = (before.name, after.name)
    metric = metric_of(after.verdict)
    a, b = paired_values(*runs, metric.name)
    pair = None
    if len(a):
        pair = paired_comparison(
            a,
            b,
            first=0,
            second=1,
            sampling=sampling,
            level=LEVEL,
            share=metric.share,
            delta=after.verdict.delta,
        )
    failed = {
        candidate.label
        for candidate, own in ((better, runs[0]), (worse, runs[1]))
        if not any(run.status == "finished" for run in own)
    }
    text = f"{better.label} (after {places[0]}) is better than {worse.label} (after {places[1]})"
    yield _order(after.name, better, worse, text, gap, pair, metric, failed=failed)


def _order(
    stage: str,
    better: Candidate,
    worse: Candidate,
    text: str,
    gap: float | None,
    pair: Comparison | None,
    metric: Metric,
    *,
    failed: set[str],
) -> Claim:
    higher = metric.higher_is_better
    outcome: Outcome = "cannot be told"
    if better.settings.fingerprint() == worse.settings.fingerprint():
        outcome = "does not hold"
        why = "they are one configuration"
        if gap is not None:
            why += f"; the published {words.difference(gap, ACCURACY)} between them are chance"
    elif worse.label in failed and better.label not in failed:
        outcome, why = "holds", f"the runs of {worse.label} failed"
    elif better.label in failed and worse.label not in failed:
        outcome, why = "does not hold", f"the runs of {better.label} failed"
    elif pair is None or pair.low is None or pair.high is None:
        why = "the runs are too few to show a spread"
    else:
        gain_low, gain_high = (pair.low, pair.high) if higher else (-pair.high, -pair.low)
        numbers = (
            f"{words.difference(pair.mean if higher else -pair.mean, metric)} over "
            f"{words.plural(pair.num_replicates, 'paired replicate')} "
            f"({interval(pair, metric, flip=not higher)})"
        )
        why = f"the difference is {numbers}"
        if pair.num_replicates >= FEWEST_REPLICATES:
            if gain_low > 0.0:
                outcome = "holds"
            elif gain_high < 0.0:
                outcome = "does not hold"
            elif pair.equivalent:
                outcome, why = "does not hold", f"{why}, too small to matter"
    return Claim(
        kind="order",
        text=text,
        published=gap,
        measured_mean=None if pair is None else pair.mean,
        measured_sd=None if pair is None else pair.sd,
        low=None if pair is None else pair.low,
        high=None if pair is None else pair.high,
        outcome=outcome,
        sentence=f"{text}: {outcome}; {why}.",
        stage=stage,
        candidate=better.label,
    )


def _published_gap(a: Candidate, b: Candidate) -> float | None:
    if a.published is None or b.published is None:
        return None
    first, second = a.published.test_accuracy, b.published.test_accuracy
    return None if first is None or second is None else first - second


def _find(comparisons: Sequence[Comparison], first: int, second: int) -> Comparison | None:
    """The comparison of two candidates, turned so that it is first minus second."""
    for pair in comparisons:
        if (pair.first, pair.second) == (first, second):
            return pair
        if (pair.first, pair.second) == (second, first):
            return replace(
                pair,
                first=first,
                second=second,
                mean=-pair.mean,
                low=None if pair.high is None else -pair.high,
                high=None if pair.low is None else -pair.low,
            )
    return None

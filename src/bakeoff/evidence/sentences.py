"""Verdicts in plain words with their numbers; knows records and wording, decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.evidence import wording
from bakeoff.records import Comparison, Verdict
from bakeoff.tasks.classification import METRICS


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sentence needs beyond the verdict's own fields.

    Attributes:
        higher_is_better: direction of the metric.
        num_rivals: how many others competed in the stage.
        enough: whether the look had enough replicates for a verdict at all.
        loss_leader: label with the lowest mean validation loss among the survivors, if known.
        failed_runs: (label, number of failed runs) of candidates that competed nevertheless.
        tuned: whether each candidate competed at its own tuned nuisances, or their names.
    """

    higher_is_better: bool
    num_rivals: int
    enough: bool
    loss_leader: str | None
    failed_runs: tuple[tuple[str, int], ...]
    tuned: bool | Sequence[str]


def interval(pair: Comparison, metric: str, *, flip: bool = False) -> str:
    """``98.75 % interval 0.11 to 0.93``; flipped for the difference the other way round."""
    if pair.low is None or pair.high is None:
        return "no interval from a single replicate"
    low, high = (-pair.high, -pair.low) if flip else (pair.low, pair.high)
    return (
        f"{wording.percent(pair.level)} interval "
        f"{wording.bare(low, metric)} to {wording.bare(high, metric)}"
    )


def reason(verdict: Verdict, facts: Facts) -> str:
    """The verdict in one plain sentence, and short ones for what else must be known."""
    if len(verdict.labels) == 1:
        parts = [f"{verdict.chosen} is the only candidate: nothing was compared, it is carried on."]
        return " ".join([*parts, *_remarks(verdict, facts)])
    if verdict.comparison is None:
        parts = [_unopposed(verdict, facts)]
    else:
        parts = [_difference(verdict, facts, verdict.comparison), _conclusion(verdict, facts)]
    return " ".join([*parts, *_remarks(verdict, facts)])


def _unopposed(verdict: Verdict, facts: Facts) -> str:
    name = verdict.leader
    if verdict.kind == "winner":
        return f"Only {name} has enough finished runs. Winner for want of a rival."
    if facts.enough:
        return f"{name} shares no finished replicate with a rival. Undecided: it goes on for now."
    return (
        f"Only {name} has a finished run, on "
        f"{wording.count(verdict.num_replicates, 'replicate')}. Undecided: it goes on for now."
    )


def _difference(verdict: Verdict, facts: Facts, pair: Comparison) -> str:
    metric = verdict.metric
    leader, other = verdict.labels[pair.first], verdict.labels[pair.second]
    closest = facts.num_rivals > 1 and verdict.chosen == verdict.leader
    rival = f"its closest rival {other}" if closest else other
    flip = not facts.higher_is_better
    gain = -pair.mean if flip else pair.mean
    gap = wording.amount(gain, metric)
    paired = f"{pair.num_replicates} paired replicates"
    over = f"Over {paired}" if pair.num_replicates > 1 else "On a single replicate"
    if gain == 0.0:
        return f"{over}, {leader} and {rival} came out equal ({interval(pair, metric, flip=flip)})."
    verb = "exceeded" if facts.higher_is_better else "undercut"
    if verdict.kind != "winner":
        verb = "was ahead of" if facts.enough else verb
    return f"{over}, {leader} {verb} {rival} by {gap} ({interval(pair, metric, flip=flip)})."


def _conclusion(verdict: Verdict, facts: Facts) -> str:
    delta = wording.amount(verdict.delta, verdict.metric)
    if verdict.kind == "winner":
        pair = verdict.comparison
        if pair is not None and abs(pair.mean) < verdict.delta:
            text = f"Winner, real but below your threshold of {delta}"
            if verdict.chosen == verdict.leader:
                return f"{text}; nothing cheaper comes as close, so it goes on."
            return f"{text}: {verdict.chosen} goes on, because it is cheaper."
        return "Winner."
    if verdict.kind == "tie":
        names = wording.listed(verdict.best)
        between = "" if len(verdict.best) == 2 else f" between {names}"
        return f"Tie{between} within ±{delta}: {verdict.chosen} goes on as the cheapest."
    if not facts.enough:
        return (
            f"Undecided: {wording.count(verdict.num_replicates, 'replicate')} cannot tell a "
            f"difference from luck; {verdict.chosen} goes on provisionally."
        )
    if verdict.chosen == verdict.leader:
        why = "it leads, and nothing cheaper is within one standard error"
    else:
        why = "the cheapest within one standard error"
    return (
        f"Undecided, neither a winner nor a tie within ±{delta}: {verdict.chosen} goes on "
        f"provisionally ({why})."
    )


def _remarks(verdict: Verdict, facts: Facts) -> list[str]:
    remarks = []
    if facts.loss_leader is not None and facts.loss_leader != verdict.leader:
        remarks.append(f"By validation loss {facts.loss_leader} leads.")
    if facts.failed_runs:
        failures = wording.listed([f"{number} of {label}" for label, number in facts.failed_runs])
        remarks.append(f"Failed runs, not averaged: {failures}.")
    if verdict.failed:
        remarks.append(
            f"Out because too few of their runs finished: {wording.listed(verdict.failed)}."
        )
    if facts.tuned and len(verdict.labels) > 1:
        if facts.tuned is True:
            remarks.append("Each at its own tuned setting.")
        else:
            names = wording.listed([wording.spoken(name) for name in facts.tuned])
            remarks.append(f"Each at its own {names}.")
    return remarks


def pinned(verdict: Verdict, chosen: str, pair: Comparison | None) -> str:
    """Where the author's choice and the evidence differ, with the numbers.

    Args:
        verdict: what the evidence says.
        chosen: the author's choice.
        pair: its comparison with the leader, either way round; None where it is the leader or
            where they share no finished replicate.
    """
    leader, carried = verdict.leader, f"The author carried {chosen}"
    if len(verdict.labels) == 1:
        return f"{carried}, the only candidate: nothing was compared."
    if leader in verdict.failed:
        return f"{carried}; in no candidate did enough runs finish to compare anything."
    if chosen in verdict.failed:
        return f"{carried}, but too few of its runs finished to compare it; {leader} leads."
    if chosen == leader:
        rival = _other(verdict, leader)
        if rival is None or verdict.comparison is None:
            return f"{carried}; too few runs of any other candidate finished to compare it."
        numbers = _ahead(verdict, verdict.comparison, leader, rival)
        if verdict.kind == "winner":
            small = abs(verdict.comparison.mean) < verdict.delta
            delta = wording.amount(verdict.delta, verdict.metric)
            ending = f", though by less than the {delta} that would matter" if small else ""
            return f"{carried}; the evidence agrees{ending}. {numbers}"
        if verdict.kind == "tie" and rival in verdict.best:
            return f"{carried}; it leads, but {rival} is as good. {numbers}"
        return f"{carried}; it leads, but the data cannot tell it from {rival}. {numbers}"
    if pair is None:
        return f"{carried}; the evidence is too thin to hold it against {leader}."
    numbers = _ahead(verdict, pair, leader, chosen)
    if verdict.kind == "tie" and chosen in verdict.best:
        return f"{carried}; the data shows no difference that matters to {leader}. {numbers}"
    if pair.low is None or pair.high is None:
        return f"{carried}; the evidence is too thin to hold it against {leader}. {numbers}"
    if pair.low <= 0.0 <= pair.high:
        return f"{carried}; the data cannot tell it from {leader}. {numbers}"
    return f"{carried}, but {leader} was better. {numbers}"


def _ahead(verdict: Verdict, pair: Comparison, leader: str, other: str) -> str:
    """The paired difference as a sentence about the leader."""
    flip = verdict.labels[pair.first] != leader
    mean = -pair.mean if flip else pair.mean
    if not METRICS.get(verdict.metric, True):
        mean, flip = -mean, not flip
    place = "ahead of" if mean >= 0.0 else "behind"
    return (
        f"Over {wording.count(pair.num_replicates, 'paired replicate')}, {leader} was {place} "
        f"{other} by {wording.amount(abs(mean), verdict.metric)} "
        f"({interval(pair, verdict.metric, flip=flip)})."
    )


def _other(verdict: Verdict, label: str) -> str | None:
    """Who the verdict's own comparison sets against the leader."""
    pair = verdict.comparison
    if pair is None or not verdict.labels:
        return None
    names = {verdict.labels[pair.first], verdict.labels[pair.second]} - {label}
    return names.pop() if len(names) == 1 else None

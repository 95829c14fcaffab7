"""Verdicts in plain words with their numbers; knows records, decides nothing.

Candidates are set as code (in backticks), so that one named ``none`` or ``1`` can be told from the
words around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff import words
from bakeoff.records import Comparison, Metric, Verdict
from bakeoff.tasks.classification import metric_of
from bakeoff.words import code

Why = Literal["cheapest", "incumbent, cheapest", "incumbent", "leader", "first"]

WHY: dict[Why, str] = {
    "cheapest": "it is the cheapest of them",
    "incumbent, cheapest": "it was carried in and is the cheapest of them",
    "incumbent": "it was carried in, and nothing was shown to be better",
    "leader": "it leads, and nothing as good is cheaper",
    "first": "it is the first of those that cost the same",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sentence needs beyond the verdict's own fields; candidates by their index.

    Attributes:
        names: of all candidates, for running text.
        enough: whether the look had enough replicates for a verdict at all.
        why: why the chosen one goes on where several are as good.
        lost_to: the comparisons by which candidates are out, winner first.
        loss_leader: lowest mean validation loss of this look, if known.
        runs_failed: (candidate, failed runs, runs).
        learned_nothing: not shown to do better than always naming the same class …
        chance: … which reaches this share.
        tuned: whether each candidate competed at its own tuned nuisances, or their names.
    """

    names: tuple[str, ...]
    enough: bool
    why: Why
    lost_to: tuple[Comparison, ...] = ()
    loss_leader: int | None = None
    runs_failed: tuple[tuple[int, int, int], ...] = ()
    learned_nothing: tuple[int, ...] = ()
    chance: float | None = None
    tuned: bool | Sequence[str] = False


def interval(pair: Comparison, metric: Metric, *, flip: bool = False) -> str:
    """``98.75 % interval 0.11 to 0.93``; flipped for the difference the other way round."""
    if pair.low is None or pair.high is None:
        return "no interval from a single replicate"
    low, high = (-pair.high, -pair.low) if flip else (pair.low, pair.high)
    return f"{words.coverage(pair.level)} interval {_end(low, metric)} to {_end(high, metric)}"


def _end(value: float, metric: Metric) -> str:
    """An end of an interval; one that is not zero is never printed as zero."""
    text = words.bare(value, metric)
    if value and not text.strip("−0."):
        scale = 100.0 if metric.share else 1.0
        return f"{scale * value:.1g}".replace("-", "−")
    return text


def reason(verdict: Verdict, facts: Facts) -> str:
    """The verdict in plain sentences: what was decided, by which numbers, and what to know."""
    say = _Narrator(verdict, facts)
    if len(verdict.labels) == 1:
        parts = [f"{say.chosen} is the only candidate: nothing was compared, it is carried on."]
    elif verdict.kind == "winner":
        parts = say.winner()
    elif verdict.kind == "tie":
        parts = say.tie()
    else:
        parts = say.undecided()
    return " ".join([*parts, *say.beaten(), *say.remarks()])


@dataclass(frozen=True, slots=True)
class _Narrator:
    """Puts one verdict into words."""

    verdict: Verdict
    facts: Facts

    @property
    def metric(self) -> Metric:
        return metric_of(self.verdict)

    def named(self, label: str) -> str:
        """A candidate of that label, as code."""
        return code(self.facts.names[self.verdict.labels.index(label)])

    def listed(self, labels: Sequence[str]) -> str:
        return words.listing([self.named(label) for label in labels])

    @property
    def chosen(self) -> str:
        return self.named(self.verdict.chosen)

    @property
    def delta(self) -> str:
        return words.difference(self.verdict.delta, self.metric)

    def ends(self, pair: Comparison) -> tuple[str, str]:
        """First and second of a comparison, as code."""
        return code(self.facts.names[pair.first]), code(self.facts.names[pair.second])

    def numbers(self, pair: Comparison) -> tuple[float, str]:
        """How much better the first is than the second, and the interval of that."""
        flip = not self.metric.higher_is_better
        return -pair.mean if flip else pair.mean, interval(pair, self.metric, flip=flip)

    def over(self, pair: Comparison) -> str:
        if pair.num_replicates == 1:
            return "On a single replicate"
        return f"Over {pair.num_replicates} paired replicates"

    def winner(self) -> list[str]:
        verdict, pair = self.verdict, self.verdict.comparison
        if pair is None:
            # No values could be compared: the others failed, and more often than by chance.
            leader = self.named(verdict.leader)
            return [f"{leader} finished where the others failed, more often than by luck. Winner."]
        first, second = self.ends(pair)
        gain, ends = self.numbers(pair)
        rival = f"its closest rival {second}" if len(verdict.beaten) > 1 else second
        verb = "exceeded" if self.metric.higher_is_better else "undercut"
        found = (
            f"{self.over(pair)}, {first} {verb} {rival} by "
            f"{words.difference(gain, self.metric)} ({ends})."
        )
        if verdict.chosen != verdict.leader:
            ending = f"{self.chosen} goes on, because it is cheaper."
            return [found, f"Winner, real but below your threshold of {self.delta}: {ending}"]
        if gain < verdict.delta:
            return [found, f"Winner, real but below your threshold of {self.delta}."]
        return [found, "Winner."]

    def tie(self) -> list[str]:
        verdict, pair = self.verdict, self.verdict.comparison
        if pair is None:
            raise AssertionError("a tie is found on a pair")
        first, second = self.ends(pair)
        gain, ends = self.numbers(pair)
        which = "" if len(verdict.best) == 2 else ", the widest apart,"
        return [
            f"Tie of {self.listed(verdict.best)} within ±{self.delta}: over "
            f"{words.plural(pair.num_replicates, 'paired replicate')}, {first} and {second}"
            f"{which} differ by {words.difference(gain, self.metric)} ({ends}).",
            f"{self.chosen} goes on: {WHY[self.facts.why]}.",
        ]

    def undecided(self) -> list[str]:
        verdict, pair = self.verdict, self.verdict.comparison
        goes_on = f"{self.chosen} goes on provisionally"
        if pair is None:
            others = [label for label in verdict.failed if label not in verdict.best]
            if len(verdict.best) == 1 and others:
                runs = "run" if len(others) == 1 else "runs"
                return [
                    f"Undecided: no {runs} of {self.listed(others)} gave a number, and that was "
                    f"not often enough to tell it from bad luck. {goes_on}."
                ]
            return [
                f"Undecided between {self.listed(verdict.best)}: they share no finished "
                f"replicate. {goes_on}."
            ]
        first, second = self.ends(pair)
        gain, ends = self.numbers(pair)
        ahead = f"{first} was ahead of {second} by {words.difference(gain, self.metric)}"
        if gain == 0.0:
            ahead = f"{first} and {second} came out equal"
        if not self.facts.enough:
            return [
                f"{self.over(pair)}, {ahead} ({ends}). Undecided: "
                f"{words.plural(verdict.num_replicates, 'replicate')} cannot tell a difference "
                f"from luck; {goes_on}."
            ]
        between = f"Undecided between {self.listed(verdict.best)}"
        found = f"over {words.plural(pair.num_replicates, 'paired replicate')}, {ahead} ({ends})"
        verdict_on = f"neither a win nor a tie within ±{self.delta}"
        if self.clear(pair):
            verdict_on = "but it failed in more of the replicates"
        if len(verdict.best) > 2:
            found = f"in the way stands one pair: {found}"
        return [f"{between}: {found}, {verdict_on}.", f"{goes_on}: {WHY[self.facts.why]}."]

    def clear(self, pair: Comparison) -> bool:
        """Whether the values of a blocking pair do differ: then failures stand in the way."""
        low = pair.low if self.metric.higher_is_better else pair.high
        return low is not None and (low > 0.0 if self.metric.higher_is_better else low < 0.0)

    def beaten(self) -> list[str]:
        """Everyone else that lost, each by the comparison that put it out."""
        shown = self.verdict.comparison
        ends = None if shown is None else {shown.first, shown.second}
        parts = []
        for pair in self.facts.lost_to:
            if {pair.first, pair.second} == ends:
                continue
            winner, loser = self.ends(pair)
            gain, numbers = self.numbers(pair)
            amount = words.difference(gain, self.metric)
            parts.append(f"{loser} is worse than {winner} by {amount} ({numbers})")
        return [f"{'; '.join(parts)}."] if parts else []

    def remarks(self) -> list[str]:
        verdict, facts = self.verdict, self.facts
        remarks = []
        leader = verdict.labels.index(verdict.leader)
        if facts.loss_leader is not None and facts.loss_leader != leader:
            remarks.append(f"By validation loss {code(facts.names[facts.loss_leader])} leads.")
        if facts.runs_failed:
            failures = [
                f"{failed} of {runs} of {code(facts.names[k])}"
                for k, failed, runs in facts.runs_failed
            ]
            remarks.append(f"Failed runs, not averaged: {words.listing(failures)}.")
        out = [label for label in verdict.failed if verdict.kind != "undecided" or verdict.best]
        if out and verdict.comparison is not None:
            remarks.append(f"Out because its runs failed: {self.listed(out)}.")
        if facts.learned_nothing and facts.chance is not None:
            who = words.listing([code(facts.names[k]) for k in facts.learned_nothing])
            verb = "is" if len(facts.learned_nothing) == 1 else "are"
            remarks.append(
                f"{who} {verb} not shown to do better than always naming the same class "
                f"({words.level(facts.chance, self.metric)})."
            )
        if facts.tuned and len(verdict.labels) > 1:
            names = "tuned setting"
            if facts.tuned is not True:
                names = words.listing([words.spoken(name) for name in facts.tuned])
            remarks.append(f"Each at its own {names}.")
        return remarks


def pinned(
    verdict: Verdict,
    chosen: str,
    pair: Comparison | None,
    *,
    names: Sequence[str],
) -> str:
    """Where the author's choice and the evidence differ, with the numbers.

    Args:
        verdict: what the evidence says.
        chosen: the author's choice.
        pair: its comparison with the leader, either way round; None where it is the leader or
            where they share no finished replicate.
        names: of all candidates, for running text.
    """
    metric = metric_of(verdict)
    spoken = dict(zip(verdict.labels, names, strict=True))

    def named(label: str) -> str:
        return code(spoken.get(label, label))

    def ahead(pair: Comparison, other: str) -> str:
        """The paired difference as a sentence about the leader."""
        flip = verdict.labels[pair.first] != leader
        mean = -pair.mean if flip else pair.mean
        if not metric.higher_is_better:
            mean, flip = -mean, not flip
        place = "ahead of" if mean >= 0.0 else "behind"
        return (
            f"Over {words.plural(pair.num_replicates, 'paired replicate')}, {named(leader)} was "
            f"{place} {named(other)} by {words.difference(abs(mean), metric)} "
            f"({interval(pair, metric, flip=flip)})."
        )

    leader, carried = verdict.leader, f"The author carried {named(chosen)}"
    tied = verdict.best if verdict.kind == "tie" else ()
    if len(verdict.labels) == 1:
        return f"{carried}, the only candidate: nothing was compared."
    if leader in verdict.failed:
        return f"{carried}; no candidate finished a run to compare."
    if chosen in verdict.failed:
        return f"{carried}, but its runs failed; {named(leader)} leads."
    if chosen == leader:
        closest = _closest(verdict, leader)
        if closest is None:
            return f"{carried}; no other candidate finished runs to compare it with."
        (rival,) = {verdict.labels[closest.first], verdict.labels[closest.second]} - {leader}
        numbers = ahead(closest, rival)
        if verdict.kind == "winner":
            small = abs(closest.mean) < verdict.delta
            delta = words.difference(verdict.delta, metric)
            ending = f", though by less than the {delta} that would matter" if small else ""
            return f"{carried}; the evidence agrees{ending}. {numbers}"
        if rival in tied:
            return f"{carried}; it leads, but {named(rival)} is as good. {numbers}"
        return f"{carried}; it leads, but the data cannot tell it from {named(rival)}. {numbers}"
    if pair is None:
        return f"{carried}; the evidence is too thin to hold it against {named(leader)}."
    numbers = ahead(pair, chosen)
    if chosen in tied:
        return f"{carried}; the data shows no difference that matters to {named(leader)}. {numbers}"
    if pair.low is None or pair.high is None:
        return f"{carried}; the evidence is too thin to hold it against {named(leader)}. {numbers}"
    if pair.low <= 0.0 <= pair.high:
        return f"{carried}; the data cannot tell it from {named(leader)}. {numbers}"
    return f"{carried}, but {named(leader)} was better. {numbers}"


def _closest(verdict: Verdict, leader: str) -> Comparison | None:
    """The leader's own pair in the verdict, else that with the rival nearest to it."""
    index = verdict.labels.index(leader)
    own = verdict.comparison
    if own is not None and index in (own.first, own.second):
        return own
    pairs = [pair for pair in verdict.comparisons if index in (pair.first, pair.second)]
    return min(pairs, key=lambda pair: abs(pair.mean), default=None)

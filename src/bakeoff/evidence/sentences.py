"""Verdicts in plain words with their numbers; knows records, decides nothing.

Candidates are set as code (in backticks), so that one named ``none`` or ``1`` can be told from the
words around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff import words
from bakeoff.evidence.intervals import gain, turned
from bakeoff.records import Comparison, Metric, PlannedStage, StageResult, Verdict
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


def interval(pair: Comparison, metric: Metric) -> str:
    """By how much the first is better: ``98.75 % interval 0.11 to 0.93``."""
    better = gain(pair, metric)
    if better.low is None or better.high is None:
        return "no interval from a single replicate"
    low, high = _end(better.low, metric), _end(better.high, metric)
    return f"{words.coverage(pair.level)} interval {low} to {high}"


def _end(value: float, metric: Metric) -> str:
    """An end of an interval; one that is not zero is never printed as zero."""
    text = words.bare(value, metric)
    if value and not text.strip("−0."):
        return f"{100.0 * value if metric.share else value:.1g}".replace("-", "−")
    return text


def difference(pair: Comparison, metric: Metric, *, over: str = "") -> str:
    """By how much the first is better, such as ``0.5 points over 5 replicates (95 % interval …)``."""
    amount = words.difference(gain(pair, metric).mean, metric)
    runs = f" over {words.plural(pair.num_replicates, over)}" if over else ""
    return f"{amount}{runs} ({interval(pair, metric)})"


def named(stage: StageResult | PlannedStage, label: str) -> str:
    """A candidate as code, with the setting it is a value of."""
    settings = next(one.settings for one in stage.candidates if one.label == label)
    return code(words.candidate(label, stage.varied, settings))


def reason(verdict: Verdict, facts: Facts) -> str:
    """The verdict in plain sentences: what was decided, by which numbers, and what to know."""
    say = _Narrator(verdict, facts.names, facts)
    if len(verdict.labels) == 1:
        parts = [f"{say.chosen} is the only candidate: nothing was compared, it is carried on."]
    else:
        parts = {"winner": say.winner, "tie": say.tie, "undecided": say.undecided}[verdict.kind]()
    return " ".join([*parts, *say.beaten(), *say.remarks()])


@dataclass(frozen=True, slots=True)
class _Teller:
    """Candidates and numbers of one verdict in words."""

    verdict: Verdict
    names: Sequence[str]

    @property
    def metric(self) -> Metric:
        return metric_of(self.verdict)

    @property
    def delta(self) -> str:
        return words.difference(self.verdict.delta, self.metric)

    def named(self, label: str) -> str:
        """A candidate of that label, as code."""
        return code(self.names[self.verdict.labels.index(label)])

    def listed(self, labels: Sequence[str]) -> str:
        return words.listing([self.named(label) for label in labels])

    def ends(self, pair: Comparison) -> tuple[str, str]:
        """First and second of a comparison, as code."""
        return code(self.names[pair.first]), code(self.names[pair.second])


@dataclass(frozen=True, slots=True)
class _Narrator(_Teller):
    """Puts one verdict into words."""

    facts: Facts

    @property
    def chosen(self) -> str:
        return self.named(self.verdict.chosen)

    def numbers(self, pair: Comparison) -> tuple[str, str]:
        """How much better the first is than the second, and the interval of that."""
        mean = gain(pair, self.metric).mean
        return words.difference(mean, self.metric), interval(pair, self.metric)

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
        amount, ends = self.numbers(pair)
        rival = f"its closest rival {second}" if len(verdict.beaten) > 1 else second
        verb = "exceeded" if self.metric.higher_is_better else "undercut"
        found = f"{self.over(pair)}, {first} {verb} {rival} by {amount} ({ends})."
        small = f"Winner, real but below your threshold of {self.delta}"
        if verdict.chosen != verdict.leader:
            return [found, f"{small}: {self.chosen} goes on, because it is cheaper."]
        if gain(pair, self.metric).mean < verdict.delta:
            return [found, f"{small}."]
        return [found, "Winner."]

    def tie(self) -> list[str]:
        verdict, pair = self.verdict, self.verdict.comparison
        if pair is None:
            raise AssertionError("a tie is found on a pair")
        first, second = self.ends(pair)
        amount, ends = self.numbers(pair)
        which = "" if len(verdict.best) == 2 else ", the widest apart,"
        return [
            f"Tie of {self.listed(verdict.best)} within ±{self.delta}: over "
            f"{words.plural(pair.num_replicates, 'paired replicate')}, {first} and {second}"
            f"{which} differ by {amount} ({ends}).",
            f"{self.chosen} goes on: {WHY[self.facts.why]}.",
        ]

    def undecided(self) -> list[str]:
        verdict, pair = self.verdict, self.verdict.comparison
        goes_on = f"{self.chosen} goes on provisionally"
        between = f"Undecided between {self.listed(verdict.best)}"
        if pair is None:
            others = [label for label in verdict.failed if label not in verdict.best]
            if len(verdict.best) == 1 and others:
                runs = "run" if len(others) == 1 else "runs"
                return [
                    f"Undecided: no {runs} of {self.listed(others)} gave a number, and that was "
                    f"not often enough to tell it from bad luck. {goes_on}."
                ]
            return [f"{between}: they share no finished replicate. {goes_on}."]
        first, second = self.ends(pair)
        amount, ends = self.numbers(pair)
        ahead = f"{first} was ahead of {second} by {amount}"
        if pair.mean == 0.0:
            ahead = f"{first} and {second} came out equal"
        if not self.facts.enough:
            return [
                f"{self.over(pair)}, {ahead} ({ends}). Undecided: "
                f"{words.plural(verdict.num_replicates, 'replicate')} cannot tell a difference "
                f"from luck; {goes_on}."
            ]
        found = f"over {words.plural(pair.num_replicates, 'paired replicate')}, {ahead} ({ends})"
        verdict_on = f"neither a win nor a tie within ±{self.delta}"
        # Where the values of a blocking pair do differ, failures stand in the way.
        if (gain(pair, self.metric).low or 0.0) > 0.0:
            verdict_on = "but it failed in more of the replicates"
        if len(verdict.best) > 2:
            found = f"in the way stands one pair: {found}"
        return [f"{between}: {found}, {verdict_on}.", f"{goes_on}: {WHY[self.facts.why]}."]

    def beaten(self) -> list[str]:
        """Everyone else that lost, each by the comparison that put it out."""
        shown = self.verdict.comparison
        ends = None if shown is None else {shown.first, shown.second}
        parts = []
        for pair in self.facts.lost_to:
            if {pair.first, pair.second} != ends:
                winner, loser = self.ends(pair)
                parts.append(f"{loser} is worse than {winner} by {difference(pair, self.metric)}")
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


def pinned(verdict: Verdict, chosen: str, names: Sequence[str]) -> str:
    """Where the author's choice and the evidence differ, with the numbers; ``names`` as in ``Facts``."""
    say = _Teller(verdict, names)
    leader = verdict.leader
    carried, leads = f"The author carried {say.named(chosen)}", say.named(leader)
    tied = verdict.best if verdict.kind == "tie" else ()
    if len(verdict.labels) == 1:
        return f"{carried}, the only candidate: nothing was compared."
    if leader in verdict.failed:
        return f"{carried}; no candidate finished a run to compare."
    if chosen in verdict.failed:
        return f"{carried}, but its runs failed; {leads} leads."
    pair = _pair_to_tell(verdict, leader, chosen)
    if pair is None and chosen == leader:
        return f"{carried}; no other candidate finished runs to compare it with."
    if pair is None:
        return f"{carried}; the evidence is too thin to hold it against {leads}."
    other = verdict.labels[pair.second]
    ahead = gain(pair, say.metric).mean
    how = (
        f"{leads} was {'ahead of' if ahead > 0.0 else 'behind'} {say.named(other)} by "
        f"{words.difference(abs(ahead), say.metric)}"
        if ahead
        else f"{leads} and {say.named(other)} came out equal"
    )
    numbers = (
        f"Over {words.plural(pair.num_replicates, 'paired replicate')}, {how} "
        f"({interval(turned(pair) if ahead < 0.0 else pair, say.metric)})."
    )
    if chosen == leader and verdict.kind == "winner":
        small = abs(pair.mean) < verdict.delta
        found = f"the evidence agrees{f', though by less than the {say.delta} that would matter' if small else ''}"
    elif chosen == leader and other in tied:
        found = f"it leads, but {say.named(other)} is as good"
    elif chosen == leader:
        found = f"it leads, but the data cannot tell it from {say.named(other)}"
    elif chosen in tied:
        found = f"the data shows no difference that matters to {leads}"
    elif pair.low is None or pair.high is None:
        found = f"the evidence is too thin to hold it against {leads}"
    elif pair.low <= 0.0 <= pair.high:
        found = f"the data cannot tell it from {leads}"
    else:
        return f"{carried}, but {leads} was better. {numbers}"
    return f"{carried}; {found}. {numbers}"


def _pair_to_tell(verdict: Verdict, leader: str, chosen: str) -> Comparison | None:
    """The leader minus the chosen one; where that is the leader, minus the rival that decided.

    That is the other of the verdict's own pair, else the rival nearest to the leader.
    """
    pairs = [
        turned(pair) if verdict.labels[pair.second] == leader else pair
        for pair in verdict.comparisons
    ]
    pairs = [pair for pair in pairs if verdict.labels[pair.first] == leader]
    if chosen != leader:
        return next((pair for pair in pairs if verdict.labels[pair.second] == chosen), None)
    own = verdict.comparison
    if own is not None and leader in (verdict.labels[own.first], verdict.labels[own.second]):
        return own if verdict.labels[own.first] == leader else turned(own)
    return min(pairs, key=lambda pair: abs(pair.mean), default=None)

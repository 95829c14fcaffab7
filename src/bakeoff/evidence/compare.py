"""Two finished studies side by side: what they chose, and what their candidates got; trains nothing.

Studies of the same data, seed, split and folds share their replicates, so that their runs are
pairs as within a stage; others have nothing in common run by run, and that is said instead of
a difference. Candidates are matched by what they train; where only their labels agree, the settings
in which they differ are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bakeoff import words
from bakeoff.evidence.intervals import gain, paired_comparison, paired_values, turned, values_of
from bakeoff.evidence.rule import FEWEST_REPLICATES, default_delta, sampling_of_result
from bakeoff.evidence.sentences import interval
from bakeoff.records import Candidate, Comparison, Metric, Run, StudyResult
from bakeoff.tasks.classification import metric_of

Word = Literal["winner", "tie", "undecided"]
Trained = tuple[Candidate, Sequence[Run]]

ALPHA = 0.05

_SHARED: tuple[tuple[str, Callable[[StudyResult], Any]], ...] = (
    ("data", lambda result: result.data.hash),
    ("seed", lambda result: result.seed),
    ("split", lambda result: result.split),
    ("folds", lambda result: result.spec.get("folds")),
)


@dataclass(frozen=True, slots=True)
class Matched:
    """One candidate of each study, over the replicates that both finished.

    Attributes:
        stage: where it is matched; empty for what the studies chose in the end.
        first, second: labels of the candidates.
        differing: names of the settings in which they differ, as far as those have an effect.
        same_runs: whether both studies read the same runs of the store, so that nothing differs.
        comparison: second minus first; None where nothing is shared or the runs are the same.
        word: what that shows at one look, None where there is no comparison.
        sentence: in words.
    """

    stage: str
    first: str
    second: str
    differing: tuple[str, ...]
    same_runs: bool
    comparison: Comparison | None
    word: Word | None
    sentence: str


def unshared(first: StudyResult, second: StudyResult) -> tuple[str, ...]:
    """Why replicate s of one study is not replicate s of the other; empty where it is."""
    return tuple(name for name, of in _SHARED if of(first) != of(second))


def chosen(result: StudyResult) -> Trained | None:
    """What a study chose, with its runs in the last stage; None before the first stage is over."""
    if not result.stages:
        return None
    return result.stages[-1].chosen, result.stages[-1].chosen_runs


def compare_studies(first: StudyResult, second: StudyResult) -> tuple[Matched, ...]:
    """What the studies chose, then the candidates that both have, stage by stage.

    The choices are held against each other at 95 %; the candidates share another 5 % among
    themselves (Bonferroni).

    Returns:
        empty where the studies share no replicates (``unshared``).
    """
    if unshared(first, second):
        return ()
    ours, theirs = chosen(first), chosen(second)
    found: list[Matched] = []
    if ours is not None and theirs is not None:
        found.append(_matched("", ours, theirs, first, ALPHA))
    pairs = list(_candidates_of_both(first, second))
    found += [_matched(stage, a, b, first, ALPHA / len(pairs)) for stage, a, b in pairs]
    return tuple(found)


def _candidates_of_both(
    first: StudyResult, second: StudyResult
) -> Iterator[tuple[str, Trained, Trained]]:
    """In stages of one name: candidates of the same settings, else of the same label."""
    others = {stage.name: stage for stage in second.stages}
    for stage in first.stages:
        if stage.name not in others:
            continue
        other = others[stage.name]
        theirs = list(zip(other.candidates, other.runs, strict=True))
        by_settings = {one[0].settings.fingerprint(): one for one in theirs}
        by_label = {one[0].label: one for one in theirs}
        for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
            same = by_settings.get(candidate.settings.fingerprint())
            match = same or by_label.get(candidate.label)
            if match is not None:
                yield stage.name, (candidate, runs), match


def _matched(
    stage: str, first: Trained, second: Trained, result: StudyResult, alpha: float
) -> Matched:
    ours, theirs = first[0].settings.effective(), second[0].settings.effective()
    differing = tuple(name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))

    def matched(text: str, pair: Comparison | None = None, word: Word | None = None) -> Matched:
        labels = (first[0].label, second[0].label)
        return Matched(stage, *labels, differing, same_runs, pair, word, text)

    same_runs = bool({run.key for run in first[1]} & {run.key for run in second[1]})
    if same_runs:
        return matched("the same runs: nothing to compare")
    metric, delta = metric_of(result), result.spec.get("delta")
    a, b = paired_values(second[1], first[1], metric)
    if not len(a):
        without = [
            one[0].label
            for one in (first, second)
            if not values_of(one[1], f"val_{metric.name}")
            and any(run.status == "finished" for run in one[1])
        ]
        if without:
            measured = words.listing([words.code(label) for label in dict.fromkeys(without)])
            return matched(f"no {metric.words} was measured of {measured}")
        return matched("no replicate that both finished")
    if delta is None:
        best = metric.sign * max(metric.sign * a.mean(), metric.sign * b.mean())
        higher = metric.higher_is_better
        delta = default_delta(float(best), share=metric.share, higher_is_better=higher)
    pair = paired_comparison(
        a,
        b,
        first=1,
        second=0,
        sampling=sampling_of_result(result, metric.name),
        level=1.0 - alpha,
        share=metric.share,
        delta=delta,
    )
    word = _word(pair)
    return matched(_sentence(pair, word, metric, delta), pair, word)


def _word(pair: Comparison) -> Word:
    if pair.num_replicates < FEWEST_REPLICATES or pair.low is None or pair.high is None:
        return "undecided"
    if pair.low > 0.0 or pair.high < 0.0:
        return "winner"
    return "tie" if pair.equivalent else "undecided"


def _sentence(pair: Comparison, word: Word, metric: Metric, delta: float) -> str:
    ahead = gain(pair, metric).mean
    shown = turned(pair) if ahead < 0.0 else pair  # the interval of what is said
    if ahead == 0.0:
        place = "is level with"
    elif word == "winner":
        place = "is better than" if ahead > 0.0 else "is worse than"
    else:
        place = "was ahead of" if ahead > 0.0 else "was behind"
    by = "" if ahead == 0.0 else f" by {words.difference(abs(ahead), metric)}"
    ending = {
        "winner": f"winner: the {'second' if ahead > 0.0 else 'first'}",
        "tie": f"a tie within ±{words.difference(delta, metric)}",
        "undecided": "undecided",
    }[word]
    return (
        f"the second {place} the first{by} over "
        f"{words.plural(pair.num_replicates, 'paired replicate')} ({interval(shown, metric)}): "
        f"{ending}"
    )

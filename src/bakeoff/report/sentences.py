"""One finding, one plain sentence, written from the numbers of a view; knows nothing of pages.

A sentence never claims more than its
verdict: a tie says "did not matter", an undecided one says that nobody can tell.
"""

from __future__ import annotations

from bakeoff.report.view_final import FinalView
from bakeoff.report.view_runs import CandidateView
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import (
    Metric,
    duration,
    listing,
    metric,
    percent,
    plural,
    share_of,
)


def interval(measure: Metric, low: float | None, high: float | None, level: float | None) -> str:
    """``98.75 % interval 0.11 to 0.93``, or nothing where there is none."""
    if low is None or high is None:
        return ""
    name = f"{share_of(level)} interval" if level is not None else "interval"
    return f"{name} {measure.bare(low)} to {measure.bare(high)}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


_NAMES = {"hidden": "the shape of the hidden layers", "scale": "the scaling of the features"}


def _subject(stage: StageView) -> str:
    """What the stage varied, as the subject of a sentence."""
    if stage.varied and len(stage.varied) <= 3:
        return listing([_NAMES.get(name, name.replace("_", " ")) for name in stage.varied])
    return f"the choice of stage {stage.name}"


def full_label(stage: StageView, label: str) -> str:
    """A label with the setting it is a value of: a bare ``64`` in a sentence is a riddle."""
    if len(stage.varied) != 1 or stage.varied[0] not in stage.settings_names:
        return label
    values = dict(stage.settings_rows)[label]
    if values[stage.settings_names.index(stage.varied[0])] != label:
        return label
    return f"{stage.varied[0].replace('_', ' ')} {label}"


def _opening(stage: StageView, label: str) -> str:
    """``_full`` at the start of a sentence; a label itself is never changed."""
    full = full_label(stage, label)
    return full if full == label else _capital(full)


def _incumbent(stage: StageView) -> str:
    return (
        "the incumbent"
        if stage.carried_label in (None, "incumbent")
        else f"the incumbent {stage.carried_label}"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _margin(stage: StageView, measure: Metric) -> str:
    ends = interval(measure, stage.margin_low, stage.margin_high, stage.margin_level)
    return _in_brackets(ends)


def _difference_to(stage: StageView, label: str) -> float | None:
    for difference in stage.differences:
        if difference.label == label:
            return difference.mean
    return None


def one_replicate(stage: StageView, measure: Metric) -> str:
    """With a single replicate there is a ranking but no evidence."""
    ranked = sorted(
        (c for c in stage.candidates if c.mean is not None),
        key=lambda c: c.mean if c.mean is not None else 0.0,
        reverse=measure.higher_is_better,
    )
    if len(ranked) < 2:
        return (
            f"{_opening(stage, stage.chosen)} goes on; one run each cannot tell how sure that is."
        )
    first, second = ranked[0], ranked[1]
    gap = abs((first.mean or 0.0) - (second.mean or 0.0))
    return (
        f"In a single replicate {full_label(stage, first.label)} reached {measure.level(first.mean)} and "
        f"{full_label(stage, second.label)} {measure.level(second.mean)}; one run each cannot tell a difference of "
        f"{measure.difference(gap)} from chance."
    )


def winner(stage: StageView, measure: Metric) -> str:
    """The leader beat every rival."""
    replicates = plural(stage.num_replicates, "paired replicate")
    if stage.chosen != stage.leader:
        lost = _difference_to(stage, stage.leader)
        return (
            f"{_opening(stage, stage.leader)} is really better than {full_label(stage, stage.chosen)}, by "
            f"{measure.difference(abs(lost if lost is not None else stage.margin or 0.0))}"
            f"{_margin(stage, measure)}, but that is below the threshold of "
            f"{measure.difference(stage.delta)}, so the cheaper {stage.chosen} goes on."
        )
    rival = stage.margin_second if stage.margin_first == stage.chosen else stage.margin_first
    if rival is None or stage.margin is None:
        return f"{stage.chosen} had no rival left in {replicates}."
    if stage.carried_label == stage.chosen:
        return (
            f"{_capital(_subject(stage))}: nothing beat {_incumbent(stage)}; its closest "
            f"rival {rival} was {measure.difference(abs(stage.margin))} worse"
            f"{_margin(stage, measure)} over {replicates}."
        )
    return (
        f"{_capital(_subject(stage))} mattered: {stage.chosen} beat {rival} by "
        f"{measure.difference(abs(stage.margin))}{_margin(stage, measure)} over {replicates}."
    )


def tie(stage: StageView, measure: Metric) -> str:
    """The survivors are equivalent."""
    others = [label for label in stage.best if label != stage.chosen]
    worst = max((abs(_difference_to(stage, label) or 0.0) for label in others), default=0.0)
    beaten = f"; {listing(stage.beaten)} lost" if stage.beaten else ""
    subject = "did not matter" if not stage.beaten else "did not matter among the best"
    return (
        f"{_capital(_subject(stage))} {subject}: {listing(stage.best)} differ by at most "
        f"{measure.difference(worst)} on average and lie within ±{measure.difference(stage.delta)} "
        f"of each other over {plural(stage.num_replicates, 'paired replicate')}, so the cheapest, "
        f"{stage.chosen}, goes on{beaten}."
    )


def undecided(stage: StageView, measure: Metric) -> str:
    """Nobody can tell, and the choice is a default."""
    pair = listing([name for name in (stage.margin_first, stage.margin_second) if name])
    gap = (
        f"the difference of {pair} is {measure.difference(stage.margin)}{_margin(stage, measure)}"
        if stage.margin is not None and pair
        else f"{listing([c.label for c in stage.candidates])} cannot be told apart"
    )
    choice = (
        f"The author's choice {stage.chosen} goes on"
        if stage.pinned
        else f"{_opening(stage, stage.chosen)} goes on provisionally, as a default and not as a finding"
    )
    note = f" {stage.power_note}" if stage.power_note else ""
    return (
        f"{_capital(_subject(stage))}: undecided after "
        f"{plural(stage.num_replicates, 'paired replicate')}; {gap}. {choice}.{note}"
    )


def failures(candidate: CandidateView) -> str:
    """Runs that failed are counted and shown, never averaged."""
    why = f" ({candidate.failure})" if candidate.failure else ""
    return (
        f"{candidate.num_failed} of {plural(candidate.num_runs, 'run')} of {candidate.label} "
        f"failed{why}; failed runs are counted, never averaged."
    )


def gain(stage: StageView, measure: Metric) -> str | None:
    """What the stage did to the chain, where that is worth a sentence of its own."""
    if stage.gain is None or stage.carried_label in (None, stage.chosen):
        return None
    better = stage.gain if measure.higher_is_better else -stage.gain
    if better >= -stage.delta:
        return None
    lost = measure.difference(abs(stage.gain))
    verb = "was" if lost.startswith("1.00 ") else "were"
    because = (
        f"{_incumbent(stage)} was not among the candidates"
        if not stage.has_incumbent
        else f"the author pinned {stage.chosen} although {stage.carried_label} was better"
        if stage.pinned
        else f"{stage.chosen} went on although {stage.carried_label} was better"
    )
    pinned = (
        " and the author's choice is pinned" if stage.pinned and not stage.has_incumbent else ""
    )
    return f"{lost} {verb} lost at stage {stage.name} because {because}{pinned}."


def against_evidence(stage: StageView, measure: Metric) -> str | None:
    """Where a pinned choice and the evidence differ."""
    if not stage.pinned or stage.chosen == stage.leader:
        return None
    gap = _difference_to(stage, stage.leader)
    if gap is None:
        return f"The author chose {stage.chosen}; the runs put {stage.leader} first."
    found = {
        "winner": f"the evidence says {stage.leader}, by {measure.difference(abs(gap))}",
        "tie": f"the evidence cannot tell it from {stage.leader}",
        "undecided": f"{stage.leader} led by {measure.difference(abs(gap))}, which is not decided",
    }[stage.kind]
    return f"The author chose {stage.chosen}; {found}."


def stage_sentence(stage: StageView) -> str:
    """The verdict of one stage in one sentence."""
    measure = metric(stage.metric)
    if len(stage.candidates) == 1:
        change = (
            ""
            if stage.gain is None or stage.carried_label is None
            else ", the very configuration that was carried in"
            if stage.carried_label == stage.chosen
            else f", {measure.difference(stage.gain, sign=True)} against {stage.carried_label}, which was "
            "carried in"
        )
        return (
            f"{stage.chosen} was the only candidate: {measure.level(stage.candidates[0].mean)} over "
            f"{plural(stage.candidates[0].num_finished, 'replicate')}{change}."
        )
    if all(candidate.mean is None for candidate in stage.candidates):
        return f"Every run of stage {stage.name} failed, so there is no verdict."
    if stage.num_replicates <= 1:
        return one_replicate(stage, measure)
    return {"winner": winner, "tie": tie, "undecided": undecided}[stage.kind](stage, measure)


def final_sentence(final: FinalView) -> str:
    """The test accuracy with both sources of its error named."""
    if final.accuracy_mean is None:
        return "The test set was not opened."
    refits = sum(run.status == "finished" for run in final.runs)
    text = (
        f"The final model, refitted {plural(refits, 'time')} on all examples outside the test set, "
        f"recognises {percent(final.accuracy_mean)} of {plural(final.num_test, 'test example')}"
    )
    parts = []
    if final.training_half is not None:
        parts.append(f"training it again moves that by ±{100 * final.training_half:.2f} points")
    if final.sampling_half is not None:
        parts.append(f"another test set of this size by ±{100 * final.sampling_half:.2f} points")
    return text + (f" ({', '.join(parts)}; 95 % each)." if parts else ".")


def strip_finding(stage: StageView) -> tuple[str, str]:
    """For the verdict strip: by how much, and the interval, each as short as it can be."""
    measure = metric(stage.metric)
    if stage.num_replicates <= 1 and len(stage.candidates) > 1:
        return "one run each", "no interval from one replicate"
    if stage.margin is None or len(stage.candidates) == 1:
        return "", ""
    ends = (
        ""
        if stage.margin_low is None or stage.margin_high is None
        else f"{measure.bare(stage.margin_low, sign=True)} to {measure.bare(stage.margin_high, sign=True)}"
    )
    return measure.difference(stage.margin, sign=True), ends


def verdict_word(stage: StageView) -> str:
    """The verdict in one or two words, honest about defaults and pins."""
    if len(stage.candidates) == 1:
        word = "only candidate"
    elif stage.num_replicates <= 1:
        word = "one replicate"
    elif stage.kind == "undecided" and stage.provisional:
        word = "undecided, provisional"
    else:
        word = stage.kind
    return f"{word}, pinned" if stage.pinned else word


def study_seconds(num_trained: int, num_reused: int, seconds: float) -> str:
    """How much was trained, how much was found, how long it took."""
    reused = f", {num_reused:,} reused" if num_reused else ""
    return f"{plural(num_trained, 'run')} trained{reused} in {duration(seconds)}"


# A price of fewer points than this is no news: the verdict's own sentence says as much.
SMALLEST_PRICE = 0.05


def price(stage: StageView, measure: Metric) -> str | None:
    """What the worst candidate that was beaten early would have cost, or None where none was far behind.

    The mean difference over the replicates that it shares with the chosen one; only for shares,
    whose points mean the same in every study.
    """
    if not measure.share or stage.pinned:
        return None
    chosen = {run.replicate: run.value for run in stage.candidate(stage.chosen).runs}
    worst: tuple[float, str, int] | None = None
    for candidate in stage.candidates:
        if candidate.state != "beaten" or candidate.num_runs >= stage.num_replicates:
            continue
        gaps = [
            ours - run.value
            for run in candidate.runs
            if run.value is not None and (ours := chosen.get(run.replicate)) is not None
        ]
        if gaps and (worst is None or sum(gaps) / len(gaps) > worst[0]):
            worst = (sum(gaps) / len(gaps), candidate.label, len(gaps))
    if worst is None or worst[0] < SMALLEST_PRICE:
        return None
    gap, label, count = worst
    return (
        f"{_opening(stage, label)} would have cost {measure.difference(gap)}; "
        f"{plural(count, 'replicate')} were enough to see it."
    )

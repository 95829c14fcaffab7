"""What is worth saying of a study, and in which tone; the words come from ``sentences``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report import sentences
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import listing, metric, plural, setting


@dataclass(frozen=True, slots=True)
class Observation:
    """One finding in words.

    Attributes:
        stage: anchor of the stage it belongs to, or None.
        tone: ``good``, ``plain``, ``open`` (nobody can tell) or ``bad`` (something was lost).
        text: the sentence.
    """

    stage: str | None
    tone: str
    text: str


_TONES = {"winner": "good", "tie": "plain", "undecided": "open"}


def observe_stage(stage: StageView) -> list[Observation]:
    """Everything worth saying of one stage, most important first."""
    measure = metric(stage.metric)
    lone = stage.num_replicates <= 1 and len(stage.candidates) > 1
    lost = sentences.gain(stage, measure)
    tone = "open" if lone else _TONES[stage.kind]
    if len(stage.candidates) == 1:
        tone = "plain"
    if lost and tone == "good":  # the best of a stage that went backwards is no good news
        tone = "plain"
    found = [Observation(stage.anchor, tone, sentences.stage_sentence(stage))]
    if lost:
        found.append(Observation(stage.anchor, "bad", lost))
    price = sentences.price(stage, measure) if not lone else None
    if price:
        found.append(Observation(stage.anchor, "plain", price))
    against = sentences.against_evidence(stage, measure) if not lone else None
    if against:
        found.append(Observation(stage.anchor, "open", against))
    found += [
        Observation(stage.anchor, "bad", sentences.failures(candidate))
        for candidate in stage.candidates
        if candidate.num_failed
    ]
    edges = [point for point in stage.tuning if point.chosen and point.at_edge]
    for point in edges:
        values = listing(
            [f"{name} {setting(value)}" for name, value in point.values if name in point.at_edge]
        )
        found.append(
            Observation(
                stage.anchor,
                "open",
                f"The best {values} of {point.candidate} is at the edge of what was tried; the true "
                "best may lie beyond.",
            )
        )
    return found


def observe_chain(stages: Sequence[StageView]) -> Observation | None:
    """From the first stage's starting point to the end of the chain."""
    if len(stages) < 2:
        return None
    measure = metric(stages[0].metric)
    first, last = stages[0], stages[-1]
    start = first.candidates[0]
    end = last.candidate(last.chosen)
    if start.mean is None or end.mean is None:
        return None
    change = end.mean - start.mean
    better = change > 0 if measure.higher_is_better else change < 0
    verb = "rose" if change > 0 else "fell"
    found = any(stage.kind == "winner" and stage.num_replicates > 1 for stage in stages)
    chance = "" if found else "; no stage had a winner, so part of this may be chance"
    return Observation(
        None,
        ("good" if found else "plain") if better else "bad",
        f"Over {plural(len(stages), 'stage')} {measure.title} {verb} from "
        f"{measure.level(start.mean)} ({sentences.full_label(first, start.label)}) to {measure.level(end.mean)}{chance}.",
    )

"""Which earlier choices the chain audit swaps back at the final settings; knows no numbers of them.

Each stage's runner-up, and every categorical value that was tried, at other values of the setting
that must be tuned again with it (a learning rate with an activation): the two ways in which a
later choice makes an earlier one wrong. ``evidence.audit`` judges what the swaps show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bakeoff import words
from bakeoff.records import Candidate, StageResult
from bakeoff.settings import Settings
from bakeoff.spec.candidates import changed
from bakeoff.spec.space import MODEL

MOST_RETUNED_SWAPS = 12
"""How many (categorical choice, retuned value) pairs are tried, nearest values first."""

Complete = Callable[[Mapping[str, Any]], Settings]
"""Full settings of plain values; raises ValueError where they exclude each other."""


@dataclass(frozen=True, slots=True)
class Swap:
    """The final settings with one earlier choice swapped.

    Attributes:
        kind: ``runner-up`` or ``learning-rate``, as in ``AuditSwap``.
        stage: name of the stage whose choice is swapped.
        label: what it is swapped to, such as ``hidden=32`` or ``activation=relu, learning_rate=0.1``.
        changes: the settings that differ from the final ones, by name.
    """

    kind: Literal["runner-up", "learning-rate"]
    stage: str
    label: str
    changes: Mapping[str, Any]


def runner_up(stage: StageResult) -> Candidate | None:
    """The best candidate of a stage that was not carried on; None if there is no other.

    Where the chosen one is not the leader (a tie, a cheaper choice, a pinned one) it is the
    leader; else the candidate whose paired mean comes closest to the leader's; where every other one
    failed, the first of those.
    """
    verdict = stage.verdict
    labels = [candidate.label for candidate in stage.candidates]
    if verdict.leader != verdict.chosen and verdict.leader not in verdict.failed:
        return stage.candidate(verdict.leader)
    gaps: dict[int, float] = {}
    chosen = labels.index(verdict.chosen)
    for pair in verdict.comparisons:
        if chosen in (pair.first, pair.second):
            gaps[pair.second if pair.first == chosen else pair.first] = abs(pair.mean)
    if not gaps:
        # Every rival failed. What could not learn then may be the best one now.
        rivals = [candidate for candidate in stage.candidates if candidate.label != verdict.chosen]
        return rivals[0] if rivals else None
    return stage.candidates[min(gaps, key=lambda k: (gaps[k], k))]


def plan_swaps(
    stages: Sequence[StageResult], *, complete: Complete, retune: Mapping[str, str]
) -> tuple[Swap, ...]:
    """The swaps worth a look at the final settings.

    First each stage's runner-up; then every value of a categorical setting that a stage tried and
    that the final settings do not have, at every other value the study tried of the setting that
    must be tuned again with it, nearest first. A swap that would train what another one or the
    final candidate trains is left out; one whose settings exclude each other is not.

    Args:
        stages: of the study, in order; the last one's choice is the final candidate.
        retune: setting → the setting that a fair comparison tunes when this one changes.
    """
    if not stages:
        return ()
    final = stages[-1].chosen.settings
    seen = {final.fingerprint()}

    def add(
        to: list[Swap],
        kind: Literal["runner-up", "learning-rate"],
        stage: str,
        changes: Mapping[str, Any],
    ) -> None:
        if MODEL not in changes:
            changes = {name: value for name, value in changes.items() if final.get(name) != value}
        named = [MODEL] if MODEL in changes else list(changes)
        label = ", ".join(f"{name}={words.setting(changes[name])}" for name in named)
        settings, _ = swapped(final, changes, complete)
        mark = label if settings is None else settings.fingerprint()
        if changes and mark not in seen:
            seen.add(mark)
            to.append(Swap(kind, stage, label, changes))

    swaps: list[Swap] = []
    for stage in stages:
        other = runner_up(stage)
        if other is not None:
            add(swaps, "runner-up", stage.name, _differences(stage.chosen, other))
    retuned: list[Swap] = []
    for _, partner, value in sorted(_other_values(stages, final, set(retune.values()))):
        for stage in stages:
            for name, choice in _categorical_values(stage, final):
                if retune.get(name) == partner:
                    add(retuned, "learning-rate", stage.name, {name: choice, partner: value})
    return (*swaps, *retuned[:MOST_RETUNED_SWAPS])


def swapped(
    final: Settings, changes: Mapping[str, Any], complete: Complete
) -> tuple[Settings | None, str | None]:
    """The final settings with a swap's changes; or None and the rule that they break."""
    try:
        return complete(changed(final, changes)), None
    except ValueError as error:  # such as a long warm-up in few epochs
        rules = [str(one["msg"]) for one in getattr(error, "errors", list)()] or [str(error)]
        return None, rules[0].removeprefix("Value error, ")


def _differences(chosen: Candidate, other: Candidate) -> dict[str, Any]:
    ours = chosen.settings
    if ours.get(MODEL) != other.settings.get(MODEL):
        return dict(other.settings)  # another model has its own settings
    return {name: value for name, value in other.settings.items() if ours.get(name) != value}


def _other_values(
    stages: Sequence[StageResult], final: Settings, names: set[str]
) -> set[tuple[float, str, float]]:
    """Other values of some numeric settings that the study tried: (distance, name, value)."""
    tried: set[tuple[float, str, float]] = set()
    for name in names & final.keys():
        values: set[Any] = {one.settings.get(name) for stage in stages for one in stage.candidates}
        values |= {
            point.values[name]
            for stage in stages
            for point in stage.tuning
            # What a search tried and left is no choice that could be swapped back.
            if name in point.values
            and any(point.candidate == one.label for one in stage.candidates)
        }
        own = final[name]
        for value in values - {own}:
            if all(isinstance(x, int | float) and x > 0 for x in (value, own)):
                tried.add((abs(math.log(value / own)), name, float(value)))
    return tried


def _categorical_values(stage: StageResult, final: Settings) -> list[tuple[str, Any]]:
    found: dict[tuple[str, Any], None] = {}
    for candidate in stage.candidates:
        for name in stage.varied:
            value = candidate.settings.get(name)
            if name in final and isinstance(value, str | bool) and value != final[name]:
                found[name, value] = None
    return list(found)

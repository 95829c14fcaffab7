"""The chain audit's pure parts: which earlier choices to swap back, and what a swap shows.

A chain of stages never asks whether an early choice is still right after the later ones. The
audit does: it swaps one choice at a time at the final settings. This module plans the swaps and
judges their numbers; the driver trains them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.evidence import wording
from bakeoff.evidence.intervals import paired_comparison
from bakeoff.evidence.rule import FEWEST_REPLICATES, Rule
from bakeoff.evidence.sentences import interval
from bakeoff.records import Candidate, Comparison, StageResult
from bakeoff.settings import Settings

Floats = NDArray[np.float64]

MOST_LEARNING_RATE_SWAPS = 12
"""How many (categorical choice, learning rate) pairs are tried, nearest learning rates first."""


@dataclass(frozen=True, slots=True)
class Swap:
    """The final settings with one earlier choice swapped.

    Attributes:
        kind: ``runner-up`` or ``learning-rate``, as in ``AuditSwap``.
        stage: name of the stage whose choice is swapped.
        label: what it is swapped to, such as ``hidden=32`` or ``activation=relu, learning_rate=0.1``.
        changes: the settings that differ from the final ones, by name.
        settings: the full settings.
    """

    kind: Literal["runner-up", "learning-rate"]
    stage: str
    label: str
    changes: Mapping[str, Any]
    settings: Settings


@dataclass(frozen=True, slots=True)
class SwapJudgement:
    """What one look at a swap says.

    Attributes:
        comparison: swapped minus final (first = 1, second = 0); None without a shared run.
        go_on: at the first look: whether it deserves the full number of replicates.
        confirmed: as in ``AuditSwap``.
        sentence: the finding in words.
    """

    comparison: Comparison | None
    go_on: bool
    confirmed: bool | None
    sentence: str


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


def plan_swaps(stages: Sequence[StageResult]) -> tuple[Swap, ...]:
    """The swaps worth a look at the final settings.

    First each stage's runner-up; then every value of a categorical hyperparameter that a stage
    tried and that the final settings do not have, at every other learning rate the study tried,
    nearest first. A swap that would train what another one or the final candidate trains is
    left out.

    Args:
        stages: of the study, in order; the last one's choice is the final candidate.
    """
    if not stages:
        return ()
    final = stages[-1].candidate(stages[-1].verdict.chosen).settings
    seen = {final.fingerprint()}
    swaps: list[Swap] = []
    for stage in stages:
        candidate = runner_up(stage)
        if candidate is None:
            continue
        chosen = stage.candidate(stage.verdict.chosen)
        _add(swaps, seen, final, "runner-up", stage.name, _differences(chosen, candidate))
    rates = sorted(
        _learning_rates(stages) - {final.learning_rate},
        key=lambda rate: (abs(math.log(rate / final.learning_rate)), rate),
    )
    extra: list[Swap] = []
    for rate in rates:
        for stage in stages:
            for name, value in _categorical_values(stage, final):
                changes = {name: value, "learning_rate": rate}
                _add(extra, seen, final, "learning-rate", stage.name, changes)
    return (*swaps, *extra[:MOST_LEARNING_RATE_SWAPS])


def _add(
    swaps: list[Swap],
    seen: set[str],
    final: Settings,
    kind: Literal["runner-up", "learning-rate"],
    stage: str,
    changes: Mapping[str, Any],
) -> None:
    before = final.model_dump()
    changes = {name: value for name, value in changes.items() if before[name] != value}
    try:
        settings = Settings(**{**before, **changes})
    except ValueError:  # two choices that exclude each other, such as a long warm-up in few epochs
        return
    if settings.fingerprint() in seen:
        return
    seen.add(settings.fingerprint())
    label = ", ".join(f"{name}={_shown(value)}" for name, value in changes.items())
    swaps.append(Swap(kind, stage, label, changes, settings))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(str(width) for width in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _differences(chosen: Candidate, other: Candidate) -> dict[str, Any]:
    ours, theirs = chosen.settings.model_dump(), other.settings.model_dump()
    return {name: value for name, value in theirs.items() if ours[name] != value}


def _learning_rates(stages: Sequence[StageResult]) -> set[float]:
    rates = {candidate.settings.learning_rate for stage in stages for candidate in stage.candidates}
    for stage in stages:
        for point in stage.tuning:
            if "learning_rate" in point.values:
                rates.add(float(point.values["learning_rate"]))
    return rates


def _categorical_values(stage: StageResult, final: Settings) -> list[tuple[str, Any]]:
    before = final.model_dump()
    found: dict[tuple[str, Any], None] = {}
    for candidate in stage.candidates:
        for name in stage.varied:
            value = getattr(candidate.settings, name)
            if isinstance(value, str | bool) and value != before[name]:
                found[name, value] = None
    return list(found)


def judge_swap(
    final_values: Floats,
    swap_values: Floats,
    *,
    label: str,
    num_swaps: int,
    rule: Rule,
    num_train: int,
    num_validation: int,
    last: bool,
) -> SwapJudgement:
    """What the runs of one swap say against those of the final candidate.

    At the first look a swap goes on when its mean is ahead by at least one standard error: a
    test could hardly ever pass with 3 replicates, and letting one swap in six go on for nothing
    is cheap. At the last look it is confirmed by a two-sided test at alpha divided by the number
    of swaps (Bonferroni), because the best of many swaps is ahead by luck alone.

    Args:
        final_values, swap_values: the metric on the same replicates, shape (S,), NaN where a run
            failed.
        label: of the swap.
        num_swaps: how many swaps the audit looks at.
        rule: of the study, for metric, direction and alpha.
        num_train, num_validation: examples per part.
        last: whether these are all the replicates there will be.
    """
    shared = np.isfinite(final_values) & np.isfinite(swap_values)
    what = f"At the final settings, {label}"
    if not shared.any():
        return SwapJudgement(None, False, None, f"{what}: no finished run to compare.")
    pair = paired_comparison(
        swap_values[shared],
        final_values[shared],
        first=1,
        second=0,
        num_train=num_train,
        num_validation=num_validation,
        level=1.0 - rule.alpha / max(1, num_swaps),
        err_floor=rule.is_share,
    )
    gain = pair.mean if rule.higher_is_better else -pair.mean
    flip = not rule.higher_is_better
    numbers = (
        f"{wording.amount(abs(gain), rule.metric)} {'better' if gain > 0 else 'worse'} over "
        f"{wording.count(pair.num_replicates, 'paired replicate')} "
        f"({interval(pair, rule.metric, flip=flip)})"
    )
    if gain == 0.0:
        numbers = f"no better over {wording.count(pair.num_replicates, 'paired replicate')}"
    ahead = gain > 0.0 and pair.se is not None and gain >= pair.se
    if not last:
        ending = "worth a closer look" if ahead else "the choice stands"
        return SwapJudgement(pair, ahead, None, f"{what} is {numbers}: {ending}.")
    end = pair.low if rule.higher_is_better else pair.high
    if pair.num_replicates >= FEWEST_REPLICATES and end is not None:
        beyond = end > 0.0 if rule.higher_is_better else end < 0.0
        if beyond:
            text = f"Interaction: at the final settings, {label} is {numbers}."
            return SwapJudgement(pair, False, True, f"{text} A later choice made this one wrong.")
    return SwapJudgement(
        pair, False, False, f"{what} is {numbers}: not enough to overturn the choice."
    )

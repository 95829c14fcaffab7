"""Lint of the protocol: what a plan or a result shows without a look at any run.

Plans (before training) and results (after it) are both read through ``Outline``; this module
knows settings and records, nothing of metrics and curves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff import words
from bakeoff.evidence import lint as codes
from bakeoff.evidence.power import PRIOR_ERROR
from bakeoff.evidence.rule import FEWEST_REPLICATES, default_delta
from bakeoff.records import Candidate, DataSummary, LintFinding, StudyPlan, StudyResult
from bakeoff.settings import Settings
from bakeoff.tasks.classification import ACCURACY, is_unbalanced, metric_named

SATURATING = ("sigmoid", "tanh")

WELL_SCALED = 5.0
"""Largest absolute feature that needs no scaling: what standardised values rarely exceed."""

LEARNING_RATE_DEPENDENT = frozenset(
    {"activation", "batch_size", "kernel_initializer", "momentum", "nesterov", "optimizer", "scale"}
)
"""Hyperparameters whose best learning rate differs so much between values that comparing them at
one says little of them (Google's Tuning Playbook, "nuisance hyperparameters")."""


@dataclass(frozen=True, slots=True, eq=False)
class StageOutline:
    """What the protocol's checks need of a stage, planned or done."""

    name: str
    varied: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    takes_incumbent: bool
    tuned: tuple[str, ...]
    carried: Candidate | None
    pinned: bool


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What the protocol's checks need of a study, planned or done."""

    kind: str
    metric: str
    num_replicates: int
    data: DataSummary
    stages: tuple[StageOutline, ...]


def outline_of_plan(plan: StudyPlan) -> Outline:
    """A plan as an outline; choices that are still open carry nothing."""
    stages = []
    for stage in plan.stages:
        by_label = {candidate.label: candidate for candidate in stage.candidates}
        stages.append(
            StageOutline(
                name=stage.name,
                varied=stage.varied,
                candidates=stage.candidates,
                takes_incumbent=stage.takes_incumbent,
                tuned=tuple(stage.tune),
                carried=by_label.get(stage.pinned) if stage.pinned is not None else None,
                pinned=stage.pinned is not None,
            )
        )
    return Outline(plan.kind, plan.metric, plan.looks[-1], plan.data, tuple(stages))


def outline_of_result(result: StudyResult) -> Outline:
    """A result as an outline."""
    stages = tuple(
        StageOutline(
            name=stage.name,
            varied=stage.varied,
            candidates=stage.candidates,
            takes_incumbent=any(candidate.incumbent for candidate in stage.candidates),
            tuned=_names(point.values for point in stage.tuning),
            carried=stage.candidate(stage.verdict.chosen),
            pinned=stage.verdict.pinned,
        )
        for stage in result.stages
    )
    return Outline(result.kind, result.metric, result.looks[-1], result.data, stages)


def _names(points: Iterator[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({name for values in points for name in values}))


def lint_outline(outline: Outline) -> Iterator[LintFinding]:
    """Every finding of the checks that need no run."""
    yield from _test_selection(outline)
    yield from _lost_incumbent(outline)
    yield from _unscaled(outline)
    yield from _identical(outline)
    yield from _few_replicates(outline)
    yield from _unbalanced(outline)
    yield from _duplicates(outline)
    yield from _untuned(outline)


def _test_selection(outline: Outline) -> Iterator[LintFinding]:
    if outline.kind != "replication":
        return
    measured = sum(
        candidate.published is not None and candidate.published.test_accuracy is not None
        for stage in outline.stages
        for candidate in stage.candidates
    )
    pinned = [stage.name for stage in outline.stages if stage.pinned and len(stage.candidates) > 1]
    if measured > 1 and pinned:
        yield codes.TEST_SELECTION.finding(
            f"The author measured {measured} models on the test set and chose by it in "
            f"{words.plural(len(pinned), 'stage')} ({words.listing(pinned)}): the last test "
            "accuracy is the best of several looks and so flatters the model."
        )


def _lost_incumbent(outline: Outline) -> Iterator[LintFinding]:
    for before, stage in itertools.pairwise(outline.stages):
        if before.carried is None or stage.takes_incumbent:
            continue
        carried = before.carried.settings.fingerprint()
        if all(candidate.settings.fingerprint() != carried for candidate in stage.candidates):
            yield codes.LOST_INCUMBENT.finding(
                f"Stage {stage.name} compares {words.plural(len(stage.candidates), 'candidate')}, "
                f"and none of them is {before.carried.label}, which stage {before.name} carried "
                "in: a step backwards would not be seen.",
                stage.name,
            )


def _saturates_unscaled(settings: Settings) -> bool:
    return (
        settings.get("scale") == "none"
        and settings.get("activation") in SATURATING
        and bool(settings.get("hidden"))
    )


def _unscaled(outline: Outline) -> Iterator[LintFinding]:
    largest = outline.data.feature_max
    if largest is not None and largest <= WELL_SCALED:
        return
    reach = "" if largest is None else f" up to {largest:g}"
    seen: set[str] = set()
    for stage in outline.stages:
        labels = []
        for candidate in stage.candidates:
            fingerprint = candidate.settings.fingerprint()
            if _saturates_unscaled(candidate.settings) and fingerprint not in seen:
                seen.add(fingerprint)
                labels.append(f"{candidate.label} ({candidate.settings['activation']})")
        if labels:
            yield codes.UNSCALED.finding(
                f"In stage {stage.name}, {words.listing(labels)} "
                f"{'takes' if len(labels) == 1 else 'take'} features{reach} as they are: sums of "
                "such inputs push the units to the flat ends, where they hardly learn.",
                stage.name,
            )


def _identical(outline: Outline) -> Iterator[LintFinding]:
    groups: dict[tuple[str, str], list[tuple[StageOutline, Candidate]]] = {}
    known = True
    for stage in outline.stages:
        # In a plan, what an open choice will carry in is a guess: there only the candidates of
        # one stage can be told to be the same.
        place = "" if known else stage.name
        known = known and stage.carried is not None
        for candidate in stage.candidates:
            # The incumbent of a study repeats by design; a model that an author published anew
            # is a repetition of his even if he carried its settings in.
            if candidate.incumbent and candidate.published is None:
                continue
            key = (candidate.settings.fingerprint(), place)
            groups.setdefault(key, []).append((stage, candidate))
    for group in groups.values():
        if len(group) < 2:
            continue
        names = words.listing([f"{one.label} (stage {stage.name})" for stage, one in group])
        text = f"{names} are one configuration under {len(group)} names: an A/A comparison"
        accuracies = [
            one.published.test_accuracy
            for _, one in group
            if one.published is not None and one.published.test_accuracy is not None
        ]
        if len(accuracies) > 1:
            gap = max(accuracies) - min(accuracies)
            text += (
                f". Their published accuracies differ by {words.difference(gap, ACCURACY)}, which "
                "is chance alone: differences of that size between other models mean nothing"
            )
        yield codes.IDENTICAL.finding(f"{text}.", group[-1][0].name)


def _few_replicates(outline: Outline) -> Iterator[LintFinding]:
    if outline.num_replicates < FEWEST_REPLICATES:
        yield codes.FEW_REPLICATES.finding(
            f"{words.plural(outline.num_replicates, 'replicate')} per candidate: no verdict is "
            f"possible below {FEWEST_REPLICATES}, because a single seed's luck looks like merit."
        )


def _unbalanced(outline: Outline) -> Iterator[LintFinding]:
    counts = outline.data.class_counts
    if not is_unbalanced(counts):
        return
    present = [count for count in counts if count > 0]
    text = (
        f"The most frequent class has {max(present)} examples, the rarest {min(present)} "
        f"({max(present) / min(present):.1f} times as many)"
    )
    if outline.metric == "accuracy":
        yield codes.UNBALANCED.finding(f"{text}: accuracy hardly sees the rare one.")
    else:
        spoken = words.spoken(outline.metric)
        yield codes.UNBALANCED.finding(f"{text}; this study decides by {spoken}.", level="info")


def _duplicates(outline: Outline) -> Iterator[LintFinding]:
    duplicates, num_test = outline.data.duplicates_across_splits, outline.data.num_test
    if duplicates and num_test:
        yield codes.DUPLICATES.finding(
            f"{duplicates} of {num_test} test examples ({words.coverage(duplicates / num_test)}) "
            "also occur outside the test part: the test accuracy counts remembering as knowing."
        )


def _untuned(outline: Outline) -> Iterator[LintFinding]:
    for stage in outline.stages:
        if "learning_rate" in stage.tuned or "learning_rate" in stage.varied:
            continue
        names = sorted(LEARNING_RATE_DEPENDENT & set(stage.varied))
        rates = {candidate.settings.get("learning_rate") for candidate in stage.candidates}
        if names and len(stage.candidates) > 1 and len(rates) == 1 and None not in rates:
            yield codes.UNTUNED.finding(
                f"Stage {stage.name} compares {words.listing([words.spoken(n) for n in names])} "
                f"at the one learning rate {rates.pop():g}, which may suit one of them better.",
                stage.name,
            )


def lint_plan(plan: StudyPlan) -> tuple[LintFinding, ...]:
    """Findings that need no training, errors first."""
    return codes.most_grave_first([*lint_outline(outline_of_plan(plan)), *_blunt(plan)])


def _blunt(plan: StudyPlan) -> Iterator[LintFinding]:
    matters = plan.delta
    if matters is None:
        matters = default_delta(1.0 - PRIOR_ERROR, share=True)
    if plan.detectable is not None and plan.detectable > matters:
        yield codes.BLUNT.finding(
            f"With {plan.looks[-1]} replicates of {plan.data.num_validation} validation examples a "
            f"difference of {words.difference(plan.detectable, metric_named(plan.metric))} is probably (80 %) found; "
            f"{words.difference(matters, metric_named(plan.metric))} would matter."
        )

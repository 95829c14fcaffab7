"""Lint of the protocol: what a plan or a result shows without a look at any run.

Plans (before training) and results (after it) are read alike; this module knows settings and
records, nothing of metrics and curves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from bakeoff import words
from bakeoff.evidence import lint as codes
from bakeoff.evidence.power import PRIOR_ERROR
from bakeoff.evidence.rule import FEWEST_REPLICATES, default_delta
from bakeoff.evidence.sentences import named
from bakeoff.records import (
    Candidate,
    LintFinding,
    PlannedStage,
    StageResult,
    StudyPlan,
    StudyResult,
)
from bakeoff.settings import Settings
from bakeoff.tasks.classification import ACCURACY, is_unbalanced

Study = StudyPlan | StudyResult
Stage = PlannedStage | StageResult

SATURATING = ("sigmoid", "tanh")

WELL_SCALED = 5.0
"""Largest absolute feature that needs no scaling: what standardised values rarely exceed."""

UNEQUAL_RATIO = 100.0
"""Between the ranges of two columns: from here on scaling is missed."""

LEARNING_RATE_DEPENDENT = frozenset(
    {"activation", "batch_size", "kernel_initializer", "momentum", "nesterov", "optimizer", "scale"}
)
"""Hyperparameters whose best learning rate differs so much between values that comparing them at
one says little of them (Google's Tuning Playbook, "nuisance hyperparameters")."""


def lint_plan(plan: StudyPlan) -> tuple[LintFinding, ...]:
    """Findings that need no training, errors first."""
    return codes.most_grave_first([*lint_protocol(plan), *_blunt(plan)])


def lint_protocol(study: Study) -> Iterator[LintFinding]:
    """Every finding of the checks that need no run."""
    yield from _test_selection(study)
    yield from _lost_incumbent(study)
    yield from _unscaled(study)
    yield from _unequal_ranges(study)
    yield from _identical(study)
    yield from _few_replicates(study)
    yield from _unbalanced(study)
    yield from _duplicates(study)
    yield from _untuned(study)
    yield from _own_data(study)


def _carried(stage: Stage) -> Candidate | None:
    """What a stage hands on; None where that choice is still open."""
    label = stage.pinned if isinstance(stage, PlannedStage) else stage.verdict.chosen
    return next((one for one in stage.candidates if one.label == label), None)


def _takes_incumbent(stage: Stage) -> bool:
    if isinstance(stage, PlannedStage):
        return stage.takes_incumbent
    return any(candidate.incumbent for candidate in stage.candidates)


def _published(candidate: Candidate) -> float | None:
    return None if candidate.published is None else candidate.published.test_accuracy


def _test_selection(study: Study) -> Iterator[LintFinding]:
    if study.kind != "replication":
        return
    everyone = [candidate for stage in study.stages for candidate in stage.candidates]
    measured = sum(_published(candidate) is not None for candidate in everyone)
    pinned = [
        stage.name
        for stage in study.stages
        if (stage.pinned if isinstance(stage, PlannedStage) else stage.verdict.pinned)
        and len(stage.candidates) > 1
    ]
    if measured > 1 and pinned:
        yield codes.TEST_SELECTION.finding(
            f"The author measured {measured} models on the test set and chose by it in "
            f"{words.plural(len(pinned), 'stage')} ({words.listing(pinned)}): the last test "
            "accuracy is the best of several looks and so flatters the model."
        )


def _lost_incumbent(study: Study) -> Iterator[LintFinding]:
    stages: Sequence[Stage] = study.stages
    for before, stage in itertools.pairwise(stages):
        carried = _carried(before)
        if carried is None or _takes_incumbent(stage):
            continue
        here = {candidate.settings.fingerprint() for candidate in stage.candidates}
        if carried.settings.fingerprint() not in here:
            yield codes.LOST_INCUMBENT.finding(
                f"Stage {stage.name} compares {words.plural(len(stage.candidates), 'candidate')}, "
                f"and none of them is {named(before, carried.label)}, which stage {before.name} "
                "carried in: a step backwards would not be seen.",
                stage.name,
            )


def _saturates_unscaled(settings: Settings) -> bool:
    return (
        settings.get("scale") == "none"
        and settings.get("activation") in SATURATING
        and bool(settings.get("hidden"))
    )


def _unscaled(study: Study) -> Iterator[LintFinding]:
    largest = study.data.feature_max
    if largest is not None and largest <= WELL_SCALED:
        return
    reach = "" if largest is None else f" up to {largest:g}"
    seen: set[str] = set()
    for stage in study.stages:
        found = []
        for candidate in stage.candidates:
            fingerprint = candidate.settings.fingerprint()
            if _saturates_unscaled(candidate.settings) and fingerprint not in seen:
                seen.add(fingerprint)
                name = named(stage, candidate.label)
                found.append(f"{name} ({candidate.settings['activation']})")
        if found:
            yield codes.UNSCALED.finding(
                f"In stage {stage.name}, {words.listing(found)} "
                f"{'takes' if len(found) == 1 else 'take'} features{reach} as they are: sums of "
                "such inputs push the units to the flat ends, where they hardly learn.",
                stage.name,
            )


def _unequal_ranges(study: Study) -> Iterator[LintFinding]:
    if not study.data.ranges:
        return
    (narrow, smallest), (wide, largest) = study.data.ranges
    if largest < UNEQUAL_RATIO * smallest:
        return
    for stage in study.stages:
        found = [
            named(stage, one.label)
            for one in stage.candidates
            if one.settings.get("scale") == "none"
        ]
        if found:
            yield codes.UNEQUAL_RANGES.finding(
                f"In stage {stage.name}, {words.listing(found)} "
                f"{'takes' if len(found) == 1 else 'take'} columns as they are, and {wide} spans "
                f"{largest:g} where {narrow} spans {smallest:g}: the small ones hardly count.",
                stage.name,
            )


def _identical(study: Study) -> Iterator[LintFinding]:
    groups: dict[tuple[str, str], list[tuple[Stage, Candidate]]] = {}
    known = True
    for stage in study.stages:
        # In a plan, what an open choice will carry in is a guess: there only the candidates of
        # one stage can be told to be the same.
        place = "" if known else stage.name
        known = known and _carried(stage) is not None
        for candidate in stage.candidates:
            # The incumbent of a study repeats by design; a model that an author published anew
            # is a repetition of his even if he carried its settings in.
            if not candidate.incumbent or candidate.published is not None:
                key = (candidate.settings.fingerprint(), place)
                groups.setdefault(key, []).append((stage, candidate))
    for group in groups.values():
        if len(group) < 2:
            continue
        names = [f"{named(stage, one.label)} (stage {stage.name})" for stage, one in group]
        text = (
            f"{words.listing(names)} are one configuration under {len(group)} names: an A/A "
            "comparison"
        )
        accuracies = [shown for _, one in group if (shown := _published(one)) is not None]
        if len(accuracies) > 1:
            gap = words.difference(max(accuracies) - min(accuracies), ACCURACY)
            text += (
                f". Their published accuracies differ by {gap}, which is chance alone: differences "
                "of that size between other models mean nothing"
            )
        yield codes.IDENTICAL.finding(f"{text}.", group[-1][0].name)


def _few_replicates(study: Study) -> Iterator[LintFinding]:
    if study.looks[-1] < FEWEST_REPLICATES:
        yield codes.FEW_REPLICATES.finding(
            f"{words.plural(study.looks[-1], 'replicate')} per candidate: no verdict is possible "
            f"below {FEWEST_REPLICATES}, because a single seed's luck looks like merit."
        )


def _unbalanced(study: Study) -> Iterator[LintFinding]:
    counts = [count for count in study.data.class_counts if count > 0]
    if not is_unbalanced(counts):
        return
    text = (
        f"The most frequent class has {max(counts)} examples, the rarest {min(counts)} "
        f"({max(counts) / min(counts):.1f} times as many)"
    )
    if study.metric == "accuracy":
        yield codes.UNBALANCED.finding(f"{text}: accuracy hardly sees the rare one.")
    else:
        spoken = words.spoken(study.metric)
        yield codes.UNBALANCED.finding(f"{text}; this study decides by {spoken}.", level="info")


def _duplicates(study: Study) -> Iterator[LintFinding]:
    duplicates, num_test = study.data.duplicates_across_splits, study.data.num_test
    if duplicates and num_test:
        yield codes.DUPLICATES.finding(
            f"{duplicates} of {num_test} test examples ({words.coverage(duplicates / num_test)}) "
            "also occur outside the test part: the test accuracy counts remembering as knowing."
        )


def _untuned(study: Study) -> Iterator[LintFinding]:
    for stage in study.stages:
        tuned = set(stage.tune) if isinstance(stage, PlannedStage) else set()
        if isinstance(stage, StageResult):
            tuned = {name for point in stage.tuning for name in point.values}
        if "learning_rate" in tuned.union(stage.varied):
            continue
        names = sorted(LEARNING_RATE_DEPENDENT & set(stage.varied))
        rate, *others = {one.settings.get("learning_rate") for one in stage.candidates}
        if names and len(stage.candidates) > 1 and isinstance(rate, int | float) and not others:
            yield codes.UNTUNED.finding(
                f"Stage {stage.name} compares {words.listing([words.spoken(n) for n in names])} "
                f"at the one learning rate {rate:g}, which may suit one of them better.",
                stage.name,
            )


def _own_data(study: Study) -> Iterator[LintFinding]:
    if study.split == "own":
        yield codes.OWN_DATA.finding(
            "What is trained reads its data itself, so no test part could be sealed, and the "
            "intervals cover what new seeds would change, not what other data would."
        )


def _blunt(plan: StudyPlan) -> Iterator[LintFinding]:
    matters = plan.delta
    if matters is None:
        matters = default_delta(1.0 - PRIOR_ERROR, share=True)
    # Something is known of what can be found only where the metric is a share.
    if plan.detectable is not None and plan.detectable > matters:
        yield codes.BLUNT.finding(
            f"With {plan.looks[-1]} replicates of {plan.data.num_validation} validation examples a "
            f"difference of {words.difference(plan.detectable, ACCURACY)} is probably (80 %) found; "
            f"{words.difference(matters, ACCURACY)} would matter."
        )

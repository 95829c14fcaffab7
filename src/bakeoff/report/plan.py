"""What a study is going to do, in words: terminal, ``repr`` and notebook all read it here. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff import words
from bakeoff.records import Candidate, PlannedStage, StudyPlan
from bakeoff.report import notes
from bakeoff.report.tables import Table
from bakeoff.report.text import aligned
from bakeoff.tasks.classification import CLASSIFICATION


def about(plan: StudyPlan) -> str:
    """What kind of study, on how many examples."""
    data = plan.data
    if not data.num_train:
        return f"{plan.kind} of a program that reads its data itself"
    return (
        f"{plan.kind} on {data.name}: {data.num_train:,} train, {data.num_validation:,} validation, "
        f"{data.num_test:,} test examples, {data.num_features} features, {notes.predicted(data)}"
    )


def protocol(plan: StudyPlan) -> str:
    """How examples are split, when the evidence is looked at, what decides."""
    split = {
        "folds": f"{plan.num_folds} stratified folds",
        "last": "last part validates",
        "own": "the program's own, by the seed it is given",
        "time": "later rows validate, each part after all that trains",
    }[plan.split]
    looks = ", ".join(map(str, plan.looks))
    return f"Split: {split}. Looks at {looks} replicates. Metric: {plan.metric}. Seed {plan.seed}."


def candidates(stage: PlannedStage) -> Table:
    """The candidates of a stage: label, parameters, operations, which one is pinned."""
    head = ", ".join(stage.varied) or "candidate"
    rows = [
        (
            _candidate(one, stage.varied),
            words.count(one.num_parameters),
            _operations(dict(one.cost).get("operations")),
            "pinned" if one.label == stage.pinned else "",
        )
        for one in stage.candidates
    ]
    if stage.takes_incumbent:
        rows.append(("+ the incumbent", "", "", ""))
    return Table((head, "parameters", "operations", ""), tuple(rows))


def tuned(stage: PlannedStage) -> list[str]:
    """One line per nuisance setting, and one on a search."""
    if stage.search:
        return [f"the best 3 that a search of {words.plural(stage.search, 'run')} finds"]
    return [
        f"each at its own {name}: {', '.join(map(words.setting, values))}"
        for name, values in stage.tune.items()
    ]


def cost(plan: StudyPlan) -> str:
    """How many runs, and how long they take where that is known."""
    runs = (
        f"{plan.min_runs}"
        if plan.min_runs == plan.max_runs
        else f"{plan.min_runs} to {plan.max_runs}"
    )
    if plan.estimated_seconds is None:
        return f"{runs} runs."
    low, high = plan.estimated_seconds
    known = f", about {words.duration((low * high) ** 0.5)}"
    if high > 1.5 * low:
        known += (
            f" ({words.duration(low)} if every question is decided at its first look, "
            f"{words.duration(high)} at most)"
        )
    return f"{runs} runs{known}."


def reach(plan: StudyPlan) -> str:
    """How small a difference is found; empty where nobody knows."""
    if plan.detectable is None:
        return ""
    apart = words.difference(plan.detectable, CLASSIFICATION.metric(plan.metric))
    return f"With all looks, two candidates that truly differ by {apart} are told apart in 80 % of studies."


def plan_text(plan: StudyPlan) -> str:
    """The whole plan as plain text, for ``repr``."""
    lines = [f"{plan.name}, a {about(plan)}", protocol(plan), ""]
    for number, stage in enumerate(plan.stages, 1):
        lines.append(f"{number}. {stage.name}  {stage.question}".rstrip())
        table = candidates(stage)
        lines += aligned([table.head, *table.rows])
        lines += [*(f"  {line}" for line in tuned(stage)), ""]
    lines += [cost(plan), reach(plan)]
    return "\n".join(map(words.visible, lines)).rstrip() + "\n"


def _operations(count: float | None) -> str:
    if count is None:
        return ""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}"


def _candidate(one: Candidate, varied: Sequence[str]) -> str:
    """Its values, under a column that names their settings; an author's label with them."""
    if len(varied) == 1:
        name = words.candidate(one.label, varied, one.settings)
        return name.removeprefix(f"{varied[0]} ")
    values = [
        f"{name} {words.setting(one.settings[name])}" for name in varied if name in one.settings
    ]
    says = all(f"{name}=" in one.label for name in varied)
    return (
        one.label
        if says or "model" in varied or not values
        else f"{one.label} ({', '.join(values)})"
    )

"""Results as rich tables for standard output; reads records, computes nothing."""

from __future__ import annotations

import itertools

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff.evidence.audit import closest, summary
from bakeoff.records import LintFinding, StageResult, StudyPlan, StudyResult
from bakeoff.report import text, words
from bakeoff.settings import Settings

KIND_STYLE = {"winner": "bold green", "tie": "bold cyan", "undecided": "bold yellow"}
LEVEL_STYLE = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def stage_block(index: int, stage: StageResult) -> RenderableType:
    """One finished stage: question, table, estimate, verdict."""
    title = Text.assemble(
        (f"{index + 1}. {words.visible(stage.name)}", "bold"),
        ("  " + words.visible(stage.question) if stage.question else "", "dim"),
    )
    metric = words.metric(stage.verdict.metric)
    rows = text.candidate_rows(stage)
    published = any(row.published or row.test for row in rows)
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("", width=1, no_wrap=True)
    table.add_column(words.visible(", ".join(stage.varied)) or "candidate", overflow="fold")
    table.add_column("params", justify="right", no_wrap=True)
    table.add_column(metric.title + (" %" if metric.share else ""), justify="right")
    table.add_column("loss", justify="right", no_wrap=True)
    if published:
        table.add_column("test %", justify="right")
        table.add_column("published", justify="right", no_wrap=True)
    table.add_column("runs", justify="right", no_wrap=True)
    table.add_column("", style="dim", overflow="fold")
    for row in rows:
        cells = [row.mark, row.label, row.num_parameters, row.metric, row.loss]
        if published:
            cells += [row.test, row.published]
        cells += [row.runs, row.note]
        chosen = row.mark == "▸"
        out = row.mark in "×!"
        table.add_row(
            *(Text(cell) for cell in cells), style="bold" if chosen else "dim" if out else ""
        )
    parts: list[RenderableType] = [title, Padding(table, (0, 0, 0, 2), expand=False)]
    estimate = text.estimate_line(stage)
    if estimate:
        parts.append(Padding(Text(estimate, style="dim"), (0, 0, 0, 4), expand=False))
    verdict = Text(words.visible(stage.verdict.reason))
    kind = stage.verdict.kind
    verdict.highlight_words([kind.capitalize()], KIND_STYLE[kind])
    parts.append(Padding(verdict, (0, 0, 1, 4), expand=False))
    return Group(*parts)


def audit_block(result: StudyResult) -> RenderableType | None:
    """What the chain audit found, or None when it did not run."""
    if not result.audit:
        return None
    lines: list[RenderableType] = [Text("Chain audit", style="bold")]
    lines += [
        _indented(Text(words.visible(swap.sentence), style="bold yellow"))
        for swap in result.audit
        if swap.confirmed
    ]
    if len(lines) > 1:
        lines.append(
            _indented(
                Text("`bakeoff run --follow-audit 3` takes what beats the final and goes on.")
            )
        )
    lines.append(_indented(Text(words.visible(" ".join(summary(result))))))
    nearest = closest(result)
    if nearest is not None:
        lines.append(_indented(Text(f"Closest: {words.visible(nearest.sentence)}")))
    return Group(*lines, Text())


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 4), expand=False)


def claims_block(result: StudyResult) -> RenderableType | None:
    """What the author of a replicated work claimed, and what the evidence says."""
    if not result.claims:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("claim", overflow="fold", ratio=1)
    table.add_column("outcome", no_wrap=True)
    styles = {"holds": "green", "does not hold": "red", "cannot be told": "yellow"}
    for claim in result.claims:
        table.add_row(
            Text(words.visible(claim.sentence)), Text(claim.outcome, style=styles[claim.outcome])
        )
    return Group(
        Text("Published against measured", style="bold"), Padding(table, (0, 0, 1, 2), expand=False)
    )


def lint_block(findings: tuple[LintFinding, ...]) -> RenderableType | None:
    """The lint, one entry per code with its remedy, or None without findings.

    A finding that returns in several stages is told once, with how often; the report and the
    JSON hold every one of them.
    """
    if not findings:
        return None
    by_code: dict[str, list[LintFinding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    lines: list[RenderableType] = [Text("Worth knowing", style="bold")]
    for code, same in by_code.items():
        first = same[0]
        more = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
        lines.append(
            Padding(
                Text.assemble(
                    (f"{first.level} {code} ", LEVEL_STYLE[first.level]),
                    words.visible(first.text) + more + " ",
                    (words.visible(first.remedy), "dim"),
                ),
                (0, 0, 0, 2),
                expand=False,
            )
        )
    return Group(*lines, Text())


def final_block(result: StudyResult) -> RenderableType | None:
    """The final model and its one look at the test set."""
    lines = text.final_lines(result)
    if not lines:
        return None
    return Group(
        *(Text(line, style="bold" if i == 1 else "") for i, line in enumerate(lines)), Text()
    )


def failures_block(result: StudyResult) -> RenderableType | None:
    """Every failed run again, last, so that nobody overlooks it."""
    lines = [line for stage in result.stages for line in text.failures(stage)]
    if not lines:
        return None
    shown = lines[:12]
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more; `bakeoff show` lists all")
    return Group(
        Text(words.plural(len(lines), "failed run"), style="bold red"),
        *(Padding(Text(line), (0, 0, 0, 2), expand=False) for line in shown),
        Text(),
    )


def print_result(console: Console, result: StudyResult, *, stages: bool = True) -> None:
    """The whole result; without ``stages`` where those were shown as they finished."""
    if stages:
        for index, stage in enumerate(result.stages):
            console.print(stage_block(index, stage))
    for block in (
        claims_block(result),
        audit_block(result),
        lint_block(result.lint),
        final_block(result),
        failures_block(result),
    ):
        if block is not None:
            console.print(block)


def print_plan(console: Console, plan: StudyPlan) -> None:
    """The plan of a study: data, stages, runs at each look, rough time."""
    data = plan.data
    console.print(
        Text.assemble(
            (words.visible(plan.name), "bold"),
            f"  {plan.kind} on {words.visible(data.name)}: {data.num_train:,} train, "
            f"{data.num_validation:,} validation, {data.num_test:,} test examples, "
            f"{data.num_features} features, {data.num_classes} classes",
        )
    )
    share = f"{plan.num_folds} stratified folds" if plan.split == "folds" else "last part validates"
    console.print(
        f"Split: {share}. Looks at {', '.join(map(str, plan.looks))} replicates. "
        f"Metric: {plan.metric}. Seed {plan.seed}.",
        style="dim",
    )
    console.print()
    for index, stage in enumerate(plan.stages):
        title = Text.assemble(
            (f"{index + 1}. {words.visible(stage.name)}", "bold"),
            ("  " + words.visible(stage.question) if stage.question else "", "dim"),
        )
        console.print(title)
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        table.add_column(words.visible(", ".join(stage.varied)) or "candidate", overflow="fold")
        table.add_column("parameters", justify="right")
        table.add_column("operations per epoch", justify="right")
        table.add_column("", style="dim")
        for candidate in stage.candidates:
            table.add_row(
                Text(words.visible(candidate.label)),
                words.count(candidate.num_parameters),
                _operations(candidate.operations_per_epoch),
                "pinned" if candidate.label == stage.pinned else "",
            )
        if stage.takes_incumbent:
            table.add_row(Text("+ the incumbent", style="dim"), "", "", "")
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        for name, values in stage.tune.items():
            console.print(
                Padding(
                    Text(f"each at its own {name}: {', '.join(map(words.setting, values))}"),
                    (0, 0, 0, 2),
                    expand=False,
                ),
                style="dim",
            )
        console.print()
    low, high = plan.estimated_seconds
    runs = (
        f"{plan.min_runs}"
        if plan.min_runs == plan.max_runs
        else f"{plan.min_runs} to {plan.max_runs}"
    )
    console.print(
        f"{runs} runs, roughly {words.duration(low)} to {words.duration(high)} of training."
    )
    if plan.detectable is not None:
        metric = words.metric(plan.metric)
        console.print(
            "With all looks, two candidates that truly differ by "
            f"{metric.difference(plan.detectable)} are told apart in 80 % of studies.",
            style="dim",
        )


def _operations(count: int) -> str:
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def model_summary(label: str, settings: Settings, num_features: int, num_classes: int) -> Table:
    """One model's layers and parameter counts, as ``keras.Model.summary`` lays them out."""
    table = Table(title=f"Model: {words.visible(label)}", title_justify="left", show_footer=True)
    total = settings.num_parameters(num_features, num_classes)
    table.add_column("Layer (type)", footer="Total params")
    table.add_column("Output shape")
    table.add_column("Param #", justify="right", footer=f"{total:,}")
    sizes = settings.layer_sizes(num_features, num_classes)
    table.add_row("input (InputLayer)", f"(None, {num_features})", "0")
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        name = "dense" if index == 0 else f"dense_{index}"
        table.add_row(f"{name} (Dense)", f"(None, {fan_out})", f"{(fan_in + 1) * fan_out:,}")
        if settings.dropout and index < len(settings.hidden):
            dropout = "dropout" if index == 0 else f"dropout_{index}"
            table.add_row(f"{dropout} (Dropout)", f"(None, {fan_out})", "0")
    return table

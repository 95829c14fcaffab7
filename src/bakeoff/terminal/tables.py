"""Results as rich tables for standard output; reads records, computes nothing."""

from __future__ import annotations

import itertools
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff import words
from bakeoff.dense.settings import DenseSettings
from bakeoff.evidence.audit import closest
from bakeoff.evidence.audit import summary as audit_summary
from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.evidence.summary import Summary, summarise
from bakeoff.records import LintFinding, StageResult, StudyPlan, StudyResult
from bakeoff.report import notes, plan, text

KIND_STYLE = {"winner": "bold green", "tie": "bold cyan", "undecided": "bold yellow"}
LEVEL_STYLE = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def shown(text: str, style: str = "") -> Text:
    """Text for the terminal: the one place where foreign text becomes visible and loses its power."""
    return Text(words.visible(text), style=style)


def stage_block(summary: Summary, stage: StageSummary) -> RenderableType:
    """One finished stage: question, table, verdict."""
    title = Text.assemble(
        shown(f"{stage.number}. {stage.stage.name}", "bold"),
        shown(f"  {stage.stage.question}", "dim"),
    )
    cells = text.candidate_table(summary, stage)
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for index, head in enumerate(cells.head):
        last = index == len(cells.head) - 1
        side: Literal["left", "right"] = "left" if index < 2 or last else "right"
        table.add_column(shown(head), justify=side, overflow="fold", style="dim" if last else "")
    for row in cells.rows:
        style = "bold" if row[0] == "▸" else "dim" if row[0] in "×!" else ""
        table.add_row(*map(shown, row), style=style)
    parts: list[RenderableType] = [title, Padding(table, (0, 0, 0, 2), expand=False)]
    verdict = shown(notes.reason(stage))
    kind = stage.stage.verdict.kind
    verdict.highlight_words([kind.capitalize()], KIND_STYLE[kind])
    parts.append(_indented(verdict))
    if lost := notes.lost(stage):
        parts.append(_indented(shown(lost, "yellow")))
    return Group(*parts, Text())


def summary_block(summary: Summary) -> RenderableType:
    """What a reader wants first: one line a question, then how to read the rest."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for name in ("question", "verdict", "choice", "by"):
        table.add_column(name, overflow="fold")
    kinds = [stage.stage.verdict.kind for stage in summary.stages]
    for index, (name, word, choice, by) in enumerate(text.summary_rows(summary)):
        known = index < len(kinds) and word == kinds[index]
        style = KIND_STYLE[kinds[index]] if known else "bold" if index >= len(kinds) else ""
        table.add_row(shown(name), shown(word, style), shown(choice, "bold"), shown(by))
    parts: list[RenderableType] = [Text("Summary", style="bold"), Padding(table, (0, 0, 0, 2))]
    said = (notes.unfinished(summary), text.cut_short(summary))
    parts += [_indented(shown(note, "yellow")) for note in said if note]
    return Group(*parts, _indented(shown(text.LEGEND, "dim")), Text())


def audit_block(result: StudyResult) -> RenderableType | None:
    """What the chain audit found, or None when it did not run."""
    if not result.audit:
        return None
    confirmed = [swap for swap in result.audit if swap.confirmed]
    lines: list[RenderableType] = [Text("Chain audit", style="bold")]
    lines += [_indented(shown(swap.sentence, "bold yellow")) for swap in confirmed]
    if confirmed:
        more = "`bakeoff run --follow-audit 3` takes what beats the final and goes on."
        lines.append(_indented(Text(more)))
    lines.append(_indented(shown(" ".join(audit_summary(result)))))
    nearest = closest(result)
    if nearest is not None:
        lines.append(_indented(shown(f"Closest: {nearest.sentence}")))
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
        table.add_row(shown(claim.sentence), Text(claim.outcome, style=styles[claim.outcome]))
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
                    shown(f"{first.text}{more} "),
                    shown(first.remedy, "dim"),
                ),
                (0, 0, 0, 2),
                expand=False,
            )
        )
    return Group(*lines, Text())


def final_block(summary: Summary) -> RenderableType | None:
    """The final model and its one look at the test set."""
    lines = text.final_lines(summary)
    if not lines:
        return None
    return Group(*(shown(line, "bold" if i == 1 else "") for i, line in enumerate(lines)), Text())


def failures_block(summary: Summary) -> RenderableType | None:
    """The failed runs, told once, with how many there are."""
    if not summary.num_failed:
        return None
    lines = [Padding(shown(line), (0, 0, 0, 2), expand=False) for line in text.failures(summary)]
    title = Text(words.plural(summary.num_failed, "failed run"), style="bold red")
    return Group(title, *lines, Text())


def print_result(console: Console, result: StudyResult, *, details: bool = True) -> None:
    """What was found, one line a question, then the final model; with ``details`` all of it."""
    summary = summarise(result)
    console.print(summary_block(summary))
    blocks: list[RenderableType | None] = [claims_block(result)]
    if details:
        blocks = [*(stage_block(summary, stage) for stage in summary.stages), *blocks]
        blocks += [audit_block(result), lint_block(result.lint), failures_block(summary)]
    else:
        blocks.append(pointers_block(summary))
    for block in (*blocks, final_block(summary)):
        if block is not None:
            console.print(block)


def pointers_block(summary: Summary) -> RenderableType | None:
    """What there is to be read elsewhere, each in a line; only what overturns a choice in full."""
    result = summary.result
    lines = [shown(swap.sentence, "bold yellow") for swap in result.audit if swap.confirmed]
    lines += [
        shown(f"{finding.code} {finding.text}", LEVEL_STYLE["error"])
        for finding in result.lint
        if finding.level == "error"
    ]
    parts = []
    if summary.num_failed:
        parts.append(words.plural(summary.num_failed, "failed run"))
    codes = dict.fromkeys(finding.code for finding in result.lint if finding.level != "error")
    if codes:
        parts.append(f"{words.plural(len(codes), 'finding')} of the lint ({', '.join(codes)})")
    if result.audit:
        parts.append("the chain audit")
    parts.append("every candidate")
    lines.append(
        shown(f"With --details, in `show` and in the report: {words.listing(parts)}.", "dim")
    )
    return Group(*lines, Text())


def stage_line(index: int, stage: StageResult) -> Text:
    """A finished stage in one line, while the study goes on."""
    verdict = stage.verdict
    return Text.assemble(
        shown(f"{index + 1}. {stage.name}: "),
        (verdict.kind, KIND_STYLE[verdict.kind]),
        shown(f", {verdict.chosen} goes on"),
    )


def print_plan(console: Console, planned: StudyPlan) -> None:
    """The plan of a study: data, stages, runs at each look, rough time."""
    console.print(Text.assemble(shown(planned.name, "bold"), shown(f"  {plan.about(planned)}")))
    console.print(shown(plan.protocol(planned), "dim"))
    console.print()
    for number, stage in enumerate(planned.stages, 1):
        title = shown(f"{number}. {stage.name}", "bold")
        console.print(Text.assemble(title, shown(f"  {stage.question}", "dim")))
        cells = plan.candidates(stage)
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        table.add_column(shown(cells.head[0]), overflow="fold")
        for head in cells.head[1:3]:
            table.add_column(shown(head), justify="right")
        table.add_column("", style="dim")
        for index, row in enumerate(cells.rows):
            declared = index < len(stage.candidates)
            table.add_row(*map(shown, row), style="" if declared else "dim")
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        for line in plan.tuned(stage):
            console.print(Padding(shown(line), (0, 0, 0, 2), expand=False), style="dim")
        console.print()
    console.print(shown(plan.cost(planned)))
    if found := plan.reach(planned):
        console.print(shown(found, "dim"))


def model_summary(
    label: str, settings: DenseSettings, num_features: int, num_classes: int
) -> Table:
    """One model's layers and parameter counts, as ``keras.Model.summary`` lays them out."""
    table = Table(title=shown(f"Model: {label}"), title_justify="left", show_footer=True)
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

"""A result as plain text: a summary first, then each stage, the final model, what to know.

No colours and no escape codes: the terminal adds those. Knows nothing of terminals.
"""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff import words
from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.evidence.summary import Summary, summarise
from bakeoff.records import StudyResult
from bakeoff.report import notes, tables
from bakeoff.report.tables import Table

LEGEND = (
    "By: the difference that decided, of which two, and its interval. ± is the standard deviation over "
    "runs. ▸ carried on, × beaten, ! failed. Paired: trained on the same replicates."
)


MARKS = {"chosen": "▸", "failed": "!", "beaten": "×"}


def candidate_table(summary: Summary, stage: StageSummary) -> Table:
    """The page's table of a stage without what a terminal has no room for, marks first."""
    table = tables.candidates(summary, stage)
    kept = [
        index
        for index, head in enumerate(table.head)
        if head != "time per run" and not head.startswith("training ")
    ]
    marks = [MARKS.get(candidate.fate, " ") for candidate in stage.candidates]
    rows = tuple(
        (mark, *(row[index] for index in kept)) for mark, row in zip(marks, table.rows, strict=True)
    )
    return Table(("", *(table.head[index] for index in kept)), rows)


def aligned(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Rows as lines whose columns stand below one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def summary_rows(summary: Summary) -> list[tuple[str, str, str, str]]:
    """One line a question: stage, verdict, choice, by how much."""
    rows = []
    for stage in summary.stages:
        line = notes.line_of(stage)
        ends = f" ({line.ends})" if line.ends else ""  # a single pair has no interval
        by = f"{line.by}{ends}, {line.pair[0]} − {line.pair[1]}" if line.pair else ""
        by += f" (final: {words.listing(line.later)})" if line.later else ""
        rows.append((stage.stage.name, line.word, line.choice, by.strip()))
    final = summary.final
    if final is not None and (score := notes.leading_score(final)):
        rows.append(("final", f"test {final.headline.words}", *score))
    return rows


def cut_short(summary: Summary) -> str | None:
    """Which questions a budget ended before their last look; None where it ended none."""
    most = max(summary.result.looks, default=0)
    ended = [
        f"{stage.stage.name} after {stage.stage.verdict.num_replicates}"
        for stage in summary.stages
        if stage.stage.verdict.provisional and stage.stage.verdict.num_replicates < most
    ]
    if not ended:
        return None
    return (
        f"The budget ended {words.listing(ended, most=6)} of up to {most} replicates: left undecided for "
        "want of time. The same command without --budget goes on."
    )


def failures(summary: Summary) -> list[str]:
    """One line per candidate with failed runs: how many, of which replicates, and why."""
    groups = [
        (f"{stage.stage.name}: {c.name}", c.runs)
        for stage in summary.stages
        for c in stage.candidates
    ]
    if summary.final:
        groups.append(("final model", summary.final.final.runs))
    lines = []
    for name, runs in groups:
        failed = [run for run in runs if run.status == "failed"]
        if failed:
            which = words.listing([str(run.replicate + 1) for run in failed], most=12)
            whose = "replicate" if len(failed) == 1 else "replicates"
            lines.append(
                f"{name}: {len(failed)} of {words.plural(len(runs), 'run')} ({whose} {which}): "
                f"{failed[0].reason}"
            )
    pending = summary.result.pending
    failed = [run for run in pending if run.status == "failed"]
    if failed:
        so_far = f"without a verdict yet: {len(failed)} of {words.plural(len(pending), 'run')}"
        lines.append(f"{so_far}: {failed[0].reason}")
    return lines


def final_lines(summary: Summary) -> list[str]:
    """What the last step found, in words."""
    final, data = summary.final, summary.result.data
    if final is None:
        return []
    parameters = final.final.num_parameters
    size = "" if parameters is None else f", {words.plural(parameters, 'parameter')}"
    lines = [f"Final model{size}: {notes.settings_line(summary)}"]
    score = notes.leading_score(final)
    if score is not None:
        shown, span = score
        line = f"Test {final.headline.words} {shown}" + (f", {span}" if span else "")
        spread = final.metrics[f"test_{final.headline.name}"]
        line += (
            "" if spread.sd is None else f" (± {words.bare(spread.sd, final.headline)} over refits)"
        )
        lines.append(
            f"{line}: {words.plural(final.num_finished, 'refit')} on train + validation; "
            f"{data.num_test:,} test examples, opened once, after every choice."
        )
    if told := notes.baselines(summary):
        lines.append(f"On the same folds, validation {summary.metric.words}: {'; '.join(told)}.")
    lines += [f"{line}." for line in notes.leaks(summary)]
    others = [
        f"{name.replace('_', ' ')} {words.percent(final.mean(f'test_{name}'))}"
        for name in ("accuracy", "balanced_accuracy")
        if name != final.headline.name and summary.unbalanced and f"test_{name}" in final.metrics
    ]
    others += [f"{name} {value}" for name, value in notes.further_scores(final)]
    if nothing := notes.knowing_nothing(summary):
        others.append(nothing)
    if others:
        lines.append(f"Beside it: {words.listing(others)}.")
    if taken := notes.epochs_taken(final):
        lines.append(taken)
    delivered = final.delivered
    if delivered is not None and final.num_finished > 1:
        lines.append(
            f"The model handed over is the refit of replicate {delivered.replicate + 1}"
            f"{', the first that did not collapse' if final.final.delivered else ''}; by itself it "
            f"reaches {words.level(delivered.value(f'test_{final.headline.name}'), final.headline)}."
        )
    if final.num_failed:
        lines.append(
            f"{final.num_failed} of {words.plural(len(final.final.runs), 'refit')} failed."
        )
    opening = final.final.opening
    if opening is not None and opening.ordinal > 1:
        lines.append(
            f"This test set has now been opened {opening.ordinal} times: what was learned "
            "from the earlier looks makes this number optimistic."
        )
    return lines


def stage_lines(summary: Summary, stage: StageSummary) -> list[str]:
    """One stage as plain lines."""
    table = candidate_table(summary, stage)
    lines = [f"{stage.stage.name}: {stage.stage.question}".rstrip(": ")]
    lines += [*aligned([table.head, *table.rows]), f"    {notes.reason(stage)}"]
    lost = notes.lost(stage)
    return [*lines, f"    {lost}"] if lost else lines


def result_text(result: StudyResult) -> str:
    """The whole result as plain text, for ``repr`` and files."""
    summary = summarise(result)
    data = result.data
    sizes = (
        f"{data.num_train:,} / {data.num_validation:,} / {data.num_test:,} examples, "
        f"{notes.predicted(data)}"
    )
    lines = [
        f"{result.name} on {data.name}{'' if result.split == 'own' else f': {sizes}'}",
        *([note] if (note := notes.unfinished(summary)) else []),
        "",
    ]
    rows = summary_rows(summary)
    lines += aligned(rows, "") if rows else []
    lines += ["", *([note] if (note := cut_short(summary)) else []), LEGEND, ""]
    for stage in summary.stages:
        lines += [*stage_lines(summary, stage), ""]
    lines += final_lines(summary)
    for finding in result.lint:
        lines.append(f"{finding.level} {finding.code}: {finding.text} {finding.remedy}")
    lines += failures(summary)
    return "\n".join(map(words.visible, lines)).rstrip() + "\n"

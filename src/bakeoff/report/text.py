"""A result as plain text: a summary first, then each stage, the final model, what to know.

No colours and no escape codes: the terminal adds those. Knows nothing of terminals.
"""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff import words
from bakeoff.evidence.summary import StageSummary, Summary, summarise
from bakeoff.records import StudyResult
from bakeoff.report import notes
from bakeoff.report.tables import runs_of, spread_of
from bakeoff.tasks.classification import CLASSIFICATION

ACCURACY = CLASSIFICATION.metric("accuracy")
LEGEND = (
    "By: the difference that decided, of which two, and its interval. ± is the standard deviation over "
    "runs. ▸ carried on, × beaten, ! failed. Paired: trained on the same replicates."
)


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One line of a stage's table.

    Attributes:
        mark: ``▸`` carried on, ``×`` beaten, ``!`` failed, blank otherwise.
        metric: mean ± sd of the deciding metric over the finished runs.
        accuracy: mean accuracy, where another share decides.
        runs: finished runs, such as ``5`` or ``3 + 2 failed``.
        published: the author's test accuracy, or empty.
        test: mean ± sd of the test accuracy in a replication, or empty.
        note: incumbent, what the label stands for, tuned values.
    """

    label: str
    mark: str
    num_parameters: str
    metric: str
    accuracy: str
    loss: str
    runs: str
    published: str
    test: str
    note: str


def candidate_rows(stage: StageSummary) -> list[CandidateRow]:
    """The table of a stage, in the order of its candidates."""
    rows = []
    for c in stage.candidates:
        published = c.candidate.published
        theirs = published.test_accuracy if published else None
        test = c.metrics.get("test_accuracy")
        note = ["incumbent"] if c.candidate.incumbent else []
        if c.name.startswith(f"{c.label} ("):  # what an author's label stands for
            note.append(c.name[len(c.label) + 2 : -1])
        note += [f"{name} {words.setting(value)}" for name, value in c.candidate.tuned.items()]
        rows.append(
            CandidateRow(
                label=c.label,
                mark={"chosen": "▸", "failed": "!", "beaten": "×"}.get(c.fate, " "),
                num_parameters=words.count(c.candidate.num_parameters),
                metric=_plain(spread_of(c.value, stage.metric)),
                accuracy=_plain(words.percent(c.mean("val_accuracy"))),
                loss=words.number(c.mean("val_loss")),
                runs=runs_of(c),
                published="" if theirs is None else words.percent(theirs),
                test="" if test is None else _plain(spread_of(test, ACCURACY)),
                note=", ".join(note),
            )
        )
    return rows


def _plain(text: str) -> str:
    """Without the per cent sign, which the head of the column has."""
    return text.replace(" %", "")


def summary_rows(summary: Summary) -> list[tuple[str, str, str, str]]:
    """One line a question: stage, verdict, choice, by how much."""
    rows = []
    for stage in summary.stages:
        line = notes.line_of(stage)
        by = f"{line.by} ({line.ends}), {line.pair[0]} − {line.pair[1]}" if line.pair else ""
        by += f" (final: {words.listing(line.later)})" if line.later else ""
        rows.append((stage.stage.name, line.word, line.choice, by.strip()))
    final = summary.final
    if final is not None and (score := notes.leading_score(final)):
        rows.append(("final", f"test {final.headline.words}", *score))
    return rows


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
        line += "" if spread.sd is None else f" (± {words.points(spread.sd)} over refits)"
        lines.append(
            f"{line}: {words.plural(final.num_finished, 'refit')} on train + validation; "
            f"{data.num_test:,} test examples, opened once, after every choice."
        )
    others = [
        f"{name.replace('_', ' ')} {words.percent(final.mean(f'test_{name}'))}"
        for name in ("accuracy", "balanced_accuracy")
        if name != final.headline.name and summary.unbalanced and f"test_{name}" in final.metrics
    ]
    if summary.baseline is not None:
        others.append(f"always the most frequent class {words.percent(summary.baseline)}")
    if others:
        lines.append(f"Beside it: {words.listing(others)}.")
    delivered = final.delivered
    if delivered is not None and final.num_finished > 1:
        lines.append(
            f"The model handed over is the refit of replicate {delivered.replicate + 1}; by itself it "
            f"reaches {words.percent(delivered.value('test_accuracy'))}."
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


def stage_lines(stage: StageSummary) -> list[str]:
    """One stage as plain lines."""
    lines = [f"{stage.stage.name}: {stage.stage.question}".rstrip(": ")]
    for row in candidate_rows(stage):
        columns = [f"  {row.mark} {row.label:<20}", f"{row.metric:>14}", f"{row.runs:>3} runs"]
        if row.published:
            columns.append(f"test {row.test}, published {row.published}")
        if row.note:
            columns.append(row.note)
        lines.append("  ".join(columns))
    lines.append(f"    {notes.reason(stage)}")
    lost = notes.lost(stage)
    return [*lines, f"    {lost}"] if lost else lines


def result_text(result: StudyResult) -> str:
    """The whole result as plain text, for ``repr`` and files."""
    summary = summarise(result)
    data = result.data
    lines = [
        f"{result.name} on {data.name}: {data.num_train:,} / {data.num_validation:,} / "
        f"{data.num_test:,} examples, {data.num_classes} classes",
        *([note] if (note := notes.unfinished(summary)) else []),
        "",
    ]
    rows = summary_rows(summary)
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines += ["", LEGEND, ""]
    for stage in summary.stages:
        lines += [*stage_lines(stage), ""]
    lines += final_lines(summary)
    for finding in result.lint:
        lines.append(f"{finding.level} {finding.code}: {finding.text} {finding.remedy}")
    lines += failures(summary)
    return "\n".join(map(words.visible, lines)).rstrip() + "\n"

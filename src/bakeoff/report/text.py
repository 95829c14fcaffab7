"""A result as plain text: a summary first, then each stage, the final model, what to know.

No colours and no escape codes: the terminal adds those. Knows nothing of terminals.
"""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff import words
from bakeoff.evidence.summary import FinalSummary, StageSummary, Summary, summarise
from bakeoff.records import StudyResult
from bakeoff.report import notes
from bakeoff.report.tables import runs_of, spread_of
from bakeoff.tasks.classification import CLASSIFICATION

ACCURACY = CLASSIFICATION.metric("accuracy")
LEGEND = (
    "± is the standard deviation over runs; [low mean high] an interval with its mean; ▸ carried on; "
    "× beaten; ! failed. Paired: both candidates trained on the same replicates."
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


def estimate_line(stage: StageSummary) -> str | None:
    """The pair that decided, with the interval that did, or None with a single candidate."""
    d, metric = stage.decided, stage.metric
    if d is None or d.low is None or d.high is None:
        return None
    low, mean, high = (words.bare(value, metric, sign=True) for value in (d.low, d.mean, d.high))
    unit = f" {words.unit(metric)}" if words.unit(metric) else ""
    return (
        f"{stage.name(d.first)} − {stage.name(d.second)}: [{low} {mean} {high}]{unit}, "
        f"{words.coverage(d.level)} interval over {words.plural(d.num_replicates, 'pair')}"
    )


def summary_rows(summary: Summary) -> list[tuple[str, str, str, str]]:
    """One line a question: stage, verdict, choice, by how much."""
    rows = []
    for stage in summary.stages:
        d = stage.decided
        by = ""
        if len(stage.candidates) > 1 and d is not None:
            by = words.difference(d.mean, stage.metric, sign=True)
            by += f", {stage.name(d.first)} − {stage.name(d.second)}"
        if stage.retuned:
            later = [f"{name} {words.setting(value)}" for name, value in stage.retuned.items()]
            by += f" (final: {words.listing(later)})"
        rows.append((stage.stage.name, notes.verdict_word(stage), stage.chosen.name, by.strip()))
    final = summary.final
    if final is not None and (line := test_score(final)):
        rows.append(("final", f"test {final.headline.words}", *line))
    return rows


def test_score(final: FinalSummary) -> tuple[str, str] | None:
    """The test score that leads, and its interval in words; None where there is none."""
    name = final.headline.name
    mean, ends = final.mean(f"test_{name}"), final.test.get(name)
    if mean is None:
        return None
    span = (
        ""
        if ends is None
        else f"95 % interval {words.percent(ends[0])} to {words.percent(ends[1])}"
    )
    return words.percent(mean), span


def failures(summary: Summary) -> list[str]:
    """One line per failed run, each naming its run."""
    lines = [
        f"{stage.stage.name}: {c.label}, replicate {run.replicate + 1}: {run.reason}"
        for stage in summary.stages
        for c in stage.candidates
        for run in c.failed
    ]
    refits = summary.final.final.runs if summary.final else ()
    return lines + [
        f"final refit, replicate {run.replicate + 1}: {run.reason}"
        for run in refits
        if run.status == "failed"
    ]


def final_lines(summary: Summary) -> list[str]:
    """What the last step found, in words."""
    final, data = summary.final, summary.result.data
    if final is None:
        return []
    parameters = final.final.num_parameters
    size = "" if parameters is None else f", {words.plural(parameters, 'parameter')}"
    lines = [f"Final model{size}: {notes.settings_line(summary)}"]
    score = test_score(final)
    if score is not None:
        shown, span = score
        line = f"Test {final.headline.words} {shown}" + (f", {span}" if span else "")
        line += (
            f" (± {words.points(spread.sd)} over refits)"
            if (
                (spread := final.metrics.get(f"test_{final.headline.name}"))
                and spread.sd is not None
            )
            else ""
        )
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
    estimate = estimate_line(stage)
    lines += [f"    {estimate}"] if estimate else []
    lines.append(f"    {notes.reason(stage)}")
    return lines + [f"    {note.text}" for note in notes.of_stage(stage) if note.tone == "bad"]


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

"""A result as plain text: one block per stage, the verdicts, the final model, what failed.

No colours and no escape codes: the terminal adds those. Knows nothing of terminals.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.records import Candidate, Run, StageResult, StudyResult
from bakeoff.report import words


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One line of a stage's table.

    Attributes:
        label: of the candidate, made visible.
        mark: ``▸`` carried on, ``×`` beaten, ``!`` failed, blank otherwise.
        num_parameters: with thousands separators.
        metric: mean ± sd of the deciding metric over the finished runs.
        loss: mean validation loss.
        runs: finished runs of all, such as ``5`` or ``3 of 5``.
        published: the author's test accuracy, or empty.
        test: mean ± sd of the test accuracy in a replication, or empty.
        note: incumbent, tuned values.
    """

    label: str
    mark: str
    num_parameters: str
    metric: str
    loss: str
    runs: str
    published: str
    test: str
    note: str


def candidate_rows(stage: StageResult) -> list[CandidateRow]:
    """The table of a stage, in the order of its candidates."""
    verdict = stage.verdict
    metric = words.metric(verdict.metric)
    rows = []
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        finished = [run for run in runs if run.status == "finished"]
        values = [v for run in finished if (v := metric.value(run)) is not None]
        losses = [v for run in finished if (v := run.value("val_loss")) is not None]
        tests = [t for run in runs if (t := run.value("test_accuracy")) is not None]
        mark = " "
        if candidate.label == verdict.chosen:
            mark = "▸"
        elif candidate.label in verdict.failed:
            mark = "!"
        elif candidate.label in verdict.beaten:
            mark = "×"
        rows.append(
            CandidateRow(
                label=words.visible(candidate.label),
                mark=mark,
                num_parameters=words.count(candidate.num_parameters),
                metric=_spread(values, metric.share),
                loss=words.number(statistics.fmean(losses)) if losses else "–",
                runs=str(len(runs))
                if len(finished) == len(runs)
                else f"{len(finished)} of {len(runs)}",
                published=words.percent(candidate.published.test_accuracy)
                if candidate.published and candidate.published.test_accuracy is not None
                else "",
                test=_spread(tests, True) if tests else "",
                note=_note(candidate),
            )
        )
    return rows


def _note(candidate: Candidate) -> str:
    notes = ["incumbent"] if candidate.incumbent else []
    notes += [
        f"{name.replace('_', ' ')} {words.setting(value)}"
        for name, value in candidate.tuned.items()
    ]
    return ", ".join(notes)


def _spread(values: Sequence[float], share: bool) -> str:
    if not values:
        return "–"
    mean = statistics.fmean(values)
    text = f"{100 * mean:.2f}" if share else words.number(mean)
    if len(values) < 2:
        return text
    sd = statistics.stdev(values)
    return f"{text} ± {100 * sd:.2f}" if share else f"{text} ± {words.number(sd)}"


def estimate_line(stage: StageResult) -> str | None:
    """The closest comparison as an estimate with its interval, or None with a single candidate."""
    comparison = stage.verdict.comparison
    if comparison is None or comparison.low is None or comparison.high is None:
        return None
    metric = words.metric(stage.verdict.metric)
    first = words.visible(stage.candidates[comparison.first].label)
    second = words.visible(stage.candidates[comparison.second].label)
    bare = metric.bare
    unit = f" {metric.unit}" if metric.unit else ""
    return (
        f"{first} − {second}: [{bare(comparison.low, sign=True)} "
        f"{bare(comparison.mean, sign=True)} {bare(comparison.high, sign=True)}]{unit}"
    )


def failures(stage: StageResult) -> list[str]:
    """One line per failed run of a stage, each naming its run."""
    lines = []
    for candidate, runs in zip(stage.candidates, stage.runs, strict=True):
        lines += [_failure(stage.name, candidate.label, run) for run in runs if run.reason]
    return lines


def _failure(stage: str, label: str, run: Run) -> str:
    return (
        f"{words.visible(stage)}: {words.visible(label)}, replicate {run.replicate}: "
        f"{run.status}: {run.reason}"
    )


def final_lines(result: StudyResult) -> list[str]:
    """What the last step found, in words."""
    final = result.final
    if final is None:
        return []
    settings = final.settings
    shape = "no hidden layer"
    if settings.hidden:
        shape = f"{'-'.join(map(str, settings.hidden))}, {settings.activation}"
    lines = [
        f"Final model: {shape}, {settings.optimizer}, "
        f"learning rate {settings.learning_rate:g}, "
        f"{words.plural(final.num_parameters, 'parameter')}."
    ]
    tests = [t for run in final.runs if (t := run.value("test_accuracy")) is not None]
    if tests:
        spread = f" ± {100 * statistics.stdev(tests):.2f}" if len(tests) > 1 else ""
        lines.append(
            f"Test accuracy {100 * statistics.fmean(tests):.2f}{spread} % over "
            f"{words.plural(len(tests), 'refit')} on train + validation; "
            f"{result.data.num_test:,} test examples, opened once, after every choice."
        )
    if final.opening is not None and final.opening.ordinal > 1:
        lines.append(
            f"This test set has now been opened {final.opening.ordinal} times: what was learned "
            "from the earlier looks makes this number optimistic."
        )
    return lines


def stage_lines(stage: StageResult) -> list[str]:
    """One stage as plain lines."""
    lines = [f"{words.visible(stage.name)}: {words.visible(stage.question)}".rstrip(": ")]
    for row in candidate_rows(stage):
        columns = [f"  {row.mark} {row.label:<20}", f"{row.metric:>14}", f"{row.runs:>3} runs"]
        if row.published:
            columns.append(f"test {row.test}, published {row.published}")
        if row.note:
            columns.append(row.note)
        lines.append("  ".join(columns))
    estimate = estimate_line(stage)
    if estimate:
        lines.append(f"    {estimate}")
    lines.append(f"    {words.visible(stage.verdict.reason)}")
    return lines


def result_text(result: StudyResult) -> str:
    """The whole result as plain text, for ``repr`` and files."""
    lines = [
        f"{words.visible(result.name)} on {words.visible(result.data.name)}: "
        f"{result.data.num_train:,} / {result.data.num_validation:,} / {result.data.num_test:,} "
        f"examples, {result.data.num_classes} classes",
        "",
    ]
    for stage in result.stages:
        lines += [*stage_lines(stage), ""]
    lines += final_lines(result)
    for finding in result.lint:
        lines.append(f"{finding.level} {finding.code}: {finding.text} {finding.remedy}")
    for stage in result.stages:
        lines += failures(stage)
    return "\n".join(lines).rstrip() + "\n"

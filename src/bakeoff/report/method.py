"""How the numbers were made: error bars, method and commands in words, from the record alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from importlib import resources

from bakeoff.records import StudyResult
from bakeoff.report.view_stages import StageView
from bakeoff.report.words import Metric, count, listing, percent, plural, share_of, visible


def error_bars(
    result: StudyResult, measure: Metric, stages: Sequence[StageView]
) -> tuple[str, ...]:
    """What every bar and every ± of the report means."""
    levels = sorted({d.level for stage in stages for d in stage.differences if d.low is not None})
    level = listing([share_of(level) for level in levels]) or "95 %"
    lines = [
        f"Bars on differences are {level} intervals of the paired difference in {measure.title} "
        "between two candidates trained on the same replicates, with Nadeau and Bengio's (2003) "
        "correction for training sets that overlap; they cover what a new seed and a new split "
        "would change.",
        "Bars on a single candidate are 95 % intervals of its mean over replicates. They are wider "
        "than those of differences, because all candidates share the luck of a replicate: judge "
        "candidates by their differences.",
        "A number after ± beside a mean is the standard deviation over replicates, unless another "
        "meaning is written beside it.",
    ]
    if len(levels) and levels[-1] > 0.95:
        lines.append(
            f"The {level} belongs to looking up to {plural(len(result.looks), 'time')}: each look "
            "spends its share of 5 %, so stopping early does not make false winners."
        )
    if result.final is not None:
        lines.append(
            "The final test accuracy has two errors: training again would give another model (sd "
            "over refits), and another test set of the same size would give another share "
            "(binomial)."
        )
    return tuple(lines)


def method(result: StudyResult, measure: Metric) -> tuple[str, ...]:
    """How runs were paired, when verdicts fell, when the test set was opened."""
    data = result.data
    looks = listing([str(look) for look in result.looks])
    split = (
        "a fold of one stratified partition and a seed"
        if result.split == "folds"
        else "a seed; the validation part is the last of the file, as Keras's validation_split takes"
    )
    lines = [
        f"Data {visible(data.name)}: {count(data.num_train)} examples for training, "
        f"{count(data.num_validation)} for validation, {count(data.num_test)} sealed for the test; "
        f"{plural(data.num_features, 'feature')}, {plural(data.num_classes, 'class', 'classes')}, "
        f"{percent(data.zero_share, 1)} of the features exactly zero.",
        f"A replicate is {split}. All candidates of all stages share replicates, so every "
        "comparison is paired.",
        f"Candidates are compared by {measure.title} after the last epoch; no best epoch is picked. "
        + (
            "Every choice is the author's (pinned); the evidence is reported beside it."
            if result.kind == "replication"
            else f"Verdicts may fall after {looks} replicates."
        ),
        "A run that diverges or stays within 5 points of always saying the most frequent class is "
        "a failed run: counted and shown, never averaged.",
    ]
    if result.kind == "replication":
        lines.append(
            "The test set was measured for every model because the author did so; nothing was "
            "selected on it here."
        )
    elif result.final is not None and result.final.opening is not None:
        lines.append(
            "The test set was opened once, after all choices were made"
            + (
                "."
                if result.final.opening.ordinal == 1
                else f"; it is opening number {result.final.opening.ordinal} of the same test data "
                "in this store, so its accuracy is no longer quite untouched."
            )
        )
    return tuple(lines)


def commands(result: StudyResult) -> tuple[str, ...]:
    """Shell lines that make the study and its report again."""
    name = visible(result.name)
    built_in = f"{name}.toml" in {
        file.name for file in resources.files("bakeoff.studies").iterdir()
    }
    source = shlex.quote(name if built_in else f"{name}.toml")
    note = "" if built_in else "  # the study file is below"
    return (
        f"bakeoff run {source} --report report.html{note}",
        f"bakeoff report {shlex.quote(name)}",
    )


def spec_text(result: StudyResult) -> str:
    """The study file's content as indented JSON."""
    return visible_lines(json.dumps(result.spec, indent=2, ensure_ascii=False, default=str))


def visible_lines(text: str) -> str:
    """Like ``visible``, but line breaks stay."""
    return "\n".join(visible(line) for line in text.split("\n"))

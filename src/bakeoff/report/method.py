"""How the numbers were made: error bars, method, environment and commands, from the record alone."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.evidence.rule import sampling_of_result
from bakeoff.evidence.summary import Summary
from bakeoff.records import StudyResult
from bakeoff.report import notes
from bakeoff.spec import StudySpec
from bakeoff.words import count, coverage, listing, percent, plural


def error_bars(summary: Summary) -> list[str]:
    """What every bar and every ± of the report means."""
    result, metric = summary.result, summary.metric
    levels = sorted({d.level for s in summary.stages for d in s.differences if d.low is not None})
    shown = listing([coverage(level) for level in levels]) or "95 %"
    lines = [
        f"Bars on differences are {shown} intervals of the paired difference in validation "
        f"{metric.words} between two candidates trained on the same replicates; they cover "
        f"{sampling_of_result(result).scope}.",
        "Bars on a single candidate are 95 % intervals of its mean over replicates. They are wider "
        "than those of differences, because all candidates share the luck of a replicate: judge "
        "candidates by their differences.",
        "A number after ± beside a mean is the standard deviation over runs; a pair of numbers in "
        "square brackets or with “to” is an interval.",
    ]
    if levels and levels[-1] > 0.95:
        number = len(result.looks)
        why = (
            f"A level above 95 % belongs to looking up to {number} times: each look spends its share "
            "of 5 %, so stopping early does not make false winners."
            if number > 1
            else "A level above 95 % is that of the decision: a single look spends half of 5 %."
        )
        lines.append(
            f"{why} A tie is decided by two one-sided tests, and shown with the interval of that level."
        )
    if result.final is not None:
        lines.append(
            "The interval of the test score says where models trained like this one lie on test "
            "examples like these: it holds both what another test set and what another training "
            "would change. Training again gives one model more, with a spread of its own."
        )
    return lines


def method(summary: Summary) -> list[str]:
    """How runs were paired, when verdicts fell, when the test set was opened."""
    result, data = summary.result, summary.result.data
    split = {
        "folds": "a fold of one stratified partition and a seed",
        "last": "a seed; the validation part is the last of the file, as Keras's validation_split "
        "takes, and what is found holds for this split alone",
        "own": "a seed that the program is given; it reads and splits its data itself, and what is "
        "found holds for that data alone",
        "time": "a stretch of later rows that validates what all rows before it trained, and a seed",
    }[result.split]
    given = result.spec.get("data")
    told = given if isinstance(given, Mapping) else {}
    if told.get("validation"):
        split = "a seed; the validation part is a file of its own, and what is found holds for it"
    elif told.get("fold"):
        split = "one of the folds that the data names, and a seed"
    elif told.get("groups"):
        split = "a fold of one partition that keeps every group whole, and a seed"
    lines = [
        f"Data {data.name}: read and split by the program itself."
        if result.split == "own"
        else f"Data {data.name}: {count(data.num_train)} examples for training, "
        f"{count(data.num_validation)} for validation, {count(data.num_test)} sealed for the test; "
        f"{plural(data.num_features, 'feature')}, {notes.predicted(data)}, "
        f"{percent(data.zero_share, 1)} of the features exactly zero.",
        f"A replicate is {split}. All candidates of all stages share replicates, so every "
        "comparison is paired.",
        f"Candidates are compared by validation {summary.metric.words} after the last epoch; no best "
        "epoch is picked. "
        + (
            "Every choice is the author's (pinned); the evidence is reported beside it."
            if result.kind == "replication"
            else f"Verdicts may fall after {listing([str(look) for look in result.looks])} replicates."
        ),
        "A run that diverges, raises, crashes or times out is a failed run: counted and shown, never "
        "averaged. A run that learned little is a measurement.",
    ]
    if result.kind == "replication":
        lines.append(
            "The test set was measured for every model because the author did so; nothing was "
            "selected on it here."
        )
    elif result.final is not None and result.final.opening is not None:
        ordinal = result.final.opening.ordinal
        lines.append(
            "The test set was opened once, after all choices were made"
            + (
                "."
                if ordinal == 1
                else f"; it is opening number {ordinal} of the same test data in this store, so its "
                "accuracy is no longer quite untouched."
            )
        )
    return lines


def environment(result: StudyResult) -> list[tuple[str, str]]:
    """(what, value) of where the runs were made."""
    env = result.environment
    return [
        ("bakeoff", env.bakeoff),
        ("engine", result.engine),
        ("Python", env.python),
        ("NumPy", env.numpy),
        ("processor", f"{env.cpu}, {plural(env.num_cores, 'core')}"),
        ("platform", env.platform),
        ("git commit", env.git_commit or "not in a repository"),
        ("study seed", str(result.seed)),
        ("started", result.started_at),
        ("data hash", result.data.hash),
    ]


def _declared(values: Any) -> StudySpec | None:
    """A study as its author declared it, or None where it does not read as one."""
    known = set(StudySpec.model_fields)
    try:
        return StudySpec.model_validate({k: value for k, value in values.items() if k in known})
    except (BakeoffError, ValueError, TypeError):
        return None


def _is_built_in(result: StudyResult) -> bool:
    """Whether a study of this name comes with bakeoff and is this very study."""
    names = {file.name for file in resources.files("bakeoff.studies").iterdir()}
    if f"{result.name}.toml" not in names:
        return False
    text = (resources.files("bakeoff.studies") / f"{result.name}.toml").read_text("utf-8")
    theirs, ours = _declared(tomllib.loads(text)), _declared(result.spec)
    return theirs is not None and ours is not None and theirs.to_dict() == ours.to_dict()


def commands(result: StudyResult) -> list[str]:
    """Shell lines that make the study and its report again."""
    built_in = _is_built_in(result)
    source = result.name if built_in else f"{result.name}.toml"
    note = "" if built_in else "  # the study file is below"
    # A name that begins with a dash would be an option.
    dashes = "-- " if result.name.startswith("-") else ""
    return [
        f"bakeoff run {dashes}{shlex.quote(source)}{note}",
        f"bakeoff report {dashes}{shlex.quote(result.name)}",
    ]


def spec_text(result: StudyResult) -> str:
    """The study file, or the study as JSON where it came from Python and no file can say it."""
    spec = _declared(result.spec)
    data, model = result.spec.get("data"), result.spec.get("model")
    # A command reads its data itself, and is all text.
    said = isinstance(data, (str, dict)) or (isinstance(model, dict) and "command" in model)
    if spec is not None and said:
        return spec.to_toml()
    return json.dumps(result.spec, indent=2, ensure_ascii=False, default=str)

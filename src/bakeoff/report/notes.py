"""A study in short: one line a question, and what is worth saying beyond the verdicts.

The verdict of a stage is told by its own ``reason``. What is added here the verdict does not know:
what the stage did to the chain, which runs failed, what was at the edge of the values tried.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from bakeoff import words
from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.stage_summary import CandidateSummary, StageSummary
from bakeoff.evidence.summary import Summary
from bakeoff.records import DataSummary, Final
from bakeoff.tasks.base import Metric


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence; ``tone`` is ``plain``, ``open`` (nobody can tell) or ``bad``."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One question in one line.

    Attributes:
        kind: ``winner``, ``tie``, ``undecided``, ``only`` (one candidate) or ``open`` (no evidence).
        word: the verdict in one or two words.
        choice: the name of what is carried on.
        by: the difference that decided, with its unit; empty where nothing was compared.
        pair: of which two, by name.
        ends: the interval that decided, with its level.
        later: what the final model has where a later stage changed the choice.
    """

    stage: StageSummary
    kind: str
    word: str
    choice: str
    by: str = ""
    pair: tuple[str, str] | None = None
    ends: str = ""
    later: tuple[str, ...] = ()


def line_of(stage: StageSummary) -> Line:
    """The first thing that page, terminal and notebook say of a stage."""
    verdict, metric, d = stage.stage.verdict, stage.metric, stage.decided
    word, choice = verdict_word(stage), stage.chosen.name
    later = tuple(f"{name} {words.setting(value)}" for name, value in stage.retuned.items())
    if len(stage.candidates) == 1:
        return Line(stage, "only", word, choice, later=later)
    if d is None or not stage.measured:
        return Line(stage, "open", word, choice, later=later)
    by = words.difference(d.mean, metric, sign=True)
    pair = stage.name(d.first), _shortened(stage.name(d.first), stage.name(d.second))
    if verdict.num_replicates <= 1:
        return Line(stage, "open", word, choice, by, pair, "one run each tells no interval", later)
    ends = ""
    if d.low is not None:
        ends = f"{words.coverage(d.level)}: {words.interval(d.low, d.high, metric, sign=True)}"
    return Line(stage, verdict.kind, word, choice, by, pair, ends, later)


def _shortened(first: str, second: str) -> str:
    """The second name, without the setting where the first one says it: ``hidden 64``, ``32``."""
    setting, blank, _ = first.partition(" ")
    return second.removeprefix(setting + blank) if blank else second


def leading_score(final: FinalSummary) -> tuple[str, str] | None:
    """The test score that leads, and its interval in words; None where there is none."""
    name = final.headline.name
    mean, ends = final.mean(f"test_{name}"), final.test.get(name)
    if mean is None:
        return None
    shown = words.level(mean, final.headline)
    if ends is None:
        return shown, ""
    low, high = (words.level(end, final.headline) for end in ends)
    return shown, f"95 % interval {low} to {high}"


def ends_of(final: FinalSummary, metric: Metric) -> str | None:
    """The interval of a test score, with its unit once; None where there is none."""
    ends = final.test.get(metric.name)
    if ends is None:
        return None
    low = words.points(ends[0]) if metric.share else words.number(ends[0])
    return f"{low} to {words.level(ends[1], metric)}"


def further_scores(final: FinalSummary) -> list[tuple[str, str]]:
    """Further test scores of a regression, (name, value)."""
    return [(m.words, words.level(final.mean(f"test_{m.name}"), m)) for m in final.further]


def predicted(data: DataSummary) -> str:
    """What is predicted: so many classes, or a number."""
    if not data.target_range:
        return words.plural(data.num_classes, "class", "classes")
    low, _, high, _ = data.target_range
    named = f" ({data.target})" if data.target else ""
    return f"a number{named} from {words.number(low)} to {words.number(high)}"


def baselines(summary: Summary) -> list[str]:
    """What simple models reach, one sentence each, and whether the chosen candidate beats them."""
    metric, sentences = summary.metric, []
    for one in summary.baselines:
        pair = one.comparison
        if one.mean is None or pair is None:
            sentences.append(f"{one.label}: every run failed")
            continue
        ends = [metric.sign * end for end in (pair.low, pair.high) if end is not None]
        if ends and min(ends) > 0.0:
            word = "the chosen model is better"
        elif ends and max(ends) < 0.0:
            word = "it beats the chosen model"
        else:
            word = "not shown to differ from the chosen model"
        span = words.interval(pair.low, pair.high, metric, sign=True)
        sentences.append(
            f"{one.label} {words.level(one.mean, metric)}: {word} "
            f"({words.difference(pair.mean, metric, sign=True)}, 95 %: {span})"
        )
    return sentences


def leaks(summary: Summary) -> list[str]:
    """Columns that give the target away, one sentence each."""
    return [
        f"{words.code(name)} alone predicts nearly everything ({words.percent(share)} of it): if it is not "
        "known beforehand, leave it out (data.drop)"
        for name, share in summary.result.leaks
    ]


def epochs_taken(final: FinalSummary) -> str | None:
    """How long the refits trained where they stopped early by themselves."""
    taken, values = final.metrics.get("epochs"), final.final.settings
    if taken is None or not values.get("patience"):
        return None
    spread = "" if taken.sd is None else f" ± {taken.sd:.1f}"
    return (
        f"The refits stopped by themselves (patience {values['patience']}): weights are those after "
        f"{taken.mean:.1f}{spread} epochs, of at most {values['epochs']:,}."
    )


def knowing_nothing(summary: Summary) -> str | None:
    """What one reaches who always says the same."""
    data, final = summary.result.data, summary.result.final
    if data.target_range:
        _, mean, _, spread = data.target_range
        if final is not None and final.values is not None:  # on the same examples as the model
            spread = float(np.sqrt(np.mean((final.values.actual - mean) ** 2)))
        return f"always the mean: rmse {words.number(spread)}"
    if summary.baseline is None:
        return None
    of = "" if summary.metric.name in ("accuracy", "loss") else ": accuracy"
    return f"always the most frequent class{of} {words.percent(summary.baseline)}"


def verdict_word(stage: StageSummary) -> str:
    """The verdict in one or two words, honest about defaults and pins."""
    verdict = stage.stage.verdict
    if len(stage.candidates) == 1:
        word = "only candidate"
    elif not stage.measured:
        word = "no verdict"
    elif verdict.num_replicates <= 1:
        word = "one replicate"
    elif verdict.kind == "undecided" and verdict.provisional:
        word = "undecided, provisional"
    else:
        word = verdict.kind
    return f"{word}, pinned" if verdict.pinned else word


def tone(stage: StageSummary) -> str:
    """Of the verdict itself: ``good``, ``plain``, ``open`` or ``bad``."""
    if len(stage.candidates) == 1:
        return "plain"
    if not stage.measured:
        return "bad"
    if stage.stage.verdict.num_replicates <= 1:
        return "open"
    if lost(stage):  # the best of a stage that went backwards is no good news
        return "plain"
    return {"winner": "good", "tie": "plain", "undecided": "open"}[stage.stage.verdict.kind]


def reason(stage: StageSummary) -> str:
    """The verdict in words: the one place that every report takes them from."""
    if not stage.measured:
        return f"Every run of stage {stage.stage.name} failed, so there is no verdict."
    return stage.stage.verdict.reason


def lost(stage: StageSummary) -> str | None:
    """What the stage cost the chain, where it went back by more than what matters."""
    verdict, metric = stage.stage.verdict, stage.metric
    if stage.gain is None or stage.carried in (None, verdict.chosen):
        return None
    if metric.sign * stage.gain.mean >= -verdict.delta:
        return None
    chosen, carried = (
        words.code(stage.name(label)) for label in (verdict.chosen, str(stage.carried))
    )
    if not stage.has_incumbent:
        why = f"{carried}, which was carried in, was not among the candidates"
    elif verdict.pinned:
        why = f"the author pinned {chosen} although {carried} was ahead"
    else:
        why = f"{chosen} went on although {carried} was ahead"
    if verdict.kind == "undecided" and stage.has_incumbent and not verdict.pinned:
        gap = words.difference(abs(stage.gain.mean), metric)
        return f"If that is no luck, it costs {gap}: {carried} was ahead by so much."
    return f"This stage lost {words.difference(abs(stage.gain.mean), metric)}, because {why}."


_OPENED = {
    ".safetensors": "`bakeoff.TrainedModel.load({path})`",
    ".keras": "`keras.saving.load_model({path})`",
    ".skops": "`skops.io.load({path}, trusted=skops.io.get_untrusted_types(file={path}))`, if you "
    "trust who made it",
}


def model_file(final: Final) -> str | None:
    """Where the delivered model is and how it is opened, or why there is no file of it."""
    if final.model_path is None:
        why = final.runs[final.delivered].notes.get("not_saved")
        return None if why is None else f"The model was not saved: {why}."
    where, path = f"Model file: `{final.model_path}`. ", PurePath(final.model_path)
    if path.suffix not in _OPENED:
        return where + "It is what the function's `save(path)` wrote."
    opened = _OPENED[path.suffix].format(path=f'"{final.model_path}"')
    own = path.suffix == ".safetensors"  # opened by bakeoff, which encodes
    encoded = (
        ""
        if own or "encoding" not in final.model
        else "; it takes the columns as they were encoded"
    )
    new = "new.csv" if "encoding" in final.model else "new.npz"
    return (
        f"{where}It predicts by `bakeoff predict {shlex.quote(final.model_path)} {new}`; in Python "
        f"it is opened by {opened}{encoded}."
    )


def only(stage: StageSummary) -> str | None:
    """Of a stage with one candidate: what it reached, and what it changed."""
    if len(stage.candidates) > 1 or stage.chosen.value is None:
        return None
    value = stage.chosen.value
    text = f"It reached {words.level(value.mean, stage.metric)} over {words.plural(value.num, 'replicate')}"
    if stage.gain is None:
        return f"{text}."
    if stage.carried == stage.chosen.label:
        return f"{text}, the very configuration that was carried in."
    change = words.difference(stage.gain.mean, stage.metric, sign=True)
    return f"{text}, {change} against {words.code(str(stage.carried))}, which was carried in."


def failures(candidate: CandidateSummary) -> str:
    """How many runs of a candidate failed, and why the first one did."""
    return (
        f"{len(candidate.failed)} of {words.plural(len(candidate.runs), 'run')} of "
        f"{words.code(candidate.name)} failed ({candidate.failed[0].reason}); failed runs are counted, "
        "never averaged."
    )


def of_stage(stage: StageSummary) -> list[Note]:
    """Everything worth saying of a stage beyond its verdict, most important first."""
    found: list[Note] = []
    for kind, text in (("plain", only(stage)), ("bad", lost(stage))):
        if text:
            found.append(Note(kind, text))
    found += [Note("bad", failures(c)) for c in stage.candidates if c.failed]
    for point, _ in stage.tuning:
        if point.chosen and point.at_edge:
            values = [
                words.code(f"{name} {words.setting(value)}")
                for name, value in point.values.items()
                if name in point.at_edge
            ]
            found.append(
                Note(
                    "open",
                    f"The best {words.listing(values)} of {words.code(stage.name(point.candidate))} is at "
                    "the edge of what was tried; the true best may lie beyond.",
                )
            )
    if stage.retuned:
        later = words.listing([words.code(text) for text in line_of(stage).later])
        found.append(Note("plain", f"A later stage changed this: the final model has {later}."))
    return found


def unfinished(summary: Summary) -> str | None:
    """Of a study that was interrupted: how far it got."""
    result = summary.result
    planned, done = len(result.spec.get("stage", ())), len(result.stages)
    # A replication and a program that measures itself have no final model.
    ends_here = result.kind == "replication" or result.task == "declared"
    if result.final is not None or (ends_here and done >= planned):
        return None
    if done < planned:
        text = f"This study is not finished: {done} of {words.plural(planned, 'stage')} so far"
        if result.pending:
            text += f", and {words.plural(len(result.pending), 'run')} without a verdict yet"
        failed = [run for run in result.pending if run.status == "failed"]
        return text + (f"; {len(failed)} failed ({failed[0].reason})." if failed else ".")
    return "This study is not finished: the final model is still to be trained."


def settings_line(summary: Summary) -> str | None:
    """The settings the study ends with, as the ``base`` of a study file takes them.

    Those that neither the author nor the study chose have their defaults, and are left out. Where
    models of several kinds competed, the line before says which ``model``.
    """
    from bakeoff.spec.document import toml_value

    if summary.settings is None or not summary.stages:
        return None
    last = summary.stages[-1].chosen.candidate
    chosen = {*last.declared, *last.tuned}
    values = {name: value for name, value in summary.settings.items() if name in chosen}
    reference, model = values.pop("model", None), ""
    for stage in summary.result.spec.get("stage", ()):
        for one in stage.get("candidate", ()):
            given = one.get("model")
            if reference and isinstance(given, Mapping) and reference in given.values():
                said = {k: v for k, v in given.items() if v and (k, v) != ("threads", 1)}
                model = f"model = {toml_value(said)}\n"
    return f"{model}base = {toml_value(values)}"

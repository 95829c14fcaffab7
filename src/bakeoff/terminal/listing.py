"""What ``show`` and ``compare`` print of a store: its studies, one run with its curve, two side by side."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff import words
from bakeoff.errors import UsageError
from bakeoff.evidence.compare import Matched, chosen, compare_studies, unshared
from bakeoff.evidence.summary import summarise
from bakeoff.records import Run, StudyResult
from bakeoff.store.frames import which_replicate
from bakeoff.store.listing import StudyRow
from bakeoff.tasks.classification import metric_named
from bakeoff.tasks.further import further
from bakeoff.terminal.tables import shown

if TYPE_CHECKING:
    import pandas as pd

SPARKS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 60
SHOWN_METRICS = 2
WORD_STYLE = {"winner": "green", "tie": "cyan", "undecided": "yellow"}


def studies_table(rows: Sequence[StudyRow]) -> RenderableType:
    """One line per study of a store; its runs are those that ended, as ``run`` counts them."""
    if not rows:
        return Text("No study yet; `bakeoff run` makes one.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    names = ["id", "study", "data", "state", "stages", "runs", "failed", "started"]
    if any(row.tags for row in rows):
        names.append("tags")
    for name in names:
        count = name in ("id", "stages", "runs", "failed")
        table.add_column(name, justify="right" if count else "left", overflow="fold")
    for row in rows:
        table.add_row(
            str(row.id),
            shown(row.name),
            shown(row.data_name),
            shown(row.state),
            str(row.num_stages),
            str(row.num_finished + row.num_failed),
            str(row.num_failed),
            shown(row.started_at),
            *([shown(", ".join(row.tags))] if "tags" in names else []),
        )
    return table


def chosen_runs(frame: pd.DataFrame, where: Sequence[str], sort: str | None) -> pd.DataFrame:
    """Those runs that were asked for, in the order that was asked for.

    Args:
        frame: as ``Store.runs`` gives it.
        where: ``stage=width`` and so on, all of which must hold; a setting may leave out its
            ``settings.``.
        sort: a column, ascending, or descending behind a minus sign; runs without a value last.

    Raises:
        UsageError: no such column, or no ``=``.
    """
    for condition in where:
        name, equals, value = condition.partition("=")
        if not equals:
            raise UsageError(f"--where: must be NAME=VALUE, but got {condition!r}; say stage=width")
        column = _as_shown(frame, _column(frame, name, "--where"))
        same = (column.astype(str) == value) | (column.map(words.setting) == value)
        with contextlib.suppress(ValueError):
            same |= _numbers(column) == float(value)
        frame = frame[same]
    if sort is not None:
        name = _column(frame, sort.removeprefix("-"), "--sort")
        frame = frame.sort_values(name, ascending=not sort.startswith("-"), kind="stable")
    return frame


def _as_shown(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column as the terminal says it: replicates counted from 1, ``screening 1`` those that tune."""
    column = frame[name]
    if name != "replicate":
        return column
    return column.map(lambda index: which_replicate(index).removeprefix("replicate "))


def _numbers(column: pd.Series[Any]) -> pd.Series[float]:
    """A column as numbers, NaN where it holds something else."""
    import pandas as pd

    return pd.to_numeric(column, errors="coerce")


def _column(frame: pd.DataFrame, name: str, option: str) -> str:
    for known in (name, f"settings.{name}"):
        if known in frame.columns:
            return known
    short = [str(one).removeprefix("settings.") for one in frame.columns]
    near = difflib.get_close_matches(name, short, n=1)
    guess = f"did you mean {near[0]}?" if near else f"there are {', '.join(short)}"
    raise UsageError(f"{option}: runs have no column {name!r}; {guess}")


def runs_table(
    frame: pd.DataFrame, sort: str | None = None, metric: str | None = None
) -> RenderableType:
    """One line a run: its key, what it was for, what it got. Of many metrics the first two.

    Args:
        frame: as ``Store.runs`` gives it.
        sort: the column it was ordered by, which is shown in any case.
        metric: what decides in their study, which comes first.
    """
    if not len(frame):
        return Text("No such run.")
    measured = [
        str(name)
        for name in frame.columns
        if str(name).startswith(("val_", "test_")) and frame[name].notna().any()
    ]
    names = [name for name in ("stage", "label", "replicate") if name in frame.columns]
    if set(frame["state"]) != {"finished"}:
        names.append("state")
    validated = [name for name in measured if name.startswith("val_")]
    names += sorted(validated, key=lambda name: name != f"val_{metric}")[:SHOWN_METRICS]
    names.append("train_seconds")
    if frame["reason"].notna().any():
        names.append("reason")
    if sort is not None:
        names.append(_column(frame, sort.removeprefix("-"), "--sort"))
    names = list(dict.fromkeys(names))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("run")
    for name in names:
        numbers = frame[name].dtype.kind in "if"
        table.add_column(
            shown(name.removeprefix("settings.")),
            justify="right" if numbers else "left",
            overflow="fold",
        )
    for row in frame.assign(replicate=_as_shown(frame, "replicate")).to_dict("records"):
        table.add_row(str(row["key"])[:8], *(_cell(row[name]) for name in names))
    left_out = [name for name in measured if name not in names]
    more = f"Not shown: {words.listing([*left_out, 'settings'])}; --csv PATH writes everything."
    return Group(table, shown(more, "dim"))


def _cell(value: Any) -> Text:
    if isinstance(value, float):
        return Text(words.number(value) if np.isfinite(value) else "")
    return shown("" if value is None else words.setting(value))


def run_block(run: Run) -> RenderableType:
    """One run: status, scores, and its training curves drawn in the terminal; why it failed."""
    lines: list[RenderableType] = [
        shown(f"run {run.key[:16]}  {run.engine}", "bold"),
        shown(
            f"{which_replicate(run.replicate)}, {run.status}"
            + (f": {run.reason}" if run.reason else "")
            + f", {words.duration(run.train_seconds)}"
        ),
    ]
    names = dict.fromkeys([*run.metrics, *run.curves])
    width = max((len(_title(name)) for name in names), default=0)
    for name in names:
        spoken = words.percent if _is_share(name, run) else words.number
        curve = run.curve(name)[np.isfinite(run.curve(name))]
        first = spoken(float(curve[0]) if len(curve) else run.metrics.get(name))
        drawn = f" {sparkline(curve)} {spoken(float(curve[-1]))}" if len(curve) else ""
        lines.append(shown(f"  {_title(name):<{width}} {first:>9}{drawn}"))
    if run.notes.get("traceback"):
        lines.append(shown(str(run.notes["traceback"]).rstrip(), "dim"))
    return Group(*lines)


def _title(name: str) -> str:
    """``val_roc_auc`` in words."""
    part, _, metric = name.partition("_")
    return words.spoken(f"validation {metric}" if part == "val" else name)


def _is_share(name: str, *runs: Run) -> bool:
    """Whether a metric is told in per cent: what a program declares beyond accuracy is not."""
    bare = name.partition("_")[2]
    if any(run.engine.startswith(("command/", "function/")) for run in runs):
        return metric_named(bare).share
    known = {one.name: one.share for one in further("classification")}
    return known.get(bare, metric_named(bare).share)


def sparkline(values: np.ndarray) -> str:
    """The values as a row of blocks, at most 60 wide (means of neighbours beyond that)."""
    if len(values) > CURVE_WIDTH:
        values = np.array([part.mean() for part in np.array_split(values, CURVE_WIDTH)])
    low, high = float(values.min()), float(values.max())
    if high == low:
        return SPARKS[3] * len(values)
    steps = (values - low) / (high - low) * (len(SPARKS) - 1)
    return "".join(SPARKS[round(float(step))] for step in steps)


def runs_comparison(
    runs: tuple[Run, Run], settings: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> RenderableType:
    """Two runs: the settings in which they differ, then what they got."""
    first, second = runs
    table = _two_columns(first.key[:12], second.key[:12])
    for name in {**settings[0], **settings[1]}:
        _row(table, name, *_settings_of(settings, name))
    _row(table, "replicate", *(which_replicate(one.replicate) for one in runs))
    _row(table, "engine", first.engine, second.engine)
    _row(table, "status", first.status, second.status)
    table.add_section()
    for name in {**first.metrics, **second.metrics}:
        values = first.value(name), second.value(name)
        table.add_row(
            shown(_title(name)),
            *_pair(*values, _is_share(name, *(one for one in runs if name in one.metrics))),
        )
    table.add_row("seconds", *_pair(first.train_seconds, second.train_seconds, False))
    return Group(
        table,
        Text("One run each shows no spread: the difference may be luck.", style="dim"),
    )


def studies_comparison(first: StudyResult, second: StudyResult) -> RenderableType:
    """Two studies: what differs in them and in what they chose, and what their pairs show."""
    table = _two_columns(first.name, second.name)
    for title, ours, theirs in (
        ("data", first.data.name, second.data.name),
        ("data hash", first.data.hash[:12], second.data.hash[:12]),
        ("seed", first.seed, second.seed),
        ("split", first.split, second.split),
        ("folds", first.spec.get("folds"), second.spec.get("folds")),
        ("looks", *(", ".join(map(str, one.looks)) for one in (first, second))),
        ("metric", first.metric, second.metric),
        ("engine", first.engine, second.engine),
    ):
        _row(table, title, str(ours), str(theirs))
    settings = [_chosen_settings(one) for one in (first, second)]
    for name in {**settings[0], **settings[1]}:
        _row(table, name, *_settings_of(settings, name))
    table.add_section()
    tested = _tested(first), _tested(second)
    leading = [f"test_{one.metric}" for one in (first, second)]
    for name in dict.fromkeys([*leading, "test_accuracy", *tested[0], *tested[1]]):
        if any(name in one for one in tested):
            values = tested[0].get(name), tested[1].get(name)
            table.add_row(shown(_title(name)), *_pair(*values, _is_share(name)))
    parts: list[RenderableType] = [table, Text()]
    why = unshared(first, second)
    if why:
        parts.append(
            Text(
                f"Not comparable run by run: {words.listing(why)} differ"
                f"{'s' if len(why) == 1 else ''}, so the studies share no replicates, and a "
                "difference of their means may be one of the data parts or of luck.",
                style="yellow",
            )
        )
        return Group(*parts)
    matched = compare_studies(first, second)
    if not matched:
        parts.append(Text("At least one of them has no finished stage: nothing to compare."))
        return Group(*parts)
    title = f"Validation {words.spoken(first.metric)}, paired by replicate"
    parts.append(shown(title, "bold"))
    parts += [Padding(_line(match), (0, 0, 0, 2), expand=False) for match in matched]
    return Group(*parts)


def _line(match: Matched) -> Text:
    labels = " and ".join(dict.fromkeys((match.first, match.second)))
    what = f"{match.stage}, {labels}" if match.stage else f"What they chose, {labels}"
    if match.differing:
        what += f" (differing in {words.listing(match.differing)})"
    line = shown(f"{what}: {match.sentence}.")
    if match.word is not None:
        line.highlight_words([f"{match.word}", f"a {match.word}"], WORD_STYLE[match.word])
    return line


def _two_columns(left: str, right: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column(shown(left), overflow="fold")
    table.add_column(shown(right), overflow="fold")
    table.add_column("difference", justify="right")
    return table


def _settings_of(settings: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """A setting of both sides, which need not have it."""
    return [words.setting(one[name]) if name in one else words.DASH for one in settings]


def _row(table: Table, title: str, left: str, right: str) -> None:
    """A row of words, where the two differ."""
    if left != right:
        table.add_row(shown(title), shown(left), shown(right), "")


def _pair(left: float | None, right: float | None, share: bool) -> tuple[str, str, str]:
    spoken = words.percent if share else words.number
    difference = ""
    if left is not None and right is not None:
        gap = right - left
        difference = (
            f"{words.points(gap, sign=True)} points" if share else words.number(gap, sign=True)
        )
    return spoken(left), spoken(right), difference


def _chosen_settings(result: StudyResult) -> Mapping[str, Any]:
    if result.final is not None:
        return result.final.settings.effective()
    found = chosen(result)
    return {} if found is None else found[0].settings.effective()


def _tested(result: StudyResult) -> dict[str, float]:
    """Test metrics: means over the refits, or over the runs of what a replication ended with."""
    summary = summarise(result)
    last = summary.stages[-1].chosen.metrics if summary.stages else {}
    metrics = summary.final.metrics if summary.final else last
    return {name: spread.mean for name, spread in metrics.items() if name.startswith("test_")}

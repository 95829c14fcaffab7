"""What a notebook shows: a study, its plan and its result as small tables with their forests, and the
charts by name. Everything is in the cell: no script, nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from bakeoff import words
from bakeoff.errors import UsageError
from bakeoff.evidence.final_summary import FinalSummary
from bakeoff.evidence.stage_summary import StageSummary
from bakeoff.evidence.summary import summarise
from bakeoff.records import StudyPlan, StudyResult
from bakeoff.report import charts, curves, grids, notes, plan
from bakeoff.report.svg import Picture

MAX_ROWS = 60
MAX_NAME = 120
MAX_BYTES = 48_000  # of a result: a notebook keeps every output it ever showed
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_CELL = "text-align:left;padding:3px 16px 3px 0;vertical-align:top"


def _cell(tag: str, value: object) -> str:
    shown = words.clip(words.visible(str(value)), MAX_NAME)
    return f'<{tag} style="{_CELL}">{escape(shown)}</{tag}>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "stage") -> str:
    lines = [f'<table style="{_TABLE}"><thead><tr>', *(_cell("th", name) for name in head)]
    lines.append("</tr></thead><tbody>")
    for row in rows[:MAX_ROWS]:
        lines += ["<tr>", *(_cell("td", value) for value in row), "</tr>"]
    lines.append("</tbody></table>")
    if len(rows) > MAX_ROWS:
        lines.append(f"<p>{len(rows) - MAX_ROWS} more {kind}s.</p>")
    return "".join(lines)


def _values(stage: Mapping[str, Any]) -> str:
    """What a stage varies, in one line."""
    vary = stage.get("vary")
    if isinstance(vary, Mapping) and vary:
        return "; ".join(
            f"{name}: {', '.join(map(words.setting, values))}"
            if isinstance(values, (list, tuple))
            else f"{name}: {_range(values)}"
            for name, values in vary.items()
        )
    candidates = stage.get("candidate") or ()
    return words.plural(len(candidates), "candidate") if candidates else words.DASH


def _range(values: Any) -> str:
    if isinstance(values, Mapping) and {"low", "high"} <= values.keys():
        return f"{words.setting(values['low'])} to {words.setting(values['high'])}"
    return words.setting(values)


def _title(name: str) -> str:
    return words.clip(words.visible(name), MAX_NAME)


def study_html(spec: Mapping[str, Any]) -> str:
    """A declared study as a table of its stages.

    Args:
        spec: the study file's content as a dict, with ``name``, ``data`` and ``stage``.
    """
    stages = spec.get("stage") or ()
    rows = [
        (
            str(stage.get("name", "")),
            str(stage.get("question") or ""),
            _values(stage),
            ", ".join(map(str, stage.get("tune") or {})) or words.DASH,
        )
        for stage in stages
    ]
    data = spec.get("data", "")
    where = f" on {words.visible(data)}" if isinstance(data, str) and data else ""
    title = Markup("<p><b>{}</b>{}, {}</p>").format(
        _title(str(spec.get("name", ""))), where, words.plural(len(rows), "stage")
    )
    return str(title) + (_table(("stage", "question", "varies", "tunes"), rows) if rows else "")


def plan_html(planned: StudyPlan) -> str:
    """What ``study.check()`` found: the candidates of every stage, runs and time."""
    rows = []
    for number, stage in enumerate(planned.stages, 1):
        cells = plan.candidates(stage)
        for index, (label, parameters, operations, pinned) in enumerate(cells.rows):
            name = f"{number}. {stage.name}" if index == 0 else ""
            varied = cells.head[0] if index == 0 else ""
            told = "; ".join(filter(None, [pinned, *(plan.tuned(stage) if index == 0 else ())]))
            rows.append((name, varied, label, parameters, operations, told))
    title = Markup("<p><b>{}</b>, a {}<br>{}</p>").format(
        _title(planned.name), words.visible(plan.about(planned)), plan.protocol(planned)
    )
    end = Markup("<p>{}<br>{}</p>").format(plan.cost(planned), plan.reach(planned))
    head = ("stage", "varies", "candidate", "parameters", "operations", "")
    return str(title) + _table(head, rows, "candidate") + str(end)


def result_html(result: StudyResult) -> str:
    """Verdicts in one table, then a forest per stage; below 50 kB whatever the study's size and names."""
    summary = summarise(result)
    parts = [f"{result.num_trained:,} trained", f"{result.num_reused:,} reused"]
    parts += [f"{summary.num_failed:,} failed"] if summary.num_failed else []
    line = f"{', '.join(parts)}; {words.duration(result.seconds)}"
    rows = []
    for stage in summary.stages:
        short = notes.line_of(stage)
        pair = words.clip(" − ".join(short.pair or ()), 60)
        cells = (short.word, short.choice, f"{short.by} {pair}".strip(), short.ends)
        rows.append((stage.stage.name, *cells, str(stage.stage.verdict.num_replicates)))
    title = Markup("<p><b>{}</b>: {}</p>").format(_title(result.name), line)
    head = ("stage", "verdict", "carried on", "by", "interval", "replicates")
    score = notes.leading_score(summary.final) if summary.final else None
    final = Markup("")
    if summary.final and score:
        final = Markup("<p>Test {} <b>{}</b>, {}</p>").format(summary.final.headline.words, *score)
    text = str(title) + _table(head, rows) + str(final)
    return text + _forests(summary.stages, MAX_BYTES - len(text.encode()))


def _forests(stages: Sequence[StageSummary], room: int) -> str:
    """The paired differences of each stage beside one another, as many as there is room for."""
    figures: list[str] = []
    pictures = [(one, picture) for one in stages if (picture := charts.forest(one)) is not None]
    for stage, picture in pictures:
        caption = escape(f"{_title(stage.stage.name)}: {notes.line_of(stage).word}")
        figure = f'<figure style="margin:0"><figcaption>{caption}</figcaption>{picture._repr_svg_()}</figure>'
        room -= len(figure.encode())
        if room < 0:
            break
        figures.append(figure)
    left = len(pictures) - len(figures)
    more = (
        f"<p>{words.plural(left, 'more forest')}: <code>result.plot.forest(stage)</code></p>"
        if left
        else ""
    )
    if not figures:
        return more
    gathered = "".join(figures)
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px">{gathered}</div>{more}'


def _sheet(panels: Sequence[tuple[str, Picture]]) -> Picture | None:
    """Panels of one size, three side by side, each under its label; None without any."""
    if not panels:
        return None
    across, down = curves.PANEL[0] + 50, curves.PANEL[1] + 66
    num_rows = -(-len(panels) // 3)
    width = min(len(panels), 3) * across - 50
    description = " ".join(panel.description for _, panel in panels)
    picture = Picture(width, num_rows * down - 66, description)
    for index, (label, panel) in enumerate(panels):
        x, y = index % 3 * across, index // 3 * down
        picture.hold(panel, x, y)
        picture.words([(x, y - 14, label)], role="ink", limit=curves.PANEL[0])
    return picture


class Plots:
    """The charts of one result, such as ``result.plot.forest("depth")``.

    Every method returns a picture that shows itself in a notebook and that ``save`` writes as SVG.
    It raises ``UsageError`` where the study has nothing to draw: an unknown stage, a stage that
    tuned nothing, a test set that was not opened.
    """

    def __init__(self, result: StudyResult) -> None:
        self._summary = summarise(result)

    def _stage(self, stage: str | int) -> StageSummary:
        names = [one.stage.name for one in self._summary.stages]
        if isinstance(stage, str) and stage in names:
            return self._summary.stages[names.index(stage)]
        if isinstance(stage, int) and -len(names) <= stage < len(names):
            return self._summary.stages[stage]
        raise UsageError(
            f"stage: must be one of {', '.join(names)} or an index below {len(names)}, but got {stage!r}"
        )

    def _final(self) -> FinalSummary:
        if self._summary.final is None:
            raise UsageError(f"study {self._summary.result.name}: has no final model to draw")
        return self._summary.final

    def forest(self, stage: str | int) -> Picture:
        """Paired differences from the chosen candidate, with the ±δ band."""
        return _drawn(charts.forest(self._stage(stage)), "a second candidate with finished runs")

    def replicates(self, stage: str | int) -> Picture:
        """Every run, one line per replicate."""
        return _drawn(charts.replicates(self._stage(stage)), "finished runs")

    def curves(self, stage: str | int, what: str | None = None) -> Picture:
        """Training curves of all replicates, of the metric that decides by default."""
        one = self._stage(stage)
        known = {metric.name: metric for metric in curves.curve_metrics(one)}
        metric = known.get(what) if what is not None else next(iter(known.values()), None)
        if metric is None:
            raise UsageError(f"what: must be one of {', '.join(known) or 'none'}, but got {what!r}")
        return _drawn(_sheet(curves.curves(one, metric)), "runs with a history")

    def tuned(self, stage: str | int, name: str | None = None) -> Picture:
        """The metric along a tuned hyperparameter (the first one by default)."""
        return _drawn(grids.tuned(self._stage(stage), name), "a `tune` of that name")

    def heatmap(self, stage: str | int, name: str | None = None) -> Picture:
        """Tuned hyperparameter by candidate (the learning rate by default)."""
        return _drawn(grids.heatmap(self._stage(stage), name), "a `tune` of that name")

    def chain(self) -> Picture:
        """The chain of decisions with the audit's counterfactuals."""
        return _drawn(charts.chain(self._summary), "stages with finished runs")

    def published(self) -> Picture:
        """A replication's published test accuracies against ours."""
        return _drawn(charts.published(self._summary), "a replication with published numbers")

    def confusion(self) -> Picture:
        """The confusion matrix on the test set."""
        names = self._summary.result.data.class_names
        return _drawn(grids.confusion(self._final(), names), "an opened test set")

    def recall(self) -> Picture:
        """Recall per class on the test set."""
        return _drawn(charts.recall(self._final()), "an opened test set")

    def reliability(self) -> Picture:
        """Accuracy against confidence on the test set."""
        return _drawn(grids.reliability(self._final()), "an opened test set")


def _drawn(picture: Picture | None, needs: str) -> Picture:
    if picture is None:
        raise UsageError(f"nothing to draw: this chart needs {needs}")
    return picture

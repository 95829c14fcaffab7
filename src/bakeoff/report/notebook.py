"""What a notebook shows for a study and a result: one small table each, no script, no chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from bakeoff.records import StudyResult
from bakeoff.report.view import ReportView, build_view
from bakeoff.report.words import clip, duration, percent, plural, setting, visible

MAX_STAGES = 60
MAX_NAME = 120
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_CELL = "text-align:left;padding:3px 16px 3px 0;vertical-align:top"


def _cell(tag: str, value: object) -> str:
    return f'<{tag} style="{_CELL}">{escape(clip(str(value), MAX_NAME))}</{tag}>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f'<table style="{_TABLE}"><thead><tr>', *(_cell("th", name) for name in head)]
    lines.append("</tr></thead><tbody>")
    for row in rows[:MAX_STAGES]:
        lines += ["<tr>", *(_cell("td", value) for value in row), "</tr>"]
    lines.append("</tbody></table>")
    if len(rows) > MAX_STAGES:
        lines.append(f"<p>{len(rows) - MAX_STAGES} more stages.</p>")
    return "".join(lines)


def _values(stage: Mapping[str, Any]) -> str:
    """What a stage varies, in one line."""
    vary = stage.get("vary")
    if isinstance(vary, Mapping) and vary:
        return "; ".join(
            f"{visible(str(name))}: {', '.join(setting(v) for v in values)}"
            if isinstance(values, (list, tuple))
            else f"{visible(str(name))}: {setting(values)}"
            for name, values in vary.items()
        )
    candidates = stage.get("candidate") or ()
    return plural(len(candidates), "candidate") if candidates else "–"


def study_html(spec: Mapping[str, Any]) -> str:
    """A declared study as a table of its stages.

    Args:
        spec: the study file's content as a dict, with ``name``, ``data`` and ``stage``.
    """
    stages = spec.get("stage") or ()
    rows = [
        (
            visible(str(stage.get("name", ""))),
            visible(str(stage.get("question") or "")),
            _values(stage),
            ", ".join(visible(str(name)) for name in stage.get("tune") or {}) or "–",
        )
        for stage in stages
    ]
    name = clip(visible(str(spec.get("name", ""))), MAX_NAME)
    data = spec.get("data", "")
    where = f" on {visible(data)}" if isinstance(data, str) and data else ""
    title = Markup("<p><b>{}</b>{}, {}</p>").format(name, where, plural(len(rows), "stage"))
    return str(title) + (_table(("stage", "question", "varies", "tunes"), rows) if rows else "")


def _line(view: ReportView) -> str:
    parts = [f"{view.num_trained:,} trained", f"{view.num_reused:,} reused"]
    if view.num_failed:
        parts.append(f"{view.num_failed:,} failed")
    return f"{', '.join(parts)}; {duration(view.seconds)}"


def result_html(result: StudyResult) -> str:
    """Verdicts in one table, below 50 kB whatever the study's size and names."""
    view = build_view(result)
    rows = [
        (
            line.name,
            line.word,
            line.chosen,
            f"{line.margin} {clip(line.against, 60)}".strip(),
            line.interval,
            str(line.num_replicates),
        )
        for line in view.strip
    ]
    title = Markup("<p><b>{}</b>: {}</p>").format(clip(view.name, MAX_NAME), _line(view))
    final = Markup("")
    if view.final is not None and view.final.accuracy_mean is not None:
        sd = view.final.accuracy_sd
        spread = (
            f" ± {100 * sd:.2f} (sd over {len(view.final.runs)} refits)" if sd is not None else ""
        )
        final = Markup("<p>Final test accuracy <b>{}</b>{}</p>").format(
            percent(view.final.accuracy_mean), spread
        )
    head = ("stage", "verdict", "carried on", "by", "interval", "replicates")
    return str(title) + _table(head, rows) + str(final)

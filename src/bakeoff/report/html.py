"""One self-contained HTML file from a result: no request, no library, readable without script.

All text goes through Jinja's escaping, and before that through ``_printed``, where missing numbers
become dashes and invisible characters visible; only the SVG made here and the page's own style and
scripts are inserted as they are. The page's own security policy admits its two scripts by their hash.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from bakeoff import words
from bakeoff.dense.page import ModelPayload, model_payload
from bakeoff.evidence import audit
from bakeoff.evidence.summary import Summary, summarise
from bakeoff.files import write_whole
from bakeoff.records import LintFinding, StudyResult
from bakeoff.report import curves, examples, figures, method, notes, tables
from bakeoff.report.examples import Sprite, sprite
from bakeoff.report.figures import anchor_of

MAX_OPEN_ROWS = 16  # a longer table starts folded
MAX_STAGES = 8  # with more of them the end of a study stands first, and its contents name none


def _lint(result: StudyResult) -> list[list[LintFinding]]:
    """Findings of one code that ask for the same remedy stand together, in the order of the first."""
    groups: dict[tuple[str, str, str], list[LintFinding]] = {}
    for finding in result.lint:
        groups.setdefault((finding.code, finding.level, finding.remedy), []).append(finding)
    return list(groups.values())


def _contents(summary: Summary, has_chain: bool) -> list[tuple[str, str]]:
    """(anchor, words) of the page's sections, in order; many stages are linked by their verdicts."""
    found = [("verdicts", "Verdicts")]
    found += [("chain", "Chain")] if has_chain else []
    if len(summary.stages) > MAX_STAGES:
        found.append((anchor_of(summary.stages[0]), words.plural(len(summary.stages), "stage")))
    else:
        found += [(anchor_of(stage), stage.stage.name) for stage in summary.stages]
    found += [("final", "Final model")] if summary.final else []
    found += [("lint", "Worth knowing")] if summary.result.lint else []
    found += [("claims", "Published")] if summary.result.claims else []
    return [*found, ("bars", "Error bars"), ("how", "How it was made")]


def _pictures(summary: Summary) -> Sprite | None:
    """The worst mistakes as one picture, where the data are images."""
    final, data = summary.final, summary.result.data
    if final is None:
        return None
    return sprite([m.features for m in final.mistakes], data.image_shape, peak=data.feature_max)


def _template_text(name: str) -> str:
    return (resources.files("bakeoff.report") / "templates" / name).read_text("utf-8")


def safe_json(value: Any) -> Markup:
    """JSON that cannot end a script element, whatever the strings in it say."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for char, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(char, code)
    return Markup(text)  # noqa: S704


def _ticks(text: str) -> Markup:
    """`code` between backticks in a sentence becomes a code element; all of it is escaped first."""
    safe = str(escape(_printed(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))  # noqa: S704


def _payload(model: ModelPayload | None) -> Markup | None:
    return None if model is None else safe_json(dataclasses.asdict(model))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _printed(value: Any) -> Any:
    """What stands in the page for a value: the one place where foreign text becomes visible."""
    if value is None:
        return words.DASH
    if type(value) is str:
        return words.visible(value).replace(" %", "\u00a0%")  # a number stays with its sign
    return value


@cache
def _template() -> Template:
    """The page's template, compiled once in a process."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    environment.filters.update(
        ticks=_ticks,
        lines=lambda text: Markup("\n").join(_printed(line) for line in text.split("\n")),
        setting=words.setting,
        count=words.count,
        duration=words.duration,
        percent=words.percent,
        points=words.points,
        fixed=words.fixed,
        code=words.code,
    )
    environment.globals.update(plural=words.plural, notes=notes, anchor_of=anchor_of)
    return environment.from_string(_template_text("report.html"))


def render(result: StudyResult) -> str:
    """The page. Every chart is drawn here, once."""
    summary = summarise(result)
    final = summary.final
    payload, missing = None, None
    if final is not None and "file" not in final.final.model and result.model_kind == "dense":
        payload, missing = model_payload(final.final, result.data)
    pictures = _pictures(summary)
    values = final.final.values if final else None
    script = "\n" + _template_text("report.js")
    runner = "\n" + _template_text("tryit.js") if payload else ""
    hashes = " ".join(_hash(text) for text in (script, runner) if text)
    chain = figures.of_chain(summary)
    num_lines = curves.num_lines(summary)
    confirmed = [swap for swap in result.audit if swap.confirmed]
    return _template().render(
        summary=summary,
        result=result,
        data=result.data,
        unit=words.unit(summary.metric),
        style=Markup(_template_text("report.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        runner=Markup(runner),  # noqa: S704
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {hashes}",
        contents=_contents(summary, bool(chain or result.audit)),
        long=len(summary.stages) > MAX_STAGES,
        strip=[notes.line_of(stage) for stage in summary.stages],
        chain=chain,
        stages=[
            (
                stage,
                anchor_of(stage),
                figures.of_stage(stage),
                figures.of_curves(stage, num_lines),
                tables.candidates(summary, stage),
            )
            for stage in summary.stages
        ],
        audit=tables.audit(summary) if result.audit else None,
        audit_said=audit.summary(result),
        confirmed=confirmed,
        final=final,
        leading=notes.leading_score(final) if final else None,
        further=notes.further_scores(final) if final else [],
        model_file=notes.model_file(final.final) if final else None,
        baselines=notes.baselines(summary),
        leaks=notes.leaks(summary),
        nothing=notes.knowing_nothing(summary),
        epochs_taken=notes.epochs_taken(final) if final else None,
        by_itself=words.level(final.delivered.value(f"test_{final.headline.name}"), final.headline)
        if final and final.delivered
        else "",
        worst=examples.misses(summary, values) if values and values.worst else None,
        mistakes=examples.mistakes(summary, final) if final and not pictures else None,
        final_figures=figures.of_final(summary, final) if final else [],
        sprite=pictures,
        claims=tables.claims(result.claims, summary.metric) if result.claims else None,
        published=figures.of_published(summary),
        payload=_payload(payload),
        missing=missing,
        lint=_lint(result),
        error_bars=method.error_bars(summary),
        method=method.method(summary),
        environment=method.environment(result),
        commands=method.commands(result),
        spec=method.spec_text(result),
        max_open_rows=MAX_OPEN_ROWS,
    )


def write(result: StudyResult, path: str | os.PathLike[str]) -> Path:
    """Writes the report on ``result`` to ``path``, all of it or nothing.

    Raises:
        UsageError: the folder is missing or not writable.
        StoreFullError: the disk is full.

    In both cases an older report at ``path`` is still there, whole.
    """
    target = Path(path)
    write_whole(target, render(result))
    return target

"""Words from outside: names in page and terminal, and what a program prints."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import html.parser
import io
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.cli.output import Style, result_console
from bakeoff.execution.events import Note, StageStarted, StudyStarted
from bakeoff.records import StudyResult
from bakeoff.report.html import render
from bakeoff.report.json import dumps
from bakeoff.report.notebook import Plots, result_html
from bakeoff.report.text import result_text
from bakeoff.store.listing import StudyRow
from bakeoff.terminal.listing import run_block, studies_comparison, studies_table
from bakeoff.terminal.progress import PlainProgress
from bakeoff.terminal.tables import print_result
from bakeoff.trainables.brought import declared_task
from bakeoff.trainables.command import brought_command
from bakeoff.trainables.printed import Printed
from tests.fuzz import family
from tests.fuzz.mutations import damaged, hostile_text

_MARKUP = ["</script><script>fuzz()</script>", "<img src=x onerror=fuzz()>", '"onload="fuzz()', "'><svg/onload=fuzz()>",
           "]]><x>", "<!--", "&lt;fuzz&gt;", "&#60;fuzz", "</title><fuzz>", "</style><fuzz>", "javascript:fuzz()", "`fuzz`",
           "[bold red]fuzz[/]", "[link=https://x]fuzz[/link]", ":smile:", "{fuzz}", "${fuzz}"]  # fmt: skip


def _name(rng: np.random.Generator) -> str:
    pieces = [hostile_text(rng) if rng.random() < 0.5 else str(rng.choice(_MARKUP)) for _ in "ab"]
    return "".join(pieces)[:6000]


def _foreign(result: StudyResult) -> list[str]:
    """Every text of a result that a user or a program wrote."""
    found = [result.name, result.data.name, *result.data.class_names, *result.data.feature_names]
    for stage in result.stages:
        found += [stage.name, stage.question, *(one.label for one in stage.candidates)]
        found += [run.reason for part in stage.runs for run in part if run.reason]
    return list(dict.fromkeys(found))


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """A record with texts in the place of others."""
    if isinstance(value, str):
        return names.get(value, value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: _replaced(getattr(value, field.name), names)
            for field in dataclasses.fields(value)
            if field.init
        }
        return dataclasses.replace(value, **changes)
    if isinstance(value, tuple | list):
        return type(value)(_replaced(one, names) for one in value)
    if type(value) is dict:
        return {_replaced(key, names): _replaced(one, names) for key, one in value.items()}
    return value


@functools.cache
def _results() -> list[StudyResult]:
    from tests.report import build

    made = (build.full, build.failed_runs, build.brought, build.unbalanced, build.interrupted)
    return [one() for one in made]


class _Page(html.parser.HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs


@functools.cache
def _innocent(index: int) -> _Page:
    return _Page(render(_results()[index]))


def _must_be_text(text: str, innocent: _Page, name: str) -> None:
    """No word of a name became an element, an attribute or a script."""
    page = _Page(text)
    assert set(page.tags) <= set(innocent.tags), f"{name}: {set(page.tags) - set(innocent.tags)}"
    for tag in ("script", "style", "title", "svg", "html"):
        most = innocent.tags[tag] if tag != "title" else sys.maxsize  # charts have them too
        assert page.tags[tag] <= most, f"{name}: one more <{tag}>"
    for key, value in page.attributes:
        assert not key.startswith("on"), f"{name}: the attribute {key}"
        if key in ("href", "src", "action") and value:
            assert value.startswith(("#", "data:image/")) or value == "data:,", (
                f"{name}: {key}={value:.80}"
            )
    _must_not_be_obeyed(text, name)


def _must_not_be_obeyed(text: str, name: str) -> None:
    odd = re.search(r"[^\n\t\u00a0 ]", "".join(c for c in text if not c.isprintable()))
    assert odd is None, f"{name}: {odd[0]!r} as it is" if odd else ""


@family("names", seconds=10.0, prepare=_results)
def names(rng: np.random.Generator, folder: Path) -> None:
    """Markup, controls and directions in the names of everything."""
    del folder
    index = int(rng.integers(0, len(_results())))
    result = _results()[index]
    chosen = [one for one in _foreign(result) if rng.random() < 0.5]
    result = _replaced(result, {one: _name(rng) + str(i) for i, one in enumerate(chosen)})
    _must_be_text(render(result), _innocent(index), "page")
    _must_be_text(result_html(result), _innocent(index), "notebook")
    plots = Plots(result)
    for stage in result.stages[:1]:
        _must_be_text(str(plots.replicates(stage.name)), _innocent(index), "chart")
    _must_not_be_obeyed(result_text(result), "text")
    json.loads(dumps(result))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        console = result_console(Style(plain=True))
    print_result(console, result)
    console.print(studies_comparison(result, _results()[index]))
    run = result.stages[0].runs[0][0]
    console.print(run_block(dataclasses.replace(run, reason=_name(rng), status="failed")))
    texts = [
        "name",
        "kind",
        "state",
        "metric",
        "engine",
        "data_name",
        "data_hash",
        "started_at",
        "finished_at",
    ]
    numbers = {field.name: 1 for field in dataclasses.fields(StudyRow)}
    row = StudyRow(**(numbers | {text: _name(rng) for text in texts} | {"tags": (_name(rng),)}))
    console.print(studies_table([row]))
    progress = PlainProgress(lambda line: out.write(line + "\n") and None, lambda *_: None)
    for event in (
        StudyStarted(result.name, 1, 1),
        StageStarted(0, _name(rng), ""),
        Note(_name(rng)),
    ):
        progress(event)
    _must_not_be_obeyed(out.getvalue(), "terminal")


_WORDS = [b"loss", b"val_loss", b"epoch", b"Epoch 1/5", b":", b"=", b" ", b"\n", b"0.5", b"nan", b"-inf", b"1e400",
          b"{", b"}", b'{"val_loss": 0.1}', b'{"val_loss": 1e999}', b'{"val_loss": NaN, "epoch": 1}', b'{"epoch": 1e300}',
          b"\x1b[31m", b"\x1b]0;x\x07", b"\xff\xfe", b"\x00", b"\r", b"\xe2\x80\xae", b"[" * 5000, b'{"a":' * 5000,
          b"9" * 5000, b"a" * 70_000, b"val_loss: 0.3\n", b"val_loss=" * 3000, b"a.a/a-" * 2000, b"epoch 1 " * 3000]  # fmt: skip


def _said(rng: np.random.Generator) -> bytes:
    """What a program might print."""
    picks = rng.integers(0, len(_WORDS), int(rng.integers(1, 40)))
    raw = b"".join(_WORDS[i] for i in picks)
    return damaged(rng, raw) if rng.random() < 0.3 else raw


@family("printed", seconds=5.0)
def printed(rng: np.random.Generator, folder: Path) -> None:
    """A program's output: read line by line, and in one of ten cases by a run of it."""
    raw = _said(rng)
    found = Printed()
    for line in raw.decode("utf-8", "replace").split("\n"):
        found.line(line)
    assert all(isinstance(value, float) for value in found.metrics.values())
    assert len(found.metrics) <= 100, "more names than it may tell"
    if rng.random() > 0.1:
        return
    (folder / "out").write_bytes(raw)
    (folder / "err").write_bytes(_said(rng))
    code = int(rng.integers(0, 2))
    script = f"cat out; cat err >&2; exit {code}"
    (folder / "say").write_text(script)
    task = declared_task({"val_loss": "min"})
    trainable = brought_command("sh say", task, folder=folder)
    from tests.trainables.trainable_work import train

    outcome = train(trainable)
    if code or outcome.stopped:
        assert outcome.stopped in ("raised", "diverged"), outcome.stopped
        assert outcome.reason, "a failure without a sentence"
        assert not outcome.metrics
    else:
        assert math.isfinite(outcome.metrics["val_loss"])
    for curve in outcome.curves.values():
        assert np.isfinite(curve).all(), "a curve that is not finite"

"""Page, terminal and JSON of one study say the same about every number that they share."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from statistics import fmean, stdev
from typing import Any

import build
import pytest
from rich.console import Console

from bakeoff import words
from bakeoff.evidence.summary import summarise
from bakeoff.records import StudyResult
from bakeoff.report import html
from bakeoff.report.json import dumps
from bakeoff.report.notebook import result_html
from bakeoff.report.text import result_text
from bakeoff.tasks.base import Metric
from bakeoff.terminal.tables import print_result


def _pinned_only() -> StudyResult:
    return build.study([build.stage("again", ["8"], [0.96], kind="undecided")])


def _all_failed() -> StudyResult:
    return build.study([build.stage("rate", ["a", "b"], [0.1, 0.1], failed=[0, 1])])


STUDIES: dict[str, Callable[[], StudyResult]] = {
    "winner": build.winner,
    "tie": build.tie,
    "undecided": build.undecided,
    "failures": build.failed_runs,
    "everything failed": _all_failed,
    "replication": build.regression,
    "one replicate": build.one_replicate,
    "full": build.full,
    "collapsed refit": build.collapsed,
    "loss": build.by_loss,
    "unbalanced": build.unbalanced,
    "interrupted": build.interrupted,
    "one candidate": _pinned_only,
    "a program's own metric": build.brought,
}


class _Text(HTMLParser):
    """The words of a page without scripts, styles and drawings; table rows as lists of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._hidden = 0
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "svg", "noscript")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "svg", "noscript")
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            clean = data.replace("\u00a0", " ")
            self.words.append(clean)
            if self._cell:
                self.rows[-1][-1] += clean

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def views(result: StudyResult) -> tuple[_Text, str, str, dict[str, Any]]:
    stream = io.StringIO()
    print_result(Console(file=stream, width=400, no_color=True), result)
    document: dict[str, Any] = json.loads(dumps(result))
    return _Text(html.render(result)), stream.getvalue(), result_text(result), document


def shown(metric: Metric, runs: list[dict[str, Any]]) -> str | None:
    """Mean ± sd over the finished runs of the document, computed here once more."""
    values = [
        run["metrics"][f"val_{metric.name}"]
        for run in runs
        if run["status"] == "finished" and f"val_{metric.name}" in run["metrics"]
    ]
    if not values:
        return None
    text = words.level(fmean(values), metric)
    return text + (f" ± {words.bare(stdev(values), metric)}" if len(values) > 1 else "")


def row_of(lines: list[str], label: str) -> str:
    """The line of a candidate in a block of the terminal."""
    return next(line for line in lines if line.strip().lstrip("▸×! ").startswith(f"{label} "))


@pytest.mark.parametrize("name", STUDIES)
def test_the_spread_of_every_candidate_is_the_same_everywhere(name: str) -> None:
    result = STUDIES[name]()
    page, terminal, plain, document = views(result)
    metric = summarise(result).metric
    for number, stage in enumerate(document["stages"]):
        block = terminal[terminal.index(f"{number + 1}. {stage['name']}") :].splitlines()
        plain_block = plain[plain.index(f"\n{stage['name']}: ") :].splitlines()[3:]
        for candidate in stage["candidates"]:
            wanted = shown(metric, candidate["runs"])
            cells = next(
                row
                for row in page.rows
                if row[:1] == [candidate["label"]]
                and re.search(r"\d m?s$", row[-2])  # the time per run
                and (wanted is None or wanted in row)
            )
            assert (wanted or words.DASH) in row_of(block, candidate["label"])
            assert (wanted or words.DASH) in row_of(plain_block, candidate["label"])
            known = candidate["metrics"].get(f"val_{metric.name}")
            assert (known is None) == (wanted is None)
            if known is not None:
                assert words.level(known["mean"], metric) == str(wanted).split(" ± ")[0]
            failed = sum(run["status"] == "failed" for run in candidate["runs"])
            assert candidate["num_failed"] == failed
            if failed:
                text = f"+ {failed} failed"
                assert any(text in cell for cell in cells)
                assert text in row_of(block, candidate["label"])


@pytest.mark.parametrize("name", STUDIES)
def test_every_verdict_is_the_same_everywhere(name: str) -> None:
    result = STUDIES[name]()
    page, terminal, plain, document = views(result)
    metric = summarise(result).metric
    notebook = _Text(result_html(result)).text
    for stage, summary in zip(document["stages"], summarise(result).stages, strict=True):
        verdict = stage["verdict"]
        if summary.measured:
            for text in (page.text, " ".join(terminal.split()), " ".join(plain.split())):
                assert verdict["reason"] in text
        interval = verdict["interval"]
        if interval is None or len(stage["candidates"]) == 1:
            continue
        mean = words.difference(interval["mean"], metric, sign=True)
        if verdict["num_replicates"] > 1:
            for text in (page.text, terminal, plain, notebook):
                assert mean in text
        if interval["low"] is not None:
            ends = [words.bare(interval[end], metric, sign=True) for end in ("low", "high")]
            level = words.coverage(interval["level"])
            assert f"{level}: {ends[0]} to {ends[1]}" in page.text
            for text in (terminal, plain, notebook):
                assert f"{level}: {ends[0]} to {ends[1]}" in text


@pytest.mark.parametrize("name", STUDIES)
def test_the_final_score_is_the_same_everywhere_and_holds_every_refit(name: str) -> None:
    result = STUDIES[name]()
    page, terminal, plain, document = views(result)
    if result.final is None:
        assert "Final model" not in terminal
        return
    summary = summarise(result)
    assert summary.final is not None
    test = document["final"]["test"]
    leading = test["metrics"][summary.final.headline.name]
    values = [
        run["metrics"][f"test_{summary.final.headline.name}"]
        for run in document["final"]["runs"]
        if run["status"] == "finished"
    ]
    assert leading["mean"] == pytest.approx(fmean(values))
    assert leading["sd"] == pytest.approx(stdev(values))
    assert leading["num_replicates"] == len(values)
    notebook = _Text(result_html(result)).text
    mean = words.percent(leading["mean"])
    low, high = leading["interval"]
    for text in (page.text, terminal, plain, notebook):
        assert mean in text
        assert words.percent(high) in text
        assert f"{100 * low:.2f}" in text
    delivered = document["final"]["delivered"]
    own = words.percent(document["final"]["runs"][delivered]["test_accuracy"])
    for text in (page.text, terminal, plain):
        why = ", the first that did not collapse" if delivered else ""
        assert f"refit of replicate {delivered + 1}{why}; by itself it reaches {own}" in text


@pytest.mark.parametrize("name", STUDIES)
def test_the_number_of_failed_runs_is_the_same_everywhere(name: str) -> None:
    page, terminal, _, document = views(STUDIES[name]())
    runs = [run for s in document["stages"] for c in s["candidates"] for run in c["runs"]]
    final = document["final"] or {}
    failed = sum(run["status"] == "failed" for run in [*runs, *final.get("runs", [])])
    text = words.plural(failed, "failed run")
    if failed:
        assert f"{words.plural(failed, 'run')} failed" in page.text
        assert text in terminal
        assert terminal.count(text) == 1
    else:
        assert "failed" not in page.text.split("Method")[0]
        assert "failed run" not in terminal

"""The page: one safe, small, self-contained file in the promised order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import build
import numpy as np
import pytest

from bakeoff.errors import UsageError
from bakeoff.records import Column
from bakeoff.report import examples, html


class Page(HTMLParser):
    """Tags, ids and the contents of scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def full() -> str:
    return html.render(build.full())


def test_sections_come_in_the_promised_order(full: str) -> None:
    order = [
        "verdicts",
        "chain",
        "stage-1",
        "stage-2",
        "stage-3",
        "stage-4",
        "final",
        "lint",
        "bars",
        "how",
    ]
    places = [full.index(f'<h2 id="{name}"') for name in order]
    assert places == sorted(places)


def test_a_replication_has_its_claims_before_the_error_bars() -> None:
    page = html.render(build.regression())
    assert page.index('id="claims"') < page.index('id="bars"')
    assert "2×64 is better than 3×64" in page
    assert 'id="final"' not in page


def test_nothing_in_the_page_points_outside_it(full: str) -> None:
    for tag, attributes in Page(full).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            if value is not None:
                assert value.startswith(("#", "data:")), (tag, value)
    assert "@import" not in full
    assert not re.findall(r"url\((?!data:)", full)


def test_the_policy_admits_the_pages_own_scripts_by_hash_and_no_other(full: str) -> None:
    page = Page(full)
    (policy,) = [
        a["content"]
        for t, a in page.tags
        if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    kinds = [a.get("type") for t, a in page.tags if t == "script"]
    code = [s for s, kind in zip(page.scripts, kinds, strict=True) if kind is None]
    hashes = {
        "'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'"
        for s in code
    }
    assert set(policy.split("script-src ")[1].split()) == hashes
    assert "eval(" not in "".join(code)
    assert not any(name.startswith("on") for _, a in page.tags for name in a)


def test_the_plain_script_is_at_most_ten_kilobytes(full: str) -> None:
    page = Page(full)
    assert 0 < len(page.scripts[-2].encode()) <= 10_000  # the last one runs the model


def test_hostile_names_are_text() -> None:
    text = html.render(build.hostile())
    page = Page(text)
    assert not [a for t, a in page.tags if t == "img"]
    assert "onerror=alert(1)" in text  # shown, as text
    assert len([t for t, _ in page.tags if t == "script"]) == text.count("</script>")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json_in_a_script_element_cannot_end_it() -> None:
    text = str(html.safe_json({"a": build.HOSTILE, "b": "&<!--"}))
    assert "<" not in text
    assert json.loads(text) == {"a": build.HOSTILE, "b": "&<!--"}


def test_every_chart_has_a_name_and_a_table(full: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", full, re.DOTALL)
    assert len(figures) >= 15
    for figure in figures:
        assert 'tabindex="0"' in figure
        assert "aria-labelledby" in figure
        assert "<svg" in figure
        assert "<tbody>\n<tr>" in figure


def test_ids_are_unique(full: str) -> None:
    ids = [a["id"] for _, a in Page(full).tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_the_page_is_light_and_says_its_verdicts_without_script(full: str) -> None:
    assert len(full.encode()) < 700_000
    body = re.sub(r"<(script|style|svg).*?</\1>", "", full, flags=re.DOTALL)
    assert "undecided, provisional" in body
    assert "+22.00 points" in body
    assert "<noscript>" in body


def test_twenty_stages_stay_below_a_megabyte_and_a_half_and_begin_with_their_end() -> None:
    page = html.render(build.twenty())
    assert len(page.encode()) < 1_500_000
    first = page[page.index('<h2 id="verdicts"') : page.index('href="#stage-1">01')]
    assert "base = {" in first
    assert "97.20\u00a0%" in first
    contents = page[page.index('<nav class="contents"') : page.index("</nav>")]
    assert '<a href="#stage-1">20 stages</a>' in contents
    assert "rather long name" not in contents


@pytest.mark.slow
def test_sixty_candidates_twelve_replicates_and_a_hundred_epochs_stay_below_three_megabytes() -> (
    None
):
    page = html.render(build.large())
    assert len(page.encode()) < 3_000_000
    # Every one of the 720 runs is in a chart by name.
    assert len(set(re.findall(r"hidden=\d+, replicate \d+: ", page))) == 720


def test_curves_that_are_left_out_are_said_to_be() -> None:
    said = "Those of loss are left out, as there are so many"
    assert html.render(build.twenty(num=2)).count(said) == 0
    page = html.render(build.twenty(num=16))
    assert page.count(said) == 20
    assert "Training curves: loss" not in page


def test_write_replaces_the_report_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    target.write_text("old")
    assert html.write(build.winner(), target) == target
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]


def test_a_report_is_written_into_a_pipe_and_through_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    link.symlink_to(real)
    html.write(build.winner(), link)
    assert link.is_symlink()
    assert real.read_text("utf-8").startswith("<!doctype html>")


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"r\.html: cannot be written \(there is no such folder"):
        html.write(build.winner(), tmp_path / "missing" / "r.html")


def test_the_page_of_an_interrupted_study_says_what_it_found_and_that_it_is_not_done() -> None:
    page = html.render(replace(build.interrupted(), metric="auto"))
    assert "1 of 3 stages so far" in page
    assert "Every run of stage" not in page
    assert "95.50\u00a0%" in page


def test_the_first_screen_says_what_the_study_ends_with(full: str) -> None:
    first = full[: full.index('<h2 id="chain"')]
    assert "base = {" in first
    assert "97.20\u00a0%" in first
    assert "95&nbsp;% interval" in first
    assert "always the most frequent class: 10.00\u00a0%" in first


def test_each_verdict_is_told_once_in_words(full: str) -> None:
    for stage in build.full().stages:
        assert full.count(stage.verdict.reason) == 1


def test_a_row_whose_choice_a_later_stage_changed_says_so() -> None:
    first = build.stage(
        "rate",
        ["0.01", "0.1"],
        [0.9, 0.95],
        varied=["learning_rate"],
        settings=[{"learning_rate": 0.01}, {"learning_rate": 0.1}],
    )
    last = build.stage(
        "act",
        ["relu", "tanh"],
        [0.96, 0.95],
        varied=["activation"],
        settings=[{"activation": "relu", "learning_rate": 0.3}, {"activation": "tanh"}],
    )
    page = html.render(build.study([first, last]))
    strip = page[page.index('<table class="strip"') : page.index("</table>")]
    row = strip[strip.index("#stage-1") : strip.index("#stage-2")]
    assert "the final model has <code>learning_rate 0.3</code>" in row
    assert "the final model has" not in strip[strip.index("#stage-2") :]


def test_where_classes_are_unbalanced_balanced_accuracy_leads_and_accuracy_stands_beside() -> None:
    page = html.render(build.unbalanced())
    strip = page[page.index('<tr class="final">') : page.index("</tbody>", page.index("final"))]
    assert "test balanced accuracy" in strip
    assert "accuracy 97.20\u00a0%" in strip


def test_a_program_that_measures_itself_gets_a_page_without_what_it_has_not_told() -> None:
    result = build.brought()
    page = html.render(result)
    assert "validation rmse" in page
    for word in ("parameters</th>", "loss</th>", "training rmse", "Training curves", 'id="final"'):
        assert word not in page
    # 0.5 is better than 1.0: lower is better, and darker or greener is the lower one.
    assert "−0.5" in page


def test_the_contents_link_to_every_section(full: str) -> None:
    page = Page(full)
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [str(a["href"]) for t, a in page.tags if t == "a"]
    assert {"#verdicts", "#chain", "#stage-4", "#final", "#lint", "#bars", "#how"} <= {*links}
    assert {link[1:] for link in links if link.startswith("#")} <= ids


def test_two_renderings_are_the_same_bytes() -> None:
    assert html.render(build.winner()) == html.render(build.winner())


def test_mistakes_of_a_table_are_told_in_its_own_words() -> None:
    columns = (
        Column("since.days", source="since", part="days"),
        Column("since.year", source="since", part="year"),
        Column("city", "category", ("Berlin", "Köln")),
        Column("income"),
    )
    data = replace(build.data_summary(), image_shape=None, columns=columns)
    rows = [[7367.25, 2020.0, 1.0, 12345.0], [0.0, 2000.0, -1.0, 0.25], [np.nan] * 4]
    told = examples.examples(
        data, [((str(i),), np.array(row)) for i, row in enumerate(rows)], ("row",)
    )
    assert told.head == ("row", "since", "city", "income")
    assert told.rows == (
        ("0", "2020-03-03 06:00", "Köln", "12345"),
        ("1", "2000-01-01", "another word", "0.25"),
        ("2", "–", "–", "–"),
    )

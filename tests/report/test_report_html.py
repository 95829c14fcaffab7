"""The page: one safe, small, self-contained file in the promised order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import build
import pytest

from bakeoff.errors import UsageError
from bakeoff.report import html
from bakeoff.report.view import build_view


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
    return html.render(build_view(build.full()))


def test_sections_come_in_the_promised_order(full: str) -> None:
    order = [
        "verdicts",
        "observations",
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
    page = html.render(build_view(build.regression()))
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
    text = html.render(build_view(build.hostile()))
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
    assert "+22.0 points" in body
    assert "<noscript>" in body


@pytest.mark.slow
def test_sixty_candidates_twelve_replicates_and_a_hundred_epochs_stay_below_three_megabytes() -> (
    None
):
    page = html.render(build_view(build.large()))
    assert len(page.encode()) < 3_000_000
    # Every one of the 720 runs is in a chart by name.
    assert len(set(re.findall(r"hidden=\d+, replicate \d+: ", page))) == 720


def test_write_replaces_the_report_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    target.write_text("old")
    assert html.write(build.winner(), target) == target
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["r.html"]


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"r\.html: cannot be written \(there is no such folder"):
        html.write(build.winner(), tmp_path / "missing" / "r.html")


def test_two_renderings_are_the_same_bytes() -> None:
    assert html.render(build_view(build.winner())) == html.render(build_view(build.winner()))

"""The report in headless Chromium: quiet, safe, readable, reachable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import build
import pytest
from webdriver import ESCAPE, RIGHT, TAB, Browser

from bakeoff.records import StudyResult

Page = Callable[[str, Callable[[], StudyResult]], str]
PAGES: dict[str, Callable[[], StudyResult]] = {
    "full": build.full,
    "replication": build.regression,
    "hostile": build.hostile,
    "one": build.one_replicate,
    "twenty": build.twenty,
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits(
    name: str, width: int, browser: Browser, page: Page
) -> None:
    address = page(name, PAGES[name])
    browser.size(width, 900)
    browser.open(address)
    assert [url for url in browser.requests() if not url.startswith("data:")] == [address]
    assert browser.log() == []
    wide, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= inner


# What of the page's text is too small, cut, over another text or beyond its drawing.
UNREADABLE = """
const found = [], boxes = new Map();
const say = (what, e) => found.push(`${what}: ${e.closest('figure')?.id ?? e.className} ${e.textContent.slice(0, 60)}`);
for (const text of document.querySelectorAll('svg text')) {
  const drawing = text.closest('svg'), box = drawing.getBoundingClientRect();
  if (!box.width) continue;
  const size = parseFloat(getComputedStyle(text).fontSize) * box.width / drawing.viewBox.baseVal.width;
  if (size < 11) say(`${size.toFixed(1)} px`, text);
  const own = text.getBoundingClientRect();
  if (own.left < box.left - 1 || own.right > box.right + 1) say('beyond its drawing', text);
  if (!text.getAttribute('transform')) boxes.set(text, own);
}
for (const [a, one] of boxes) for (const [b, other] of boxes)
  if (a !== b && a.ownerSVGElement === b.ownerSVGElement
    && Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 3) say('over another', a);
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (e.closest('svg, .unseen, .strip thead') || !own || !e.checkVisibility()) continue;
  const style = getComputedStyle(e);
  if (parseFloat(style.fontSize) < 11) say(style.fontSize, e);
  const cut = e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
  if (cut && /hidden|clip/.test(style.overflowX + style.overflowY)) say('cut', e);
}
return found;
"""


@pytest.mark.parametrize("name", ["full", "replication", "one", "twenty"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_text_is_smaller_than_eleven_pixels_or_cut_or_over_another(
    name: str, width: int, browser: Browser, page: Page
) -> None:
    browser.size(width, 900)
    browser.open(page(name, PAGES[name]))
    assert browser.run(UNREADABLE) == []


@pytest.mark.slow
def test_a_study_of_twenty_stages_opens_within_a_second(browser: Browser, page: Page) -> None:
    address = page("twenty", build.twenty)
    took = []
    for _ in range(3):  # the best of them: the machine has other work
        browser.open(address)
        took.append(
            browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
        )
    assert min(took) < 1_000


@pytest.mark.parametrize("width", [1280, 390])
def test_a_link_to_a_stage_that_was_never_on_the_screen_ends_at_its_heading(
    width: int, browser: Browser, page: Page
) -> None:
    browser.size(width, 900)
    browser.open(page("twenty", build.twenty))
    for number in (17, 4, 20, 11):
        link = f".strip a[href='#stage-{number}']"
        browser.run("document.querySelector(arguments[0]).click()", link)
        browser.run_async("requestAnimationFrame(() => setTimeout(arguments[0], 100))")
        top = browser.run(
            "return document.getElementById(arguments[0]).getBoundingClientRect().top",
            f"stage-{number}",
        )
        assert 0 <= top < 100


def test_hostile_names_make_no_element_and_run_nothing(browser: Browser, page: Page) -> None:
    browser.open(page("hostile", build.hostile))
    assert browser.run("return document.images.length") == 0
    assert browser.run("return document.querySelectorAll('[onerror]').length") == 0
    heading = browser.run("return document.querySelector('h1').textContent")
    assert heading == build.HOSTILE + "x" * 200
    assert browser.run("return document.body.innerText").count("onerror=alert(1)") > 5
    # The scripts behind the names still ran.
    assert browser.run("return typeof window.bakeoff.predict") == "function"


def test_without_javascript_everything_is_there(browser: Browser, page: Page) -> None:
    address = page("full", build.full)
    browser.scripts(False)
    browser.open(address)
    document = browser.command("DOM.getDocument", depth=-1)["root"]["nodeId"]

    def shown(selector: str) -> int:
        return len(
            browser.command("DOM.querySelectorAll", nodeId=document, selector=selector)["nodeIds"]
        )

    tree = browser.command("Accessibility.getFullAXTree")["nodes"]
    words = " ".join(str(node.get("name", {}).get("value", "")) for node in tree)
    assert "+22.00 points" in words
    assert "undecided, provisional" in words
    assert "With JavaScript on" in words
    assert "Highlight replicate" not in words
    assert shown("figure.chart svg title") > 100
    assert shown("figure.chart table") >= 15


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["full", "replication", "hostile"])
def test_axe_finds_no_serious_violation(
    name: str, theme: str, browser: Browser, page: Page, axe: str
) -> None:
    browser.theme(theme)
    browser.open(page(name, PAGES[name]))
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.run(axe)
    violations: list[dict[str, Any]] = browser.run_async(
        "const done = arguments[0]; axe.run().then((r) => done(r.violations))"
    )
    bad = [
        (v["id"], v["impact"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"][:300])
        for v in violations
        if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


def test_tabbing_reaches_every_chart(browser: Browser, page: Page) -> None:
    browser.open(page("full", build.full))
    charts = set(
        browser.run("return [...document.querySelectorAll('figure.chart')].map((f) => f.id)")
    )
    assert len(charts) >= 15
    browser.run(
        "window.reached = []; document.addEventListener('focusin', (e) => reached.push(e.target.id))"
    )
    for _ in range(12):
        browser.press(TAB, 20)
        if charts <= set(browser.run("return reached")):
            break
    assert charts <= set(browser.run("return reached"))


def test_a_replicate_is_highlighted_in_all_charts_by_its_button(
    browser: Browser, page: Page
) -> None:
    browser.open(page("full", build.full))
    opacities = """return [...new Set([...document.querySelectorAll(arguments[0])]
        .map((e) => getComputedStyle(e).opacity))]"""
    browser.run("[...document.querySelectorAll('#replicates-bar button')][3].click()")
    assert browser.run(opacities, 'figure.chart [data-r="3"]') == ["1"]
    assert browser.run(opacities, 'figure.chart [data-r]:not([data-r="3"])') == ["0.1"]
    figures = browser.run(
        "return new Set([...document.querySelectorAll('[data-r=\"3\"]')].map((e) => e.closest('figure').id)).size"
    )
    assert figures >= 12
    browser.press(ESCAPE)
    assert "0.1" not in browser.run(opacities, "figure.chart [data-r]")


def test_arrow_keys_walk_through_the_replicates_of_a_focused_chart(
    browser: Browser, page: Page
) -> None:
    browser.open(page("full", build.full))
    browser.run("document.getElementById('stage-2-replicates').focus()")
    pressed = "return document.querySelector('#replicates-bar [aria-pressed=true]').textContent"
    browser.press(RIGHT)
    assert browser.run(pressed) == "1"
    browser.press(RIGHT, 2)
    assert browser.run(pressed) == "3"
    said = browser.run("return document.getElementById('tip').textContent").splitlines()
    assert said[0] == "Replicate 3"
    assert len(said) == 3  # one run of each of the two candidates
    assert all("replicate 3: " in line for line in said[1:])


def test_a_mark_says_what_it_is_when_pointed_at(browser: Browser, page: Page) -> None:
    browser.open(page("full", build.full))
    text = browser.run(
        """const mark = [...document.querySelectorAll('#stage-1-replicates circle[data-r="2"]')].pop();
        window.mark = mark; window.words = mark.querySelector('title').textContent;
        mark.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, clientX: 50, clientY: 50 }));
        const tip = document.getElementById('tip');
        return [tip.hidden, tip.textContent, words, mark.querySelector('title')]"""
    )
    assert text[0] is False
    assert text[1] == text[2] != ""
    assert "replicate 2: " in text[1]
    assert text[3] is None  # so that the slow tooltip does not come as well
    browser.run("document.body.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
    assert browser.run("return window.mark.querySelector('title').textContent === window.words")


def test_print_opens_the_folds(browser: Browser, page: Page) -> None:
    browser.open(page("full", build.full))
    visible = "return document.querySelector('#method p').checkVisibility()"
    assert not browser.run(visible)
    browser.media("print")
    assert browser.run(visible)
    assert (
        browser.run("return getComputedStyle(document.querySelector('.tryit')).display") == "none"
    )


def test_the_dark_theme_recolours_the_charts(browser: Browser, page: Page) -> None:
    address = page("full", build.full)
    paint = """const mark = document.querySelector('#stage-1-replicates circle[data-r][fill]');
        return [getComputedStyle(mark).fill, getComputedStyle(document.body).backgroundColor]"""
    browser.open(address)
    light = browser.run(paint)
    browser.theme("dark")
    dark = browser.run(paint)
    assert light[0] != dark[0]
    assert light[1] == "rgb(255, 255, 255)"
    assert dark[1] != light[1]


@pytest.mark.slow
def test_a_large_study_keeps_single_runs_identifiable(browser: Browser, page: Page) -> None:
    browser.open(page("large", build.large))
    assert browser.log() == []
    assert browser.run("return document.querySelectorAll('.panel').length") == 60
    browser.run("[...document.querySelectorAll('#replicates-bar button')][12].click()")
    shown = browser.run(
        """return [...document.querySelectorAll('#stage-1-curves-1 [data-r]')]
        .filter((e) => getComputedStyle(e).opacity === '1').length"""
    )
    assert shown == 120  # one training and one validation curve in each of 60 panels

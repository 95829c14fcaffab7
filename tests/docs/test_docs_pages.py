"""The pages hold together: links resolve, commands are all there, pictures are small and whole."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import blocks
import pytest
import typer

from bakeoff.cli.commands import app

ROOT = blocks.ROOT
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The ids that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [link for link in _LINK.findall(text) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_resolve(page: Path) -> None:
    """A file that is linked exists, and so does the heading after a #."""
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_reached_from_the_index() -> None:
    """No page of docs/ is an orphan."""
    reached: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_relative_to(DOCS):
                waiting.append(target)
    assert set(DOCS.rglob("*.md")) <= reached


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_pages_are_current() -> None:
    """`python docs/generate.py --check` says so and exits with 0."""
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_stale_missing_and_left_over_pages_are_found(tmp_path: Path) -> None:
    """Each of the three is said with the name of its page."""
    module = generator()
    (tmp_path / "a.md").write_text("old")
    (tmp_path / "c.md").write_text("gone")
    found = module.stale(tmp_path, {"a.md": "new", "b.md": "new"})
    assert found == ["b.md: missing", "a.md: stale", "c.md: no such command"]


def test_command_pages_are_the_same_on_every_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the width of the terminal nor colours change a page."""
    module = generator()
    pages = module.pages()
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert module.pages() == pages


def test_every_command_and_option_is_documented() -> None:
    """Each has a page, and each of its options is on it with a sentence of help."""
    module = generator()
    for words, command in module.commands(typer.main.get_command(app)):
        page = (DOCS / "commands" / module.file_name(words)).read_text(encoding="utf-8")
        assert command.help or not words
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("-"):
                    assert re.search(rf"(?<!\S){option}\b", page), f"{words}: {option}"
            assert parameter.help or parameter.name == "help", f"{words}: {parameter.name}"


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md names every package of pyproject.toml, and its extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    extras = project["project"]["optional-dependencies"]
    declared = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(package for packages in extras.values() for package in packages),
    ]
    for requirement in declared:
        match = re.match(r"[\w.-]+", requirement)
        assert match is not None
        if match[0] != "bakeoff":
            assert re.search(rf"(?<![\w-]){match[0]}(?![\w-])", page), match[0]
    for extra in extras:
        assert f"`{extra}`" in page


@pytest.mark.parametrize("path", sorted((DOCS / "images").iterdir()), ids=lambda path: path.name)
def test_pictures_are_small(path: Path) -> None:
    """A picture of the pages is below 250 kB."""
    assert path.stat().st_size < 250_000


def test_the_terminal_picture_needs_nothing_from_elsewhere() -> None:
    """No font, style or image of another address; and it shows a whole run."""
    text = (DOCS / "images" / "terminal.svg").read_text(encoding="utf-8")
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", text)
    plain = re.sub(r"<[^>]+>", " ", text).replace("&#160;", " ")
    assert "bakeoff run" in plain
    assert "Test accuracy" in plain


def test_every_picture_is_shown_on_a_page() -> None:
    """A picture that no page shows would go stale unseen."""
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert set((DOCS / "images").iterdir()) <= shown


def test_no_module_is_longer_than_the_house_allows() -> None:
    """As docs/architecture.md says; what grows beyond it is two things and becomes two modules."""
    long = {
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 350
    }
    assert long == {"study.py"}

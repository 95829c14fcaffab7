"""Pages, a browser and axe-core for the tests that look at a report with a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "report"))

import webdriver  # noqa: E402

from bakeoff.records import StudyResult  # noqa: E402
from bakeoff.report import html  # noqa: E402

AXE = "4.14.1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def window() -> Iterator[webdriver.Browser]:
    """One browser for all tests."""
    if not (webdriver.CHROMIUM and webdriver.DRIVER):
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    with webdriver.browser() as opened:
        yield opened


@pytest.fixture
def browser(window: webdriver.Browser) -> Iterator[webdriver.Browser]:
    """The browser in its ordinary state: scripts on, light, 1280 pixels wide."""
    window.scripts(True)
    window.media("")
    window.theme("light")
    window.size(1280, 900)
    window.requests()
    window.log()
    yield window


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[str]:
    """The address of the folder, under the policy that a report must work with."""
    with webdriver.served(folder) as address:
        yield address


@pytest.fixture(scope="session")
def page(folder: Path, site: str) -> Callable[[str, Callable[[], StudyResult]], str]:
    """Writes the report of a result once and gives its address."""
    made: set[str] = set()

    def write(name: str, build: Callable[[], StudyResult]) -> str:
        if name not in made:
            html.write(build(), folder / f"{name}.html")
            made.add(name)
        return f"{site}/{name}.html"

    return write


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, installed once into a cache by npm."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bakeoff-tests"
    home = cache / f"axe-core-{AXE}"
    source = home / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("needs npm, to install axe-core")
        home.mkdir(parents=True, exist_ok=True)
        answer = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(home), f"axe-core@{AXE}"],
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            pytest.skip(f"npm could not install axe-core: {answer.stderr[-200:]}")
    return source.read_text("utf-8")

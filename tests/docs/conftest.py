"""What the tests of the pages share: the module that reads and runs their blocks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import blocks  # noqa: E402


@pytest.fixture(scope="session")
def readers_environment() -> Iterator[dict[str, str]]:
    """Variables under which a page's commands are this project's."""
    with blocks.readers_environment() as environment:
        yield environment

"""What the pages on data and models show runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bakeoff.data.catalogue import CATALOGUE

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["data.md", "models.md"])
def test_the_python_of_the_page_runs(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)
    assert blocks
    exec(compile("\n".join(blocks), page, "exec"), {})


def test_the_page_lists_every_dataset_with_its_sizes() -> None:
    text = (DOCS / "data.md").read_text(encoding="utf-8")
    for entry in CATALOGUE.values():
        assert f"| `{entry.name}` | {entry.num_train:,} + {entry.num_test:,} |" in text
        assert entry.licence.split(" (")[0] in text

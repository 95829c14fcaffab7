"""The Python of docs/report.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "report.md"


@pytest.mark.slow
def test_the_example_makes_a_report_and_a_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    assert (tmp_path / "digits.html").stat().st_size > 50_000
    assert "Paired differences in validation accuracy" in (tmp_path / "forest.svg").read_text(
        "utf-8"
    )

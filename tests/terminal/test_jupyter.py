"""The one progress line of a notebook."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from bakeoff.execution.events import nobody
from bakeoff.study import Study
from bakeoff.terminal.progress import JupyterLine, default_observer


class Handle:
    """What ``display(..., display_id=True)`` returns."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data["text/plain"])


def test_outside_a_notebook_nothing_is_shown() -> None:
    assert default_observer() is nobody


def test_inside_a_notebook_one_line_is_shown_and_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Handle()
    displayed: list[Any] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        displayed.append((data, raw, display_id))
        return handle

    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    module: Any = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    assert isinstance(default_observer(), JupyterLine)
    study = Study("digits", base={"epochs": 1}, looks=[3], audit=False, final_replicates=1)
    study.stage("width", hidden=[[4], [8]]).run(store=":memory:")
    assert len(displayed) == 1
    assert handle.shown[-1] == "width: 6 of 6 runs"

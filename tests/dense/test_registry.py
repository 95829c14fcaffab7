"""Choosing an engine by name."""

from __future__ import annotations

import sys

import pytest

from bakeoff.dense.trainable import available_instruction_sets, get_engine
from bakeoff.errors import EngineError


def test_names_give_their_engines() -> None:
    assert get_engine("native").name.startswith("native/2/")
    assert get_engine("auto").name == get_engine("native").name
    assert get_engine("reference").name == "reference/1/float64"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match="auto, native, reference, but got 'keras'"):
        get_engine("keras")


def test_without_the_extension_auto_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extension is an error only for who asked for it."""
    monkeypatch.delitem(sys.modules, "bakeoff.dense.native", raising=False)
    monkeypatch.setitem(sys.modules, "bakeoff._native", None)
    monkeypatch.delattr("bakeoff._native", raising=False)
    monkeypatch.delattr("bakeoff.dense.native", raising=False)
    assert get_engine("auto").name == "reference/1/float64"
    assert available_instruction_sets() == ()
    with pytest.raises(EngineError, match="compiled extension"):
        get_engine("native")


def test_a_wrong_environment_is_not_hidden_by_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_ISA", "mmx")
    with pytest.raises(EngineError, match="BAKEOFF_ISA"):
        get_engine("auto")


def test_the_reference_always_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_ISA", "mmx")
    assert get_engine("reference").name == "reference/1/float64"

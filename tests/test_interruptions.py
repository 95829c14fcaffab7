"""Signals at random moments of whole commands; ``python -m tests.interruptions`` sends hundreds."""

from __future__ import annotations

import sys

import pytest

from tests.interruptions import interrupt


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc whether handlers are there")
def test_an_interruption_ends_with_130_and_the_same_command_ends_as_if_undisturbed(
    tmp_path,
) -> None:
    summary = interrupt(16, seed=7, folder=tmp_path)
    assert not summary.problems, summary.text(7)
    assert summary.outcomes["exit code 130"] >= 8
    assert summary.finished >= 1

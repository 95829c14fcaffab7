"""Messages off a terminal."""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

from bakeoff.cli.output import write_message


def test_a_message_looks_as_rich_would_print_it_off_a_terminal(monkeypatch) -> None:
    line = "study: “3×64”, [bold]no markup[/] " + "long " * 60
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    write_message(line)
    by_rich = io.StringIO()
    Console(file=by_rich, width=40, markup=False).print(Text(line), soft_wrap=True)
    assert stream.getvalue() == by_rich.getvalue().rstrip(" \n") + "\n"

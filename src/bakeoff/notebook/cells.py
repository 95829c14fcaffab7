"""The code cells of a notebook with what they printed; a script is one cell that printed nothing."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.errors import UsageError

MOST_BYTES = 64 * 2**20
MOST_CELLS = 5_000
MOST_LINES = 100_000
_MAGIC = re.compile(r"^(\s*)[%!?]")
# Every part of a pattern is bounded: what a cell printed may be megabytes of anything.
_NUMBER = r"([-+]?(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})(?:e[-+]?\d{1,3})?)(?!\d)"
_ACCURATE = rf"acc(?:uracy)?\W{{1,4}}{_NUMBER} ?(%?)"
_PATTERNS = (
    (rf"loss\W{{1,4}}{_NUMBER}[^\n]{{0,60}}?{_ACCURATE}", (2, 3, 1)),
    (rf"{_ACCURATE}[^\n]{{0,60}}?loss\W{{1,4}}{_NUMBER}", (1, 2, 3)),
    (
        rf"^ {{0,20}}[\[(] {{0,5}}{_NUMBER} {{0,5}}, {{0,5}}{_NUMBER}( {{0,5}})[\])] {{0,20}}$",
        (2, 3, 1),
    ),
    (_ACCURATE, (1, 2, None)),
)
"""What an evaluation may look like, with the groups of its accuracy, its percent sign and its loss."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell.

    Attributes:
        number: from 1, text cells not counted; 0 for a script.
        tree: its statements.
        printed: what it printed, all outputs joined.
    """

    number: int
    tree: ast.Module
    printed: str

    def place(self, line: int) -> str:
        """``cell 4, line 2`` or ``line 2``."""
        return f"cell {self.number}, line {line}" if self.number else f"line {line}"


@dataclass(frozen=True, slots=True)
class Scores:
    """What ``evaluate`` printed; ``named`` where the numbers had names."""

    accuracy: float
    loss: float | None
    named: bool = field(default=True, compare=False)


def read_cells(path: Path) -> tuple[list[Cell], list[str]]:
    """The cells of a file, and what of it is no Python.

    Raises:
        UsageError: the file cannot be read or is neither a notebook nor a script.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: may have at most {MOST_BYTES >> 20} MiB; clear its pictures")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: must be UTF-8 text, but is not") from error
    sources = _sources(text, path) if path.suffix.lower() == ".ipynb" else [(0, text, "")]
    cells, left = [], []
    for number, source, printed in sources:
        name = f"cell {number}" if number else str(path)
        code = _python(source)
        if code is None:
            left.append(f"{name}: is for another program")
            continue
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            left.append(f"{name}: is no Python" + (f" (line {line})" if line else ""))
            continue
        cells.append(Cell(number, tree, printed))
    return cells, left


def printed_scores(text: str) -> list[Scores]:
    """Losses and accuracies of evaluations, in the order they were printed.

    What ``fit`` prints per epoch has a ``val_loss`` behind it and is none of them.
    """
    text = "\n".join(line for line in text.splitlines() if "val_" not in line)
    found: dict[int, Scores] = {}
    for pattern, (accuracy, percent, loss) in _PATTERNS:
        for match in list(re.finditer(pattern, text, re.I | re.M)):
            value = float(match[accuracy])
            value /= 100.0 if match[percent].strip() or value > 1.0 else 1.0
            if 0.0 <= value <= 1.0:
                told = None if loss is None else float(match[loss])
                found[match.start()] = Scores(value, told, named="acc" in match[0].lower())
        # What one pattern reads is no other's: line breaks, which none of them crosses.
        text = re.sub(pattern, lambda match: "\n" * len(match[0]), text, flags=re.I | re.M)
    return [found[start] for start in sorted(found)]


def _sources(text: str, path: Path) -> list[tuple[int, str, str]]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: must be a notebook, which is JSON, but is not") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # the third version of the format
        sheets = notebook.get("worksheets")
        first = sheets[0] if isinstance(sheets, list) and sheets else None
        cells = first.get("cells") if isinstance(first, dict) else None
    if not isinstance(cells, list):
        raise UsageError(f"{path}: must be a notebook with `cells`, but has none")
    if len(cells) > MOST_CELLS:
        raise UsageError(f"{path}: may have at most {MOST_CELLS:,} cells, but has {len(cells):,}")
    code = [one for one in cells if isinstance(one, dict) and one.get("cell_type") == "code"]
    return [
        (number, _joined(one.get("source", one.get("input"))), _printed(one.get("outputs")))
        for number, one in enumerate(code, 1)
    ]


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(one for one in value if isinstance(one, str))
    return value if isinstance(value, str) else ""


def _printed(outputs: Any) -> str:
    parts = []
    for one in outputs if isinstance(outputs, list) else ():
        if not isinstance(one, dict):
            continue
        data = one.get("data")
        text = _joined(one.get("text"))
        if isinstance(data, dict):
            text += _joined(data.get("text/plain"))
        # What a progress bar overwrote was never to be read.
        parts.append("\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n")))
    return "\n".join(parts)[-MOST_LINES * 100 :]


def _python(source: str) -> str | None:
    """The source with shell commands and magics left out; None where all of it is for another."""
    lines = source.split("\n")[:MOST_LINES]
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture", "%%prun")):
        return None
    return "\n".join(f"{match[1]}pass" if (match := _MAGIC.match(line)) else line for line in lines)

"""What the names of a notebook stand for while it is followed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.notebook.cells import Cell

PLAIN = (int, float, str, bool, type(None))
"""Types whose values reading tells whole."""

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that reading alone does not tell."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Dotted:
    """A name of a library, such as ``keras.layers.Dense``."""

    path: str

    @property
    def last(self) -> str:
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class Data:
    """An array of a dataset.

    Attributes:
        source: name or path of the dataset.
        scale: none, unit or standard: what was done to it.
        part: train, test or empty.
        kind: x, y or all of it.
    """

    source: str
    scale: str = "none"
    part: str = ""
    kind: str = ""

    def scaled(self, scale: str) -> Data:
        return replace(self, scale=scale) if self.kind != "y" else self


@dataclass(frozen=True, slots=True)
class Part:
    """A layer, an optimizer, an activation, an initializer or a callback, with what it was given."""

    name: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def get(self, position: int | None, *names: str, default: Any = None) -> Any:
        """An argument by its position or one of its names."""
        for name in names:
            if name in self.options:
                return self.options[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return default


@dataclass(frozen=True, slots=True)
class Layered:
    """What layers that follow each other make of an input, in Keras's functional style."""

    layers: tuple[Part, ...]


@dataclass(eq=False)
class Model:
    """A ``Sequential``, or a chain of layers, while it is built, compiled and trained."""

    layers: list[Part] = field(default_factory=list)
    optimizer: Any = None
    loss: Any = None
    name: str = ""
    trained: Training | None = None


@dataclass(eq=False)
class Training:
    """One call of ``fit``.

    Attributes:
        layers, optimizer, loss: of the model as it was then.
        fit: what ``fit`` was given.
        x: what it was trained on.
        cell, line: where.
        name: of the variable that holds the model.
        names: variables of the loops around it, with their values.
        evaluated: the cell where it was evaluated, and how many evaluations came before in it; None
            where it was not.
        on_test: whether the test part validated.
    """

    layers: tuple[Part, ...]
    optimizer: Any
    loss: Any
    fit: Part
    x: Any
    cell: Cell
    line: int
    name: str
    names: dict[str, Any]
    evaluated: tuple[Cell, int] | None = None
    on_test: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function, a method or a lambda of the notebook."""

    node: ast.FunctionDef | ast.Lambda
    scope: dict[str, Any]
    bound: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the notebook."""

    node: ast.ClassDef
    members: dict[str, Any]


@dataclass(eq=False)
class Instance:
    """An object of such a class."""

    of: Class
    attributes: dict[str, Any] = field(default_factory=dict)

"""What the expressions of a notebook stand for, as far as reading tells. Nothing is ever called."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from typing import Any

from bakeoff.notebook.cells import Cell
from bakeoff.notebook.library import BUILT_IN, Library
from bakeoff.notebook.values import (
    BINARY,
    COMPARE,
    PLAIN,
    Class,
    Data,
    Dotted,
    Function,
    Instance,
    Unknown,
)

MOST_STEPS = 200_000
"""Of one statement; ten times as many of a notebook. A step is a node of the code, or of a value."""

MOST_DEPTH = 40
MOST_LOOPS = 2_000
MOST_ITEMS = 100_000


class Returned(Exception):  # noqa: N818  (a way out of a function, no error)
    """``return``, with its value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class TooMuchError(Exception):
    """The code goes on for longer than reading it is worth."""


class Expressions:
    """Values of expressions; statements are the business of ``Follower``.

    Attributes:
        left: what could not be followed, each with its place.
        cell, line: what is followed now: the statement of the cell, not of a function it calls.
    """

    def __init__(self) -> None:
        self.left: list[str] = []
        self.cell = Cell(0, ast.Module([], []), "")
        self.line = 0
        self._names: dict[str, Any] = {}
        self._library = Library(self)
        self._steps = 0
        self._all_steps = 0
        self._depth = 0

    def leave(self, what: str) -> None:
        """Notes what is not understood, once."""
        text = f"{self.cell.place(self.line)}: {what}"
        if text not in self.left:
            self.left.append(text)

    def step(self, number: int = 1) -> None:
        """Counts what following takes, so that it ends whatever the code says.

        Raises:
            TooMuchError: the statement, or the whole notebook, takes more than it is worth.
        """
        self._steps += number
        self._all_steps += number
        if self._steps > MOST_STEPS or self.is_tired:
            raise TooMuchError

    @property
    def is_tired(self) -> bool:
        """Whether the notebook as a whole took more than it is worth."""
        return self._all_steps > 10 * MOST_STEPS

    def is_known(self, value: Any) -> bool:
        """Whether reading tells all of a value; each of its parts is a step."""
        self.step(1 + len(value) // 100 if isinstance(value, (str, range)) else 1)
        if isinstance(value, dict):
            return all(map(self.is_known, value.values()))
        if isinstance(value, (list, tuple)):
            return all(map(self.is_known, value))
        return isinstance(value, (*PLAIN, range))

    def _run(self, body: Iterable[ast.stmt], scope: dict[str, Any]) -> None:
        raise NotImplementedError

    def _bind(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        raise NotImplementedError

    def value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        """What an expression stands for; ``Unknown`` where reading does not tell."""
        self.step()
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        return Unknown() if method is None else method(node, scope)

    def _of_constant(self, node: ast.Constant, _scope: dict[str, Any]) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, scope: dict[str, Any]) -> Any:
        for names in (scope, self._names):
            if node.id in names:
                return names[node.id]
        return Dotted(f"builtins.{node.id}") if node.id in BUILT_IN else Unknown(node.id)

    def _of_tuple(self, node: ast.Tuple, scope: dict[str, Any]) -> Any:
        return tuple(self._elements(node.elts, scope))

    def _of_list(self, node: ast.List, scope: dict[str, Any]) -> Any:
        return self._elements(node.elts, scope)

    def _of_set(self, node: ast.Set, scope: dict[str, Any]) -> Any:
        return self._elements(node.elts, scope)

    def _elements(self, nodes: Iterable[ast.expr], scope: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self.items(self.value(node.value, scope)) or []
            else:
                found.append(self.value(node, scope))
        return found

    def _of_dict(self, node: ast.Dict, scope: dict[str, Any]) -> Any:
        made = {}
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else self.value(key, scope)
            if isinstance(name, PLAIN):
                made[name] = self.value(value, scope)
        return made

    def _of_joinedstr(self, node: ast.JoinedStr, scope: dict[str, Any]) -> Any:
        parts = [
            one.value if isinstance(one, ast.Constant) else self.value(one.value, scope)
            for one in node.values
            if isinstance(one, (ast.Constant, ast.FormattedValue))
        ]
        known = all(isinstance(part, PLAIN) for part in parts)
        return "".join(map(str, parts))[:10_000] if known else Unknown()

    def _of_unaryop(self, node: ast.UnaryOp, scope: dict[str, Any]) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return Unknown() if isinstance(value, Unknown) else not value
        if isinstance(value, (int, float)):
            return -value if isinstance(node.op, ast.USub) else value
        return Unknown()

    def _of_binop(self, node: ast.BinOp, scope: dict[str, Any]) -> Any:
        return self._combined(
            type(node.op), self.value(node.left, scope), self.value(node.right, scope)
        )

    def _combined(self, kind: type[ast.operator], left: Any, right: Any) -> Any:
        if isinstance(left, Data):
            return self._library.arithmetic(kind, left, right)
        if kind is ast.Pow and isinstance(left, (int, float)) and isinstance(right, (int, float)):
            bounded = abs(right) <= 64 and abs(left) <= 1e6
            return _tried(operator.pow, left, right) if bounded else Unknown()
        if kind is ast.Mod and isinstance(left, str):  # "%999999999d" % 1
            return Unknown()
        sizes = [one for one in (left, right) if isinstance(one, (str, list, tuple))]
        if kind is ast.Mult and sizes:
            times = next((n for n in (left, right) if isinstance(n, int)), 0)
            if times * max(map(len, sizes)) > MOST_ITEMS:
                return Unknown()
        if kind in BINARY and self.is_known(left) and self.is_known(right):
            made = _tried(BINARY[kind], left, right)
            if isinstance(made, (str, list, tuple)):
                return made if len(made) <= MOST_ITEMS else Unknown()
            return made if not isinstance(made, int) or abs(made) < 10**30 else Unknown()
        return Unknown()

    def _of_boolop(self, node: ast.BoolOp, scope: dict[str, Any]) -> Any:
        values = [self.value(one, scope) for one in node.values]
        if any(isinstance(one, Unknown) for one in values):
            return Unknown()
        goes_on = isinstance(node.op, ast.And)
        return next((one for one in values if bool(one) != goes_on), values[-1])

    def _of_compare(self, node: ast.Compare, scope: dict[str, Any]) -> Any:
        left = self.value(node.left, scope)
        for kind, one in zip(node.ops, node.comparators, strict=True):
            right = self.value(one, scope)
            if not (self.is_known(left) and self.is_known(right)):
                return Unknown()
            found = _tried(COMPARE[type(kind)], left, right)
            if isinstance(found, Unknown) or not found:
                return found
            left = right
        return True

    def _of_ifexp(self, node: ast.IfExp, scope: dict[str, Any]) -> Any:
        test = self.value(node.test, scope)
        return self.value(node.body if test else node.orelse, scope)

    def _of_attribute(self, node: ast.Attribute, scope: dict[str, Any]) -> Any:
        return self._attribute(self.value(node.value, scope), node.attr)

    def _attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, Dotted):
            return Dotted(f"{owner.path}.{name}")
        if isinstance(owner, Instance):
            if name in owner.attributes:
                return owner.attributes[name]
            member = owner.of.members.get(name, Unknown(name))
            if isinstance(member, Function):
                return Function(member.node, member.scope, bound=owner)
            return member
        return self._library.attribute(owner, name)

    def _of_subscript(self, node: ast.Subscript, scope: dict[str, Any]) -> Any:
        owner = self.value(node.value, scope)
        if isinstance(owner, Data):
            return self._library.part_of(owner, node.slice, scope)
        if isinstance(node.slice, ast.Slice):
            ends = [
                None if one is None else self.value(one, scope)
                for one in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            known = isinstance(owner, (list, tuple, str))
            self.step(len(owner) // 10 if known else 1)
            return _tried(operator.getitem, owner, slice(*ends)) if known else Unknown()
        key = self.value(node.slice, scope)
        if isinstance(owner, (list, tuple, dict, str)) and isinstance(key, PLAIN):
            return _tried(operator.getitem, owner, key)
        return Unknown()

    def _of_listcomp(self, node: ast.ListComp, scope: dict[str, Any]) -> Any:
        return self._comprehended(node.elt, node.generators, scope)

    def _of_generatorexp(self, node: ast.GeneratorExp, scope: dict[str, Any]) -> Any:
        return self._comprehended(node.elt, node.generators, scope)

    def _comprehended(
        self, element: ast.expr, generators: list[ast.comprehension], scope: dict[str, Any]
    ) -> Any:
        if not generators:
            return [self.value(element, scope)]
        first, rest = generators[0], generators[1:]
        items = self.items(self.value(first.iter, scope))
        if items is None:
            return Unknown()
        self.step(len(scope) // 10)
        inner, found = dict(scope), []
        for item in items[:MOST_LOOPS]:
            self._bind(first.target, item, inner)
            if all(self.value(one, inner) is True for one in first.ifs):
                more = self._comprehended(element, rest, inner)
                if isinstance(more, Unknown):
                    return more
                found += more
        return found

    def _of_lambda(self, node: ast.Lambda, scope: dict[str, Any]) -> Any:
        return Function(node, scope)

    def _of_call(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        called = self.value(node.func, scope)
        args = self._elements(node.args, scope)
        options: dict[str, Any] = {}
        for one in node.keywords:
            given = self.value(one.value, scope)
            if one.arg is not None:
                options[one.arg] = given
            elif isinstance(given, dict):
                options.update((str(key), value) for key, value in given.items())
        if isinstance(called, Function):
            return self._called(called, args, options)
        if isinstance(called, Class):
            return self._made(called, args, options)
        if self._depth == 0:
            self.line = node.lineno
        return self._library.call(called, args, options)

    def _called(self, function: Function, args: list[Any], options: dict[str, Any]) -> Any:
        if self._depth >= MOST_DEPTH:
            self.leave("functions that call each other too deeply to be followed")
            return Unknown()
        given = [function.bound, *args] if function.bound is not None else args
        inner = self._arguments(function, given, options)
        self._depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, inner)
            self._run(function.node.body, inner)
        except Returned as returned:
            return returned.value
        finally:
            self._depth -= 1
        return None

    def _arguments(
        self, function: Function, args: list[Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        spec = function.node.args
        self.step(len(function.scope) // 10)
        names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
        inner: dict[str, Any] = {} if function.scope is self._names else dict(function.scope)
        inner.update(dict.fromkeys((*names, *(one.arg for one in spec.kwonlyargs)), Unknown()))
        for name, default in zip(reversed(names), reversed(spec.defaults), strict=False):
            inner[name] = self.value(default, function.scope)
        for one, given in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if given is not None:
                inner[one.arg] = self.value(given, function.scope)
        inner.update(zip(names, args, strict=False))
        if spec.vararg is not None:
            inner[spec.vararg.arg] = tuple(args[len(names) :])
        parameters = {*names, *(one.arg for one in spec.kwonlyargs)}
        rest = {name: value for name, value in options.items() if name not in parameters}
        inner.update((name, value) for name, value in options.items() if name in parameters)
        if spec.kwarg is not None:
            inner[spec.kwarg.arg] = rest
        return inner

    def _made(self, kind: Class, args: list[Any], options: dict[str, Any]) -> Instance:
        made = Instance(kind)
        begin = kind.members.get("__init__")
        if isinstance(begin, Function):
            self._called(Function(begin.node, begin.scope, bound=made), args, options)
        return made

    def items(self, value: Any) -> list[Any] | None:
        """What a loop over a value would give, or None where only a run can tell."""
        if isinstance(value, (list, tuple, range, dict, str)):
            self.step(len(value) // 10)
        if isinstance(value, (list, tuple, range)):
            return list(value[:MOST_ITEMS])
        if isinstance(value, dict):
            return list(value)
        if isinstance(value, str):
            return list(value[:MOST_LOOPS])
        return None


def _tried(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        return function(left, right)
    except Exception:  # the notebook's own mistake
        return Unknown()

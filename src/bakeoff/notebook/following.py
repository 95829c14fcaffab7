"""Follows a notebook's code without running it: names, loops, helper functions and classes, as far as
what they do is told by reading. No name of a library is ever imported and nothing is called.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from typing import Any

from bakeoff import words
from bakeoff.notebook.cells import Cell
from bakeoff.notebook.expressions import MOST_ITEMS, MOST_LOOPS, Expressions, Returned, TooMuchError
from bakeoff.notebook.values import (
    PLAIN,
    Class,
    Data,
    Dotted,
    Function,
    Instance,
    Model,
    Part,
    Training,
    Unknown,
)


class _Stop(Exception):  # noqa: N818  (a way out of a loop, no error)
    """``break`` and ``continue``."""


class Follower(Expressions):
    """Follows the cells of one notebook, in their order.

    Attributes:
        trainings: every ``fit`` that was reached.
        num_evaluations: number of a cell → calls of ``evaluate`` in it so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trainings: list[Training] = []
        self.num_evaluations: Counter[int] = Counter()
        self._loops: dict[str, Any] = {}

    def follow(self, cell: Cell) -> None:
        """The statements of a cell."""
        self.cell = cell
        for statement in cell.tree.body:
            self.line, self._steps = statement.lineno, 0
            try:
                self._run([statement], self._names)
            except TooMuchError:
                self.leave(
                    "goes on for longer than can be followed"
                    + ("; what comes after it is left" if self.is_tired else "")
                )
                if self.is_tired:
                    return
            except (Returned, _Stop):
                pass
            except RecursionError:
                self.leave("is nested too deeply to be followed")

    def trained(self, model: Model, fit: Part) -> Training:
        """Notes a call of ``fit``."""
        self.step(len(model.layers))
        x = fit.get(0, "x")
        if model.trained is not None:
            self.leave(
                f"{model.name or 'model'} is trained on from where it was; here it begins anew"
            )
        validation = fit.get(None, "validation_data")
        first = validation[0] if isinstance(validation, (tuple, list)) and validation else None
        made = Training(
            layers=tuple(model.layers),
            optimizer=model.optimizer,
            loss=model.loss,
            fit=fit,
            x=x,
            cell=self.cell,
            line=self.line,
            name=model.name,
            names=dict(self._loops),
            on_test=isinstance(first, Data) and first.part == "test",
        )
        model.trained = made
        self.trainings.append(made)
        return made

    def _run(self, body: Iterable[ast.stmt], scope: dict[str, Any]) -> None:
        for statement in body:
            self.step()
            method = getattr(self, f"_on_{type(statement).__name__.lower()}", None)
            if method is not None:
                method(statement, scope)

    def _on_import(self, node: ast.Import, scope: dict[str, Any]) -> None:
        for one in node.names:
            scope[one.asname or one.name.split(".")[0]] = Dotted(
                one.name if one.asname else one.name.split(".")[0]
            )

    def _on_importfrom(self, node: ast.ImportFrom, scope: dict[str, Any]) -> None:
        for one in node.names:
            scope[one.asname or one.name] = Dotted(f"{node.module or ''}.{one.name}")

    def _on_functiondef(self, node: ast.FunctionDef, scope: dict[str, Any]) -> None:
        scope[node.name] = Function(node, scope)

    def _on_classdef(self, node: ast.ClassDef, scope: dict[str, Any]) -> None:
        members: dict[str, Any] = {}
        self._run(node.body, members)
        for name, value in members.items():
            if isinstance(value, Function):
                members[name] = Function(value.node, scope)
        scope[node.name] = Class(node, members)

    def _on_expr(self, node: ast.Expr, scope: dict[str, Any]) -> None:
        self.value(node.value, scope)

    def _on_assign(self, node: ast.Assign, scope: dict[str, Any]) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self._bind(target, value, scope)

    def _on_annassign(self, node: ast.AnnAssign, scope: dict[str, Any]) -> None:
        if node.value is not None:
            self._bind(node.target, self.value(node.value, scope), scope)

    def _on_augassign(self, node: ast.AugAssign, scope: dict[str, Any]) -> None:
        value = self._combined(
            type(node.op), self.value(node.target, scope), self.value(node.value, scope)
        )
        self._bind(node.target, value, scope)

    def _on_return(self, node: ast.Return, scope: dict[str, Any]) -> None:
        raise Returned(None if node.value is None else self.value(node.value, scope))

    def _on_break(self, _node: ast.Break, _scope: dict[str, Any]) -> None:
        raise _Stop

    def _on_continue(self, _node: ast.Continue, _scope: dict[str, Any]) -> None:
        raise _Stop

    def _on_if(self, node: ast.If, scope: dict[str, Any]) -> None:
        test = self.value(node.test, scope)
        if isinstance(test, Unknown):
            self.leave("a condition that only a run can tell; its first branch is followed")
            self._run(node.body, scope)
            return
        self._run(node.body if test else node.orelse, scope)

    def _on_with(self, node: ast.With, scope: dict[str, Any]) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, Unknown(), scope)
        self._run(node.body, scope)

    def _on_try(self, node: ast.Try, scope: dict[str, Any]) -> None:
        self._run([*node.body, *node.orelse, *node.finalbody], scope)

    def _on_while(self, _node: ast.While, _scope: dict[str, Any]) -> None:
        self.leave("a `while` loop; how often it turns only a run can tell")

    def _on_for(self, node: ast.For, scope: dict[str, Any]) -> None:
        items = self.items(self.value(node.iter, scope))
        if items is None:
            self.leave("a loop over something that only a run can tell")
            return
        before = dict(self._loops)
        for item in items[:MOST_LOOPS]:
            self._bind(node.target, item, scope)
            for one in ast.walk(node.target):
                if isinstance(one, ast.Name):
                    self._loops[one.id] = scope.get(one.id)
            try:
                self._run(node.body, scope)
            except _Stop:
                continue
        self._loops = before

    def _bind(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
            holder = value.attributes.values() if isinstance(value, Instance) else (value,)
            for one in holder:
                if isinstance(one, Model) and (not one.name or one.trained is None):
                    one.name = target.id
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, scope)
            if isinstance(owner, Instance):
                owner.attributes[target.attr] = value
        elif isinstance(target, ast.Subscript):
            owner, key = self.value(target.value, scope), self.value(target.slice, scope)
            if isinstance(owner, dict) and isinstance(key, PLAIN) and len(owner) < MOST_ITEMS:
                owner[key] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = self.items(value)
            if values is None or len(values) != len(target.elts):
                values = [Unknown()] * len(target.elts)
            for one, item in zip(target.elts, values, strict=True):
                self._bind(one, item, scope)


def follow(cells: Iterable[Cell]) -> Follower:
    """Follows all cells of a notebook."""
    follower = Follower()
    for cell in cells:
        if not follower.is_tired:
            follower.follow(cell)
    follower.left = [words.visible(line) for line in follower.left]
    return follower

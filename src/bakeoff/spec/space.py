"""Space: what can be set of a model: names, types, defaults, rules.

One class for every kind of model: dense networks bring a pydantic model of their own, estimators,
functions and commands have one made from their parameters. Knows no kind.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel

from bakeoff.settings import Settings


def _none_inert(values: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG001  (a space's default)
    return frozenset()


@dataclass(frozen=True, slots=True)
class Space:
    """What can be set.

    Attributes:
        model: one field per setting; it forbids unknown names and checks every rule. A setting
            whose name is no Python name is a field with that name as its alias.
        inert: full values → names of the settings without effect under the others.
        retune: setting → the setting that a fair comparison tunes when this one changes, such as
            ``activation`` → ``learning_rate``.
        switches: settings on which it depends what is inert.
        coupled: settings that one rule ties together; every other rule is about one alone.
    """

    model: type[BaseModel]
    inert: Callable[[Mapping[str, Any]], frozenset[str]] = _none_inert
    retune: Mapping[str, str] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    coupled: tuple[str, ...] = ()

    def complete(self, values: Mapping[str, Any]) -> Settings:
        """Full settings: what is left out has its default.

        Raises:
            pydantic.ValidationError: (a ValueError) unknown names, wrong values, broken rules.
        """
        full = self.model.model_validate(dict(values)).model_dump(by_alias=True)
        return Settings(full, self.inert(full))

    @property
    def names(self) -> tuple[str, ...]:
        """All settings, in declared order."""
        return tuple(field.alias or name for name, field in self.model.model_fields.items())

    @property
    def defaults(self) -> dict[str, Any]:
        """Default of each setting that has one of its own."""
        return {
            field.alias or name: field.get_default(call_default_factory=True)
            for name, field in self.model.model_fields.items()
            if not field.is_required()
        }

    @property
    def numeric(self) -> frozenset[str]:
        """Settings that can be a number, so that a range of them can be tuned over."""
        return frozenset(name for name, kinds in self._kinds() if kinds & {int, float})

    @property
    def integers(self) -> frozenset[str]:
        """Numeric settings that must be whole."""
        return frozenset(
            name for name, kinds in self._kinds() if int in kinds and float not in kinds
        )

    def _kinds(self) -> list[tuple[str, set[Any]]]:
        return [
            (field.alias or name, set(_alternatives(field.annotation)))
            for name, field in self.model.model_fields.items()
        ]


def _alternatives(annotation: Any) -> list[Any]:
    """The types that an annotation allows, side by side."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [one for argument in arguments for one in _alternatives(argument)]
    return [annotation]

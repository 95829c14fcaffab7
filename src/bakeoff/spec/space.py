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

from pydantic import BaseModel, ValidationError

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

    def broken_rule(self, values: Mapping[str, Any]) -> str | None:
        """The rule between several settings that some values break, in words."""
        try:
            self.model.model_validate(dict(values))
        except ValidationError as error:
            for one in error.errors(include_url=False):
                if not one["loc"]:
                    return str(one["ctx"]["error"])
        return None

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

    @property
    def either(self) -> frozenset[str]:
        """Numeric settings that can be whole or not, such as a count or a share."""
        return frozenset(name for name, kinds in self._kinds() if kinds >= {int, float})

    def _kinds(self) -> list[tuple[str, set[Any]]]:
        return [
            (field.alias or name, set(_alternatives(field.annotation)))
            for name, field in self.model.model_fields.items()
        ]


MODEL = "model"
"""Where a study mixes kinds of models: the setting that says which one a choice is of."""


@dataclass(frozen=True, slots=True)
class MixedSpace:
    """Several models side by side, such as networks and trees on the same folds.

    Settings have one more name, ``model``, and else those of that model alone. It answers what a
    ``Space`` answers.

    Attributes:
        spaces: name of the model → its space; the first is the study's own.
    """

    spaces: Mapping[str, Space]

    def complete(self, values: Mapping[str, Any]) -> Settings:
        """Full settings of the model that ``values`` names, else of the study's own.

        Raises:
            pydantic.ValidationError: (a ValueError) as of a ``Space``.
        """
        values = dict(values)
        name = values.pop(MODEL, next(iter(self.spaces)))
        settings = self.spaces[name].complete(values)
        return Settings({MODEL: name, **settings}, settings.inert)

    def broken_rule(self, values: Mapping[str, Any]) -> str | None:
        """As of a ``Space``; values of other models are left aside."""
        name = values.get(MODEL, next(iter(self.spaces)))
        space = self.spaces[name]
        return space.broken_rule({n: value for n, value in values.items() if n in space.names})

    @property
    def names(self) -> tuple[str, ...]:
        """``model``, and every setting of any of the models."""
        return tuple(
            dict.fromkeys([MODEL, *(n for one in self.spaces.values() for n in one.names)])
        )

    @property
    def integers(self) -> frozenset[str]:
        """Settings that must be whole wherever they are a number."""
        return self.numeric - frozenset(
            name for one in self.spaces.values() for name in one.numeric - one.integers
        )

    @property
    def either(self) -> frozenset[str]:
        """Settings that can be whole or not in some model."""
        return frozenset(name for one in self.spaces.values() for name in one.either)

    @property
    def numeric(self) -> frozenset[str]:
        """Settings that can be a number in some model."""
        return frozenset(name for one in self.spaces.values() for name in one.numeric)

    @property
    def switches(self) -> frozenset[str]:
        """Settings on which it depends what is inert."""
        return frozenset([MODEL, *(name for one in self.spaces.values() for name in one.switches)])

    @property
    def coupled(self) -> tuple[str, ...]:
        """Settings that one rule of some model ties together."""
        return (MODEL, *(name for one in self.spaces.values() for name in one.coupled))

    @property
    def retune(self) -> dict[str, str]:
        """What a fair comparison tunes again when a setting changes."""
        return {name: again for one in self.spaces.values() for name, again in one.retune.items()}


AnySpace = Space | MixedSpace


def space_of_all(spaces: Mapping[str, Space]) -> AnySpace:
    """One space for a study of these models, the study's own first."""
    return next(iter(spaces.values())) if len(spaces) == 1 else MixedSpace(spaces)


def _alternatives(annotation: Any) -> list[Any]:
    """The types that an annotation allows, side by side."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [one for argument in arguments for one in _alternatives(argument)]
    return [annotation]

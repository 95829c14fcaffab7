"""The parameters of an estimator as a space, held to its own rules before anything is trained."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import WrapValidator

from bakeoff.spec.parts import NONE
from bakeoff.spec.space import Space
from bakeoff.trainables.parameters import REQUIRED, Scalar, make_space, type_of


def estimator_space(estimator: Any, values: Mapping[str, Any]) -> Space:
    """Every plain parameter with its default and its own rules."""
    parameters: dict[str, tuple[Any, Any]] = {}
    owners = owners_of(estimator, values)
    for name, value in values.items():
        if not is_setting(name, value):
            continue
        owner_name, _, own = name.rpartition("__")
        owner = owners.get(owner_name)
        rules = getattr(owner, "_parameter_constraints", {}).get(own)
        caller = type(owner).__name__
        kinds = _kinds(rules, value) if isinstance(rules, list) else type_of(value)
        check = _Rule(own, rules if isinstance(rules, list) else None, caller, value)
        default = value.item() if isinstance(value, np.generic) else value
        parameters[name] = (Annotated[kinds, WrapValidator(check)], default)
    return make_space(type(estimator).__name__, parameters)


def _kinds(rules: Sequence[Any], default: Any) -> Any:
    """The plain types among an estimator's own constraints, as an annotation."""
    from sklearn.utils._param_validation import Interval, Options, StrOptions

    kinds: set[Any] = {type(default)}
    for rule in rules:
        if isinstance(rule, Interval):
            kinds.add(int if rule.type is numbers.Integral else float)
        elif isinstance(rule, StrOptions) or rule is str:
            kinds.add(str)
        elif isinstance(rule, Options):
            kinds.update(type(option) for option in rule.options)
        elif rule in ("boolean", bool):
            kinds.add(bool)
    kinds = {kind for kind in kinds if kind in (bool, int, float, str, type(None))}
    annotation: Any = Scalar | None
    for number, kind in enumerate(sorted(kinds, key=lambda one: one.__name__)):
        annotation = kind if number == 0 else annotation | kind
    return annotation


@dataclass(frozen=True)
class _Rule:
    """Checks one parameter as its estimator would when it is fitted; ``none`` is None."""

    parameter: str
    constraints: list[Any] | None
    estimator: str
    default: Any

    def __call__(self, value: Any, _handler: Callable[[Any], Any]) -> Any:
        value = list(value) if isinstance(value, tuple) else value
        untold = self.constraints is None and self.default is None
        if value == NONE and (untold or self._why_not(NONE) is not None):
            value = None
        why = self._why_not(value)
        if why is not None:
            raise ValueError(why)
        return value

    def _why_not(self, value: Any) -> str | None:
        """The broken rule, or None."""
        if self.constraints is None:
            needed = _needed(self.default)
            return None if isinstance(value, needed) else _must_be(needed, value)
        from sklearn.utils._param_validation import (
            InvalidParameterError,
            validate_parameter_constraints,
        )

        try:
            validate_parameter_constraints(
                {self.parameter: self.constraints}, {self.parameter: value}, self.estimator
            )
        except InvalidParameterError as error:
            rule = str(error).partition(" must be ")[2].rpartition(" Got ")[0].rstrip(".")
            return f"must be {rule}, but got {value!r}"
        return None


def _needed(default: Any) -> tuple[type, ...]:
    """Types that can stand for a default where an estimator says no more; None always can."""
    if default is REQUIRED:
        return (bool, int, float, str, list)
    if isinstance(default, bool):
        return (bool, int, type(None))
    if isinstance(default, int | float):
        return (int, float, type(None))
    return (bool, int, float, str, list, type(None))


def _must_be(needed: tuple[type, ...], value: Any) -> str:
    return f"must be one of {', '.join(one.__name__ for one in needed)}, but got {value!r}"


def parameters_of(estimator: Any) -> dict[str, Any]:
    """Parameters and their values, those of parts too: as ``get_params`` gives them, and what it
    leaves out. CatBoost tells only what it was given, skorch not what its module could be given.
    """
    values = dict(estimator.get_params(deep=True))
    for part, owner in owners_of(estimator, values).items():
        for name, default in _declared(owner):
            values.setdefault(f"{part}__{name}" if part else name, default)
    return values


def owners_of(estimator: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The estimator, by an empty name, and those within it."""
    return {"": estimator, **{name: one for name, one in values.items() if is_estimator(one)}}


def _declared(estimator: Any) -> Iterator[tuple[str, Any]]:
    """What its signature names, with defaults, and where it is skorch's the signatures of the
    classes that it makes; a module's arguments without default are ``REQUIRED``.
    """
    for name, parameter in inspect.signature(type(estimator)).parameters.items():
        if parameter.default is not parameter.empty:
            yield name, parameter.default
    for part in ("module", "criterion", "optimizer"):
        kind = getattr(estimator, part, None)
        if not hasattr(estimator, "prefixes_") or not inspect.isclass(kind):
            continue
        for name, parameter in inspect.signature(kind).parameters.items():
            if parameter.default is not parameter.empty:
                yield f"{part}__{name}", parameter.default
            elif part == "module" and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                yield f"{part}__{name}", REQUIRED


def is_seed(name: str) -> bool:
    """Whether a parameter is a seed, of the estimator or of one within it."""
    return name.rpartition("__")[2] in ("random_state", "random_seed")


def is_setting(name: str, value: Any) -> bool:
    """Whether a parameter's value is one that a study file could hold, or has to."""
    if is_seed(name):
        return False
    if value is REQUIRED:
        return True
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, list | tuple):
        return all(one is None or isinstance(one, Scalar) for one in value)
    return value is None or isinstance(value, Scalar | numbers.Real)


def is_estimator(value: Any) -> bool:
    """Whether something speaks scikit-learn's contract (and is no class)."""
    return hasattr(value, "get_params") and hasattr(value, "fit") and not inspect.isclass(value)

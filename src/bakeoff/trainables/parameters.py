"""From parameters to a space: the signature is the schema; knows no kind of model.

A parameter becomes a setting of its name, default and annotation. TOML has no null, so where a
parameter can be None, the text ``none`` stands for it.
"""

from __future__ import annotations

import functools
import inspect
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    create_model,
)
from pydantic.errors import PydanticUserError

from bakeoff.errors import UsageError
from bakeoff.spec.messages import shown
from bakeoff.spec.parts import NONE
from bakeoff.spec.space import Space

REQUIRED: Any = ...
"""Default of a setting that must be given."""

Scalar = bool | int | float | str
_PLAIN = (bool, int, float, str)


def make_space(name: str, parameters: Mapping[str, tuple[Any, Any]]) -> Space:
    """A space of settings.

    Args:
        name: of the model that is made, for repr.
        parameters: setting → (annotation, default); ``REQUIRED`` where it has none.

    Raises:
        UsageError: an annotation that pydantic does not know.
    """
    fields: dict[str, Any] = {}
    for number, (setting, (annotation, default)) in enumerate(parameters.items()):
        # By an alias, because fields may be called neither _x nor model_x nor copy.
        field = Field(alias=setting) if default is REQUIRED else Field(default, alias=setting)
        fields[f"setting_{number}"] = (_lenient(annotation), field)
    config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=()
    )
    try:
        return Space(create_model(name, __config__=config, **fields))
    except PydanticUserError as error:
        raise UsageError(f"model: {name}: {str(error).splitlines()[0]}") from None


def signature_parameters(
    function: Callable[..., Any], *, leave_out: Iterable[str]
) -> dict[str, tuple[Any, Any]]:
    """The parameters of a function that can be settings.

    Left out are positional-only ones, ``*args``, ``**kwargs`` and those whose default is no value
    that a study file could hold, such as a function: they keep it.

    Args:
        function: any callable with a signature.
        leave_out: names that are no settings.

    Raises:
        UsageError: a parameter without default whose annotation is no type of a setting.
    """
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # names that exist only for a type checker
        hints = {}
    found: dict[str, tuple[Any, Any]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in leave_out or parameter.kind not in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            continue
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        annotation = hints.get(name, type_of(default))
        if not is_setting_type(annotation):
            if default is REQUIRED:
                raise UsageError(
                    f"model: `{name}` of {function.__name__} has no default and is annotated "
                    f"{annotation!r}, which no setting can be; give it a default"
                )
            continue
        found[name] = (annotation, default)
    return found


def type_of(default: Any) -> Any:
    """The type that a default stands for; any plain value where it is None or missing."""
    if default is REQUIRED:
        return Scalar | list[Scalar]
    if default is None:
        return Scalar | list[Scalar] | None
    if isinstance(default, float):
        return float
    if isinstance(default, list | tuple):
        kinds = {type(one) for one in default}
        inner = kinds.pop() if len(kinds) == 1 else Scalar
        return tuple[inner, ...] if isinstance(default, tuple) else list[inner]  # type: ignore[valid-type]
    return type(default)


def is_setting_type(annotation: Any) -> bool:
    """Whether every value of a type can stand in a study file."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return is_setting_type(arguments[0])
    if origin is Literal:
        return all(isinstance(one, (*_PLAIN, types.NoneType)) for one in arguments)
    if origin in (typing.Union, types.UnionType):
        return all(is_setting_type(one) for one in arguments)
    if origin in (list, tuple) or annotation in (list, tuple):
        return all(one is ... or is_setting_type(one) for one in arguments)
    return annotation in (*_PLAIN, types.NoneType, Any)


def _lenient(annotation: Any) -> Any:
    """The annotation, with lists for tuples and ``none`` for None as study files need them."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return Annotated[(_lenient(arguments[0]), *arguments[1:])]
    if origin in (typing.Union, types.UnionType):
        union: Any = functools.reduce(operator.or_, (_lenient(one) for one in arguments))
        takes_none = types.NoneType in arguments and not any(
            NONE in typing.get_args(one) for one in arguments
        )
        return Annotated[union, WrapValidator(_Alternatives(arguments, takes_none))]
    if origin is tuple or annotation is tuple:
        return Annotated[annotation, BeforeValidator(_as(list, tuple))]
    if origin is list or annotation is list:
        return Annotated[annotation, BeforeValidator(_as(tuple, list))]
    return annotation


@dataclass(frozen=True)
class _Alternatives:
    """One message where none of several types fits; ``none`` for None where that is one of them."""

    alternatives: tuple[Any, ...]
    takes_none: bool

    def __call__(self, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(None if self.takes_none and value == NONE else value)
        except ValidationError:
            names = [_type_name(one) for one in self.alternatives]
            raise ValueError(f"must be {' or '.join(names)}, but got {shown(value)}") from None


def _type_name(annotation: Any) -> str:
    if annotation is types.NoneType:
        return f'"{NONE}"'
    if typing.get_origin(annotation) is Literal:
        return " or ".join(shown(one) for one in typing.get_args(annotation))
    return getattr(annotation, "__name__", str(annotation))


def _as(before: type, after: type) -> Callable[[Any], Any]:
    return lambda value: after(value) if isinstance(value, before) else value

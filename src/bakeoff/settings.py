"""Settings: one full choice of hyperparameters, whatever is trained with them.

A frozen mapping that says which of its settings matter. A ``Space`` (in ``spec``) makes it and
checks it, once; from then on it stands alone, so a store or a report reads it without knowing
what can be set. This module knows no model kind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class Settings(Mapping[str, Any]):
    """One full, frozen choice: name → value, in the order of the space.

    Values are what JSON has, with tuples for lists. Two are equal when all their values are;
    whether they train the same is what ``fingerprint`` tells.

    Args:
        values: of every setting.
        inert: names that have no effect under the other values, such as ``momentum`` under adam.
    """

    __slots__ = ("_inert", "_values")
    _inert: frozenset[str]
    _values: dict[str, Any]

    def __init__(self, values: Mapping[str, Any], inert: Iterable[str] = ()) -> None:
        frozen = {name: _frozen(value) for name, value in values.items()}
        object.__setattr__(self, "_values", frozen)
        object.__setattr__(self, "_inert", frozenset(inert) & frozen.keys())

    @property
    def inert(self) -> frozenset[str]:
        """The settings without effect under the others."""
        return self._inert

    def plain(self) -> dict[str, Any]:
        """All settings as plain JSON values: lists where the mapping has tuples."""
        return {name: _plain(value) for name, value in self._values.items()}

    def effective(self) -> dict[str, Any]:
        """The settings that can influence a run, as plain JSON values.

        Two settings that train the same model the same way compare equal by this.
        """
        return {name: value for name, value in self.plain().items() if name not in self._inert}

    def fingerprint(self) -> str:
        """SHA-256 of the effective settings, in hexadecimal."""
        return hashlib.sha256(_text(self.effective()).encode()).hexdigest()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        # By their text: 1, 1.0 and True are different settings.
        if isinstance(other, Settings):
            return _text(self.plain()) == _text(other.plain())
        return NotImplemented

    def __hash__(self) -> int:
        return hash(_text(self.plain()))

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are frozen, so `{name}` cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return Settings, (self._values, tuple(self._inert))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _text(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))

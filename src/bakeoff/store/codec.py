"""Records as JSON text and back, exactly; knows the record types and nothing of SQL.

Encoding goes by the value, decoding by the annotation of the field it belongs to, so a record may
gain a field with a default without a new format. What JSON cannot say is tagged by an object with
one key: ``{"$tuple": [...]}`` and ``{"$float": "nan"}`` inside free values (a study file, declared
settings), ``{"$array": name}`` for an array, which travels beside the text, and ``{"$run": key,
"reused": bool}`` for a run, which is a row of its own. A record of a field that may hold one of
several kinds says which, ``{"$kind": name, …}``. A key of a free mapping that begins with ``$`` is
written with two.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import StoreError
from bakeoff.records import Run
from bakeoff.settings import Settings

FORMAT = 2
"""Version of the JSON records; goes up when a record changes so that old text no longer decodes."""

Arrays = dict[str, NDArray[Any]]

# What damaged or foreign text can make the decoders raise.
DECODING_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def to_json(value: object, arrays: Arrays | None = None) -> str:
    """JSON text of a record or a free value.

    Args:
        arrays: receives the arrays met on the way, by their path; None where there can be none.

    Raises:
        TypeError: a value that is no record, number, word, array, sequence or mapping of those.
    """
    plain = _plain(value, arrays, "")
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def fields_to_json(record: Any, names: Iterable[str], arrays: Arrays) -> str:
    """JSON text of an object with some fields of a record."""
    plain = {name: _plain_field(record, name, arrays, name) for name in names}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_json(
    text: str,
    kind: Any,
    *,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    runs: Mapping[str, Run] | None = None,
) -> Any:
    """The value that ``to_json`` wrote.

    Args:
        kind: its annotation: a record type, ``tuple[LintFinding, ...]``, ``Mapping[str, Any]``.
        arrays: by name.
        runs: by key.

    Raises:
        StoreError: text that does not decode to that type, or an array or run that is not there.
    """
    try:
        return _decoder(kind)(json.loads(text), _Parts(arrays or {}, runs or {}))
    except StoreError:
        raise
    except DECODING_ERRORS as error:
        what = getattr(kind, "__name__", str(kind))
        first_line = str(error).partition("\n")[0]
        raise StoreError(f"a stored {what} does not decode: {first_line}") from error


def fields_from_json(
    text: str, kind: Any, *, arrays: Mapping[str, NDArray[Any]], runs: Mapping[str, Run]
) -> dict[str, Any]:
    """Those fields of a record that ``fields_to_json`` wrote; errors as of ``from_json``."""
    hints = typing.get_type_hints(kind)
    parts = _Parts(arrays, runs)
    try:
        return {
            name: _decoder(hints[name])(plain, parts)
            for name, plain in json.loads(text).items()
            if name in hints
        }
    except DECODING_ERRORS as error:
        raise StoreError(f"a stored {kind.__name__} does not decode: {error}") from error


def run_keys(text: str) -> list[str]:
    """Keys of all runs that an encoded record refers to, each once."""
    keys: dict[str, None] = {}

    def collect(node: dict[str, Any]) -> dict[str, Any]:
        key = node.get("$run")
        if isinstance(key, str):
            keys[key] = None
        return node

    try:
        json.loads(text, object_hook=collect)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"a stored record does not decode: {error}") from error
    return list(keys)


def content_hash(value: object) -> str:
    """SHA-256 of a free value in hexadecimal; the order of mapping keys does not enter."""
    text = json.dumps(_plain(value, None, ""), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object, arrays: Arrays | None, name: str, tag: bool = False) -> Any:
    """``value`` in terms of what JSON has, tags included; with ``tag`` a record says its kind."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        # float(): numpy's float64 is a float whose repr differs.
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, np.generic):
        return _plain(value.item(), arrays, name)
    if isinstance(value, np.ndarray):
        if arrays is None:
            raise TypeError(f"no array can be stored at {name or 'the top'}")
        arrays[name] = value
        return {"$array": name}
    if isinstance(value, Run):
        return {"$run": value.key, "reused": value.reused}
    if isinstance(value, Settings):
        return {"values": value.plain(), "inert": sorted(value.inert)}
    if dataclasses.is_dataclass(value):
        kind = {"$kind": type(value).__name__} if tag else {}
        return kind | {
            field.name: _plain_field(value, field.name, arrays, _join(name, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {
            _escape(key): _plain(item, arrays, _join(name, key), tag) for key, item in value.items()
        }
    if isinstance(value, tuple | list):
        items = [_plain(item, arrays, _join(name, i), tag) for i, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    raise TypeError(f"the store cannot hold a {type(value).__name__} at {name or 'the top'}")


def _plain_field(record: Any, field: str, arrays: Arrays | None, name: str) -> Any:
    return _plain(getattr(record, field), arrays, name, field in _fields_to_tag(record.__class__))


@functools.cache
def _fields_to_tag(kind: Any) -> frozenset[str]:
    """Names of the fields of a record that may hold records of several kinds."""
    hints = typing.get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if _is_several(hint))


def _is_several(hint: Any) -> bool:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return len(_records_of(arguments)) > 1
    return any(_is_several(argument) for argument in arguments)


def _records_of(arguments: Iterable[Any]) -> dict[str, Any]:
    return {
        one.__name__: one
        for one in arguments
        if isinstance(one, type) and dataclasses.is_dataclass(one)
    }


def _join(name: str, part: object) -> str:
    return f"{name}/{part}" if name else str(part)


def _escape(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys of stored mappings must be words, but got {key!r}")
    return f"${key}" if key.startswith("$") else key


def _unescape(key: str) -> str:
    return key[1:] if key.startswith("$$") else key


@dataclasses.dataclass(frozen=True, slots=True)
class _Parts:
    """What travels beside the text."""

    arrays: Mapping[str, NDArray[Any]]
    runs: Mapping[str, Run]


_Decode = Callable[[Any, _Parts], Any]


@functools.cache
def _decoder(kind: Any) -> _Decode:
    """How a value of that annotation is decoded, worked out once per annotation."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _decoder(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(arguments)
    if origin is tuple:
        return _tuple_decoder(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = _decoder(arguments[1])
        return _decode_free if inner is _decode_free else _mapping_decoder(inner)
    if origin is np.ndarray or kind is np.ndarray:
        return _decode_array
    if kind is Run:
        return _decode_run
    if kind is Settings:
        return lambda plain, _: Settings(plain["values"], plain["inert"])
    if dataclasses.is_dataclass(kind):
        return _record_decoder(kind)
    return _decode_free


def _union_decoder(arguments: tuple[Any, ...]) -> _Decode:
    rest = [argument for argument in arguments if argument is not types.NoneType]
    if len(rest) == 1:
        inner = _decoder(rest[0])
        if inner is _decode_free:
            return inner
        return lambda plain, parts: None if plain is None else inner(plain, parts)
    records = _records_of(rest)
    if len(records) < 2:
        return _decode_free
    decoders = {name: _decoder(record) for name, record in records.items()}
    return lambda plain, parts: None if plain is None else decoders[plain["$kind"]](plain, parts)


def _mapping_decoder(inner: _Decode) -> _Decode:
    return lambda plain, parts: {_unescape(key): inner(item, parts) for key, item in plain.items()}


def _tuple_decoder(arguments: tuple[Any, ...]) -> _Decode:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = _decoder(arguments[0])
        return lambda plain, parts: tuple([inner(item, parts) for item in plain["$tuple"]])
    inners = [_decoder(argument) for argument in arguments]
    return lambda plain, parts: tuple(
        [inner(item, parts) for inner, item in zip(inners, plain["$tuple"], strict=True)]
    )


def _record_decoder(kind: Any) -> _Decode:
    hints = typing.get_type_hints(kind)

    @functools.cache
    def fields() -> list[tuple[str, _Decode]]:  # worked out late: a record may hold its own kind
        return [(field.name, _decoder(hints[field.name])) for field in dataclasses.fields(kind)]

    def decode(plain: Any, parts: _Parts) -> Any:
        return kind(
            **{name: inner(plain[name], parts) for name, inner in fields() if name in plain}
        )

    return decode


def _decode_array(plain: Any, parts: _Parts) -> NDArray[Any]:
    name = plain["$array"]
    if name not in parts.arrays:
        raise StoreError(f"the stored array {name!r} is missing")
    return parts.arrays[name]


def _decode_run(plain: Any, parts: _Parts) -> Run:
    key = plain["$run"]
    if key not in parts.runs:
        raise StoreError(f"run {key} is missing or damaged")
    run = parts.runs[key]
    return (
        run if run.reused == plain["reused"] else dataclasses.replace(run, reused=plain["reused"])
    )


def _decode_free(plain: Any, _: _Parts) -> Any:
    """Numbers and words, and free values: they carry their type themselves."""
    if isinstance(plain, dict):
        if len(plain) == 1:
            ((key, item),) = plain.items()
            if key == "$tuple":
                return tuple([_decode_free(part, _) for part in item])
            if key == "$float":
                return float(item)
        return {_unescape(key): _decode_free(item, _) for key, item in plain.items()}
    if isinstance(plain, list):
        return [_decode_free(item, _) for item in plain]
    return plain

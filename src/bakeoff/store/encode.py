"""Records as JSON text and back, exactly; knows the record types and nothing of SQL.

Encoding goes by the value, decoding by the annotation of the field it belongs to, so a record may
gain a field with a default without a new format. What JSON cannot say is tagged by an object with
one key: ``{"$tuple": [...]}`` and ``{"$float": "nan"}`` inside free values (a study file, declared
settings), ``{"$array": name}`` for an array, which travels beside the text, and
``{"$run": key, "reused": bool}`` for a run, which is a row of its own. A key of a free mapping that
begins with ``$`` is written with two.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import StoreError
from bakeoff.records import Run
from bakeoff.settings import Settings
from bakeoff.store.old_records import IN_TODAYS_WORDS

FORMAT = 1
"""Version of the JSON records; goes up when a record changes so that old text no longer decodes."""

Arrays = dict[str, NDArray[Any]]
_NESTED = (dict, list)


def to_json(value: object, arrays: Arrays | None = None, name: str = "") -> str:
    """JSON text of a record or a free value.

    Args:
        arrays: receives the arrays met on the way, by their path; None where there can be none.
        name: path of ``value`` itself, the beginning of the arrays' names.

    Raises:
        TypeError: a value that is no record, number, word, array, sequence or mapping of those.
    """
    plain = _plain(value, arrays, name)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def content_hash(value: object) -> str:
    """SHA-256 of a free value in hexadecimal; the order of mapping keys does not enter."""
    text = json.dumps(_plain(value, None, ""), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
        return _decoder(kind)(json.loads(text), _Beside(arrays or {}, runs or {}))
    except StoreError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = getattr(kind, "__name__", str(kind))
        first_line = str(error).partition("\n")[0]
        raise StoreError(f"a stored {what} does not decode: {first_line}") from error


def run_keys(text: str) -> list[str]:
    """Keys of all runs that an encoded record refers to, each once."""
    keys: dict[str, None] = {}

    def collect(node: dict[str, Any]) -> dict[str, Any]:
        key = node.get("$run")
        if isinstance(key, str):
            keys[key] = None
        return node

    json.loads(text, object_hook=collect)
    return list(keys)


def _plain(value: object, arrays: Arrays | None, name: str) -> Any:
    """``value`` in terms of what JSON has, tags included."""
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
        return {
            field.name: _plain(getattr(value, field.name), arrays, _join(name, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {_escape(key): _plain(item, arrays, _join(name, key)) for key, item in value.items()}
    if isinstance(value, tuple):
        return {"$tuple": _items(value, arrays, name)}
    if isinstance(value, list):
        return _items(value, arrays, name)
    raise TypeError(f"the store cannot hold a {type(value).__name__} at {name or 'the top'}")


def _items(values: Any, arrays: Arrays | None, name: str) -> list[Any]:
    return [_plain(item, arrays, _join(name, index)) for index, item in enumerate(values)]


def _join(name: str, part: object) -> str:
    return f"{name}/{part}" if name else str(part)


def _escape(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys of stored mappings must be words, but got {key!r}")
    return f"${key}" if key.startswith("$") else key


@dataclasses.dataclass(frozen=True, slots=True)
class _Beside:
    """What travels beside the text."""

    arrays: Mapping[str, NDArray[Any]]
    runs: Mapping[str, Run]


_Decode = Callable[[Any, _Beside], Any]


@functools.cache
def _decoder(kind: Any) -> _Decode:
    """How a value of that annotation is decoded, worked out once per annotation."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _decoder(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _optional_decoder(arguments)
    if origin is tuple:
        return _tuple_decoder(arguments)
    if origin is collections.abc.Mapping and typing.get_origin(arguments[1]) is np.ndarray:
        return lambda plain, beside: {name: _decode_array(v, beside) for name, v in plain.items()}
    if origin is np.ndarray or kind is np.ndarray:
        return _decode_array
    if kind is Run:
        return _decode_run
    if kind is Settings:
        return lambda plain, _: _settings(plain)
    if dataclasses.is_dataclass(kind):
        return _record_decoder(kind)
    return _decode_free


def _settings(plain: dict[str, Any]) -> Settings:
    if plain.keys() == {"values", "inert"}:
        return Settings(plain["values"], plain["inert"])
    # Format 1 knew dense networks alone, whose values say what is inert.
    from bakeoff.dense.settings import DENSE_SPACE

    return DENSE_SPACE.complete(plain)


def _optional_decoder(arguments: tuple[Any, ...]) -> _Decode:
    rest = [argument for argument in arguments if argument is not types.NoneType]
    inner = _decoder(rest[0]) if len(rest) == 1 else _decode_free
    if inner is _decode_free:
        return inner
    return lambda plain, beside: None if plain is None else inner(plain, beside)


def _tuple_decoder(arguments: tuple[Any, ...]) -> _Decode:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = _decoder(arguments[0])
        return lambda plain, beside: tuple([inner(item, beside) for item in plain["$tuple"]])
    inners = [_decoder(argument) for argument in arguments]
    return lambda plain, beside: tuple(
        [inner(item, beside) for inner, item in zip(inners, plain["$tuple"], strict=True)]
    )


def _record_decoder(kind: Any) -> _Decode:
    hints = typing.get_type_hints(kind)
    in_todays_words = IN_TODAYS_WORDS.get(kind)

    @functools.cache
    def fields() -> list[tuple[str, _Decode]]:  # worked out late: a record may hold its own kind
        return [(field.name, _decoder(hints[field.name])) for field in dataclasses.fields(kind)]

    def decode(plain: Any, beside: _Beside) -> Any:
        if in_todays_words is not None:
            plain = in_todays_words(plain)
        parts = {name: inner(plain[name], beside) for name, inner in fields() if name in plain}
        return kind(**parts)

    return decode


def _decode_array(plain: Any, beside: _Beside) -> NDArray[Any]:
    name = plain["$array"]
    if name not in beside.arrays:
        raise StoreError(f"the stored array {name!r} is missing")
    return beside.arrays[name]


def _decode_run(plain: Any, beside: _Beside) -> Run:
    key = plain["$run"]
    if key not in beside.runs:
        raise StoreError(f"the stored run {key!r} is missing")
    run = beside.runs[key]
    if run.reused == plain["reused"]:
        return run
    return dataclasses.replace(run, reused=plain["reused"])


def _decode_free(plain: Any, _: _Beside) -> Any:
    """Numbers and words, and free values: they carry their type themselves."""
    return _free(plain) if isinstance(plain, _NESTED) else plain


def _free(plain: Any) -> Any:
    """A free value without its tags."""
    if isinstance(plain, dict):
        if len(plain) == 1:
            ((key, item),) = plain.items()
            if key == "$tuple":
                return tuple([_free(part) for part in item])
            if key == "$float":
                return float(item)
        return {
            (key[1:] if key.startswith("$$") else key): _free(item) for key, item in plain.items()
        }
    if isinstance(plain, list):
        return [_free(item) for item in plain]
    return plain

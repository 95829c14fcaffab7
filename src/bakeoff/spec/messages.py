"""How a mistake is said: key paths, values as TOML shows them, nearest names, house messages.

Turns what pydantic found into one line: the rule, the value found, what to do. Knows no study.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """One broken rule, before its line in the file is known.

    Attributes:
        path: where, as keys and 0-based numbers.
        message: rule, value found, what to do.
    """

    path: Path
    message: str


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_SHOWN = 60
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})

# What people write who come from other tools, and what it is called here.
_OTHER_NAMES = {
    "activations": "activation",
    "alpha": "negative_slope",
    "architecture": "hidden",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bs": "batch_size",
    "candidates": "candidate",
    "dataset": "data",
    "defaults": "base",
    "epoch": "epochs",
    "grid": "vary",
    "hidden_layer_sizes": "hidden",
    "init": "kernel_initializer",
    "initializer": "kernel_initializer",
    "label": "target",
    "layers": "hidden",
    "labels": "target",
    "log": "scale",
    "lr": "learning_rate",
    "normalization": "scale",
    "num_epochs": "epochs",
    "num_folds": "folds",
    "pin": "carry",
    "random_state": "seed",
    "replicates": "looks",
    "scaling": "scale",
    "settings": "base",
    "slope": "negative_slope",
    "stages": "stage",
    "title": "name",
    "units": "hidden",
    "values": "vary",
    "version": "format",
    "warmup": "warmup_epochs",
    "width": "hidden",
}

# Shares between 0 and 1 that people know as percentages.
_SHARES = frozenset({"dropout", "label_smoothing", "test_accuracy", "test_fraction"})

_HOW_TO_WRITE = {
    "base": "write `[base]` and the settings below it",
    "candidate": "write `[[stage.candidate]]` and its settings below it",
    "carry": "write `carry = { setting = value }`",
    "model": 'write `model = { sklearn = "…" }`',
    "data": "write the name or path of one dataset",
    "published": "write `published = { test_accuracy = … }`",
    "stage": "write `[[stage]]`, in double brackets, and its keys below it",
    "tune": "write `tune.setting = […]`",
    "vary": "write `vary.setting = […]`",
}


def key_path(path: Path) -> str:
    """``("stage", 1, "vary", "hidden", 0)`` as ``stage[1].vary.hidden[0]``; numbers from 0."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + key_text(part)
    return text


def key_text(key: str) -> str:
    """One key as TOML writes it: bare, or in quotes and shortened."""
    return key if _BARE_KEY.fullmatch(key) and len(key) <= _LONGEST_SHOWN else shown(key)


def shown(value: object, *, depth: int = 0) -> str:
    """A value as TOML would write it, at most about 60 characters, whatever it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…"
        return f'"{text.translate(_ESCAPES)}"'
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else f"a number of {_digits(value)} digits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return _enclosed("[", (_inner(one, depth) for one in value), "]")
    if isinstance(value, Mapping):
        pairs = (f"{key_text(str(key))} = {_inner(one, depth)}" for key, one in value.items())
        return _enclosed("{", pairs, "}")
    return f"a {type(value).__name__}"


def _inner(value: object, depth: int) -> str:
    if depth >= 3 and isinstance(value, list | tuple | Mapping):
        return "…"
    return shown(value, depth=depth + 1)


def _enclosed(opening: str, parts: Iterable[str], closing: str) -> str:
    kept: list[str] = []
    length = 0
    for part in parts:
        length += len(part) + 2
        if kept and length > _LONGEST_SHOWN:
            kept.append("…")
            break
        kept.append(part)
    return opening + ", ".join(kept) + closing


def _digits(value: int) -> str:
    # Python refuses to write numbers of more than 4,300 digits.
    return str(len(str(abs(value)))) if value.bit_length() < 10_000 else "thousands of"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    options = list(known)
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    if _OTHER_NAMES.get(plain) in options:
        return _OTHER_NAMES[plain]
    by_plain = {option.lower().replace("-", "_"): option for option in options}
    if plain in by_plain:
        return by_plain[plain]
    found = difflib.get_close_matches(plain[:100], list(by_plain), n=1, cutoff=0.6)
    return by_plain[found[0]] if found else None


def unknown_name(what: str, name: str, known: Iterable[str], *, of: str = "") -> str:
    """``unknown setting "lr"; did you mean "learning_rate"?`` or the list of what is known."""
    options = list(known)
    meant = nearest(name, options)
    if meant is not None:
        return f"unknown {what} {shown(name)}{of}; did you mean {shown(meant)}?"
    return f"unknown {what} {shown(name)}{of}; known are {', '.join(options) or 'none'}"


def house_message(error: Mapping[str, Any], name: str) -> str:
    """One pydantic error in the words of the house: rule, value found, what to do.

    Args:
        error: an entry of ``ValidationError.errors()``.
        name: of the key the rule is about.
    """
    kind = error["type"]
    context = error.get("ctx", {})
    value = error.get("input")
    got = f"but got {shown(value)}"
    bounds = {
        "greater_than": (">", "gt", "larger"),
        "greater_than_equal": (">=", "ge", "larger"),
        "less_than": ("<", "lt", "smaller"),
        "less_than_equal": ("<=", "le", "smaller"),
    }
    if kind in bounds:
        sign, key, direction = bounds[kind]
        bound = shown(context[key]).removesuffix(".0")
        advice = f"give a {direction} number"
        if name in _SHARES and isinstance(value, int | float) and 1 < value <= 100:
            advice = f"write {value / 100:g} for {value:g} %"
        return f"`{name} {sign} {bound}` must hold, {got}; {advice}"
    if kind == "literal_error":
        return one_of(re.findall(r"'([^']*)'", context["expected"]), value)
    if kind in ("value_error", "assertion_error"):
        text = str(error["msg"]).partition(", ")[2]
        return text if "; " in text else f"{text}; give another value"
    if kind in ("string_too_short", "string_pattern_mismatch"):
        return f"must not be empty, {got}; give at least one character that can be seen"
    if kind == "string_too_long":
        limit, length = context["max_length"], len(str(value))
        return f"must have at most {limit} characters, but got {length}; shorten it"
    if kind in ("too_short", "too_long"):
        return _wrong_length(kind, context, got)
    return _wrong_type(kind, value, got, name)


ELSEWHERE = {
    "auc": "roc_auc",
    "brier_score": "brier",
    "cross_entropy": "loss",
    "crossentropy": "loss",
    "log_loss": "loss",
    "logloss": "loss",
    "mcc": "matthews_corrcoef",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "mean_squared_error": "rmse",
    "mse": "rmse",
    "neg_brier_score": "brier",
    "neg_log_loss": "loss",
    "neg_mean_absolute_error": "mae",
    "neg_root_mean_squared_error": "rmse",
    "root_mean_squared_error": "rmse",
}
"""What some metrics are called in other libraries."""


def one_of(options: Sequence[str], value: object) -> str:
    """``must be one of "a", "b", but got "x"; choose one of them``."""
    rule = f"must be {'one of ' if len(options) > 1 else ''}" + ", ".join(
        f'"{one}"' for one in options
    )
    text = f"{rule}, but got {shown(value)}"
    meant = None
    if isinstance(value, str):
        elsewhere = ELSEWHERE.get(value.lower())
        meant = elsewhere if elsewhere in options else nearest(value, options)
    return f"{text}; did you mean {shown(meant)}?" if meant else f"{text}; choose one of them"


def _wrong_length(kind: str, context: Mapping[str, Any], got: str) -> str:
    if kind == "too_short":
        least = context["min_length"]
        return f"must have at least {least} {_entries(least)}, {got}; add what is missing"
    most = context["max_length"]
    return f"must have at most {most} {_entries(most)}, {got}; shorten it"


def _entries(number: int) -> str:
    return "entry" if number == 1 else "entries"


def _wrong_type(kind: str, value: object, got: str, name: str) -> str:
    if kind == "string_type":
        advice = "put it in quotes" if isinstance(value, int | float) else "give one text"
        advice = _HOW_TO_WRITE.get(name, advice)
        return f"must be text in quotes, {got}; {advice}"
    if kind in ("int_type", "int_from_float", "int_parsing_size"):
        return f"must be a whole number, {got}; {_number_advice(value, whole=True)}"
    if kind in ("float_type", "finite_number"):
        return f"must be a number, {got}; {_number_advice(value, whole=False)}"
    if kind == "bool_type":
        advice = "write it without quotes" if value in ("true", "false") else "write true or false"
        return f"must be true or false, {got}; {advice}"
    if kind in ("list_type", "tuple_type"):
        if name == "hidden":
            advice = f"write {shown([value])}" if type(value) is int else "[] means no hidden layer"
            return f"must be a list of widths such as [64, 64], {got}; {advice}"
        advice = "use brackets" if isinstance(value, Mapping) else f"write {shown([value])}"
        return f"must be a list in brackets, {got}; {_HOW_TO_WRITE.get(name, advice)}"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        advice = _HOW_TO_WRITE.get(name, "see docs/study-file.md")
        return f"must be a table of `key = value`, {got}; {advice}"
    return f"must be another kind of value, {got}; see docs/study-file.md"


def _number_advice(value: object, *, whole: bool) -> str:
    if isinstance(value, bool):
        return "write a number"
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return "write a number"
        return "write it without quotes"
    if whole and isinstance(value, float) and math.isfinite(value):
        return f"write {int(value)}" if value.is_integer() else "round it"
    if isinstance(value, list):
        return "write one number; a stage varies several"
    return "write a number"

"""Study files: damaged text, hostile names and values, and files that ask for too much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.spec import BUILT_IN, built_in_text, from_toml, load
from bakeoff.study import Study
from tests.fuzz import family
from tests.fuzz.mutations import damaged, hostile_text

_TEXTS = [built_in_text(name) for name in (*BUILT_IN, "template")]
_TOP = ["format", "name", "kind", "question", "description", "data", "seed", "split", "folds", "looks",
        "delta", "metric", "max_models", "engine", "audit", "final_replicates", "model", "base", "stage"]  # fmt: skip
_SETTINGS = ["scale", "hidden", "activation", "negative_slope", "kernel_initializer", "dropout", "l2",
             "optimizer", "momentum", "nesterov", "weight_decay", "learning_rate", "schedule",
             "warmup_epochs", "batch_size", "epochs", "label_smoothing"]  # fmt: skip
_PLAIN = [0, 1, -1, 2**31, 2**63, 2**70, 10**300, 0.0, -0.0, 0.5, 1e308, 5e-324, float("nan"),
          float("inf"), True, False, "", "none", "unit", "relu", "digits", "mnist-notebook", "auto",
          "sgd", "adam", "cosine", [], [[]], [1, "a"], [[8], [16]], {}, {"a": 1}, {"low": 0, "high": 1},
          {"low": 1e-5, "high": 1.0, "log": True, "points": 10**9}, "1979-05-27"]  # fmt: skip


def _value(rng: np.random.Generator, depth: int = 0) -> Any:
    """Any value that TOML can write."""
    match int(rng.integers(0, 9)):
        case 0:
            return hostile_text(rng)
        case 1 if depth < 4:
            return [_value(rng, depth + 1) for _ in range(int(rng.integers(0, 5)))]
        case 2 if depth < 4:
            return {_key(rng): _value(rng, depth + 1) for _ in range(int(rng.integers(0, 4)))}
        case 3:
            return [int(one) for one in rng.integers(1, 300, int(rng.integers(1, 60)))]
        case 4:
            return float(10.0 ** rng.integers(-10, 10))
        case _:
            return _PLAIN[int(rng.integers(0, len(_PLAIN)))]


def _key(rng: np.random.Generator) -> str:
    if rng.random() < 0.2:
        return hostile_text(rng)
    names = [*_TOP, *_SETTINGS]
    return names[int(rng.integers(0, len(names)))]


def _toml(value: Any) -> str:
    """A value in TOML, valid or nearly so."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def _base(rng: np.random.Generator) -> str:
    """A study that is sound but for some of its values."""
    lines = ["format = 1", 'name = "fuzz"', 'data = "digits"']
    lines += [f"{_toml(_key(rng))} = {_toml(_value(rng))}" for _ in range(rng.integers(0, 3))]
    if rng.random() < 0.5:
        lines.append("[base]")
        lines += [f"{name} = {_toml(_value(rng))}" for name in rng.choice(_SETTINGS, 3, False)]
    for number in range(int(rng.integers(0, 4))):
        lines += ["[[stage]]", f'name = "stage {number}"']
        table = str(rng.choice(["vary", "vary", "tune", "carry"]))
        names = rng.choice(_SETTINGS, int(rng.integers(1, 4)), replace=False)
        lines += [f"{table}.{name} = {_toml(_value(rng))}" for name in names]
        if rng.random() < 0.3:
            lines += ["[[stage.candidate]]", f"label = {_toml(hostile_text(rng))}"]
            lines.append(f"{rng.choice(_SETTINGS)} = {_toml(_value(rng))}")
    return "\n".join(lines) + "\n"


def _too_much(rng: np.random.Generator) -> str:
    """A file that is short, and asks for a world."""
    head = 'format = 1\nname = "x"\ndata = "digits"\n'
    many = int(rng.choice([100, 3000, 30_000]))
    values = ", ".join(f"{0.001 * (i + 1):.3f}" for i in range(min(many, 400)))
    match int(rng.integers(0, 9)):
        case 0:  # a product of many
            rows = [f"vary.{name} = [{values}]" for name in ("learning_rate", "l2", "dropout")]
            return head + '[[stage]]\nname = "a"\n' + "\n".join(rows) + "\n"
        case 1:  # very many stages
            stage = '[[stage]]\nname = "{}"\nvary.learning_rate = [0.1, 0.2]\n'
            return head + "".join(stage.format(i) for i in range(min(many, 3000)))
        case 2:  # a tuning grid
            rows = [f"tune.{name} = [{values}]" for name in ("learning_rate", "l2", "dropout")]
            return (
                head
                + '[[stage]]\nname = "a"\nvary.scale = ["unit", "none"]\n'
                + "\n".join(rows)
                + "\n"
            )
        case 3:  # deep
            return head + f"x = {'[' * many}{']' * many}\n"
        case 4:
            return head + "a." * many + "b = 1\n"
        case 5:
            return head + f"[{'.'.join('a' * many)}]\n"
        case 6:  # wide networks and long trainings
            hidden = ", ".join(["100000"] * 50)
            return (
                f"{head}[base]\nhidden = [{hidden}]\nepochs = {10**many if many < 300 else 10**9}\n"
                + ('[[stage]]\nname = "a"\nvary.scale = ["unit", "none"]\n')
            )
        case 7:
            return f"{head}looks = {[3 + i for i in range(many)]}\nfolds = {many}\n" + (
                '[[stage]]\nname = "a"\nvary.scale = ["unit", "none"]\n'
            )
        case _:
            return head + "".join(f"k{i} = {i}\n" for i in range(many))


@family("study", seconds=8.0)
def study(rng: np.random.Generator, folder: Path) -> None:
    kind = rng.random()
    if kind < 0.45:
        raw = _base(rng).encode("utf-8", "surrogatepass")
    elif kind < 0.55:
        raw = _too_much(rng).encode()
    else:
        raw = _TEXTS[int(rng.integers(0, len(_TEXTS)))].encode()
        raw = damaged(rng, raw)
    path = folder / "study.toml"
    path.write_bytes(raw)
    loaded = load(path)
    assert from_toml(loaded.spec.to_toml()) == loaded.spec, "written and read it is another"
    if loaded.spec.data == "digits" and set(loaded.spec.models) == {"dense"}:
        Study.from_loaded(loaded).check()

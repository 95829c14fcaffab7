"""What calls into Keras, NumPy and scikit-learn do to the values of a notebook that is followed."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from typing import Any

from bakeoff.notebook.values import Data, Dotted, Layered, Model, Part, Unknown

DATASETS = {"mnist": "mnist", "fashion_mnist": "fashion-mnist", "load_digits": "digits"}
"""Loaders of Keras and scikit-learn → name of the dataset here."""

_SCALERS = {"StandardScaler": "standard", "MinMaxScaler": "unit", "Normalization": "standard"}
_KEEP = frozenset(
    {"astype", "reshape", "copy", "flatten", "ravel", "values", "to_numpy", "asarray", "array"}
    | {
        "expand_dims",
        "squeeze",
        "to_categorical",
        "float32",
        "convert_to_tensor",
        "constant",
        "cast",
    }
    | {"as_matrix", "ascontiguousarray"}
)
"""Functions and methods after which an array holds the same numbers."""

_ENDS = frozenset({"max", "amax", "min", "amin"})

BUILT_IN = frozenset(
    [
        "range",
        "len",
        "zip",
        "enumerate",
        "list",
        "tuple",
        "int",
        "float",
        "str",
        "max",
        "min",
        "sum",
        "reversed",
        "sorted",
        "abs",
        "round",
        "print",
        "dict",
    ]
)
"""Functions of Python that are followed."""

_CHOOSING = frozenset({"GridSearchCV", "RandomizedSearchCV", "KerasClassifier", "Tuner"})
_LABELS = frozenset({"y", "label", "labels", "target", "class"})


class Library:
    """Knows the names of libraries, and nothing of the notebook's own code."""

    def __init__(self, follower: Any) -> None:
        self._follower = follower

    def call(self, called: Any, args: list[Any], options: dict[str, Any]) -> Any:
        """What a call gives."""
        if isinstance(called, _Method):
            return self._method(called.owner, called.name, Part(called.name, tuple(args), options))
        if isinstance(called, Part):
            return self._after(called, args)
        if not isinstance(called, Dotted):
            return Unknown()
        path, name = called.path, called.last
        given = Part(name, tuple(args), options)
        if path.startswith("builtins."):
            return self._built_in(name, args, options)
        if name == "Sequential":
            layers = given.get(0, "layers", default=[])
            known = [one for one in layers if isinstance(one, Part)] if _is_list(layers) else []
            return Model(layers=known)
        if name in ("Model", "Functional") and "keras" in path:
            outputs = given.get(1, "outputs")
            if isinstance(outputs, Layered):
                return Model(layers=list(outputs.layers))
            self._follower.leave(
                "a model whose layers are no single chain; bring it with `[model] keras = …`"
            )
            return Unknown()
        if name == "load_data":
            found = DATASETS.get(path.split(".")[-2] if "." in path else "")
            if found is None:
                self._follower.leave(f"data of {path}; name yours with `data = …`")
                found = ""
            return _train_and_test(found)
        if name in DATASETS:
            whole = Data(DATASETS[name])
            if options.get("return_X_y"):
                return (replace(whole, kind="x"), replace(whole, kind="y"))
            return whole
        if name in ("read_csv", "read_parquet") and isinstance(
            given.get(0, "filepath_or_buffer"), str
        ):
            return Data(str(given.get(0, "filepath_or_buffer")))
        if name == "train_test_split":
            return self._split(args)
        if name in _SCALERS:
            return Part(name)
        if name in _CHOOSING:
            self._follower.leave(f"{name} chooses by itself; ask with `vary` and `tune`")
            return Unknown()
        first = next((one for one in args if isinstance(one, Data)), None)
        if first is not None:
            return first if name in _KEEP else Part(name) if name in _ENDS else Unknown()
        if "keras" in path or "optimizers" in path or name[:1].isupper():
            return given
        return Unknown()

    def attribute(self, owner: Any, name: str) -> Any:
        """An attribute of a value that is no object of the notebook."""
        if isinstance(owner, Data) and not owner.kind and name in ("data", "images", "target"):
            return replace(owner, kind="y" if name == "target" else "x")
        if isinstance(owner, Data) and name in ("values", "T"):
            return owner
        if isinstance(owner, Data) and not owner.kind and name.lower() in _LABELS:
            return replace(owner, kind="y")
        return _Method(owner, name)

    def arithmetic(self, kind: type[ast.operator], left: Data, right: Any) -> Data:
        """Pixels divided by 255 are scaled; less their mean, by their deviation, standardised."""
        if left.kind == "y":
            return left
        if isinstance(right, (int, float)) and not isinstance(right, bool):
            if kind not in (ast.Div, ast.Mult, ast.Sub, ast.Add) or right in (0, 1):
                return left
            factor = right if kind is ast.Mult else 1 / right if kind is ast.Div else 0.0
            if left.scale != "none":
                self._follower.leave(f"data that is scaled once more: {left.scale} is taken")
                return left
            if not any(math.isclose(factor, 1 / most, rel_tol=0.01) for most in (255, 16)):
                self._follower.leave("data on a scale of its own: unit is taken")
            return left.scaled("unit")
        if kind in (ast.Sub, ast.Div):
            of_ends = isinstance(right, Part) and right.name in _ENDS
            if of_ends or left.scale == "unit":
                return left.scaled("unit")
            return left.scaled("standard")
        return left

    def part_of(self, owner: Data, key: ast.expr, scope: dict[str, Any]) -> Data:
        """``data["y"]``, ``data[0][1]``, ``x[:1000]``."""
        value = (
            None if isinstance(key, (ast.Slice, ast.Tuple)) else self._follower.value(key, scope)
        )
        if isinstance(value, str) and not owner.kind:
            return replace(owner, kind="y" if value.lower() in _LABELS else "x")
        if isinstance(value, list) and not owner.kind:
            return replace(owner, kind="x")
        if isinstance(key, ast.Slice) and owner.kind == "x":
            self._follower.leave("a part of the data; all of it is used")
        return owner

    def _split(self, arrays: list[Any]) -> Any:
        known = [one for one in arrays if isinstance(one, Data)]
        if not known:
            return Unknown()
        made: list[Any] = []
        for position, one in enumerate(known):
            kind = one.kind or ("y" if position else "x")
            second = "validation" if one.part == "train" else "test"
            made += [replace(one, kind=kind, part="train"), replace(one, kind=kind, part=second)]
        return tuple(made)

    def _after(self, layer: Part, args: list[Any]) -> Any:
        """``layer(x)``: the chain of layers goes on where x is an input or such a chain."""
        before = args[0] if len(args) == 1 else None
        if isinstance(before, Part) and before.name == "Input":
            return Layered((layer,))
        if not isinstance(before, Layered):
            return Unknown()
        self._follower.step(1 + len(before.layers) // 10)
        return Layered((*before.layers, layer))

    def _built_in(self, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        if name == "print":
            return None
        if name == "dict" and all(isinstance(one, dict) for one in args):
            self._follower.step(1 + sum(map(len, args)) // 10)
            return {key: value for one in (*args, options) for key, value in one.items()}
        if not all(map(self._follower.is_known, args)) or any(
            isinstance(one, dict) for one in args
        ):
            return self._of_lists(name, args)
        known: tuple[Any, ...] = (len, int, float, str, max, min, sum, abs, round, sorted)
        functions = {one.__name__: one for one in known} | {"range": _bounded_range}
        try:
            return functions[name](*args) if name in functions else self._of_lists(name, args)
        except Exception:  # the notebook's own mistake
            return Unknown()

    def _of_lists(self, name: str, args: list[Any]) -> Any:
        lists = [self._follower.items(one) for one in args]
        if any(one is None for one in lists) or not lists:
            return Unknown()
        first = lists[0] or []
        if name == "zip":
            return list(zip(*(one or [] for one in lists), strict=False))
        if name == "enumerate":
            return list(enumerate(first))
        if name == "reversed":
            return first[::-1]
        if name == "len":
            return len(first)
        return first if name in ("list", "tuple") else Unknown()

    def _method(self, owner: Any, name: str, given: Part) -> Any:
        if isinstance(owner, Model):
            return self._of_model(owner, name, given)
        if isinstance(owner, Data):
            if name in ("drop", "iloc", "loc", "dropna", "fillna") and not owner.kind:
                return replace(owner, kind="x") if name == "drop" else owner
            return owner if name in _KEEP else Part(name) if name in _ENDS else Unknown()
        if isinstance(owner, Part) and owner.name in _SCALERS:
            first = given.get(0, "X")
            if name in ("fit_transform", "transform", "__call__") and isinstance(first, Data):
                return first.scaled(_SCALERS[owner.name])
            return owner if name == "fit" else Unknown()
        if isinstance(owner, list) and name == "append" and given.args and len(owner) < 10_000:
            owner.append(given.args[0])
        if isinstance(owner, dict) and name in ("items", "keys", "values"):
            self._follower.step(len(owner) // 10)
            return list(getattr(owner, name)())
        if (
            isinstance(owner, dict)
            and name == "get"
            and given.args
            and isinstance(given.args[0], (int, float, str))
        ):
            return owner.get(*given.args[:2])
        return Unknown()

    def _of_model(self, model: Model, name: str, given: Part) -> Any:
        if name == "add":
            layer = given.get(0, "layer")
            if isinstance(layer, Part):
                model.layers.append(layer)
            else:
                self._follower.leave("a layer that only a run can tell")
        elif name == "pop" and model.layers:
            model.layers.pop()
        elif name == "compile":
            model.optimizer, model.loss = given.get(0, "optimizer"), given.get(1, "loss")
        elif name == "fit":
            return self._follower.trained(model, given)
        elif name == "evaluate":
            x = given.get(0, "x")
            cell = self._follower.cell
            number = self._follower.num_evaluations[cell.number]
            self._follower.num_evaluations[cell.number] += 1
            part = x.part if isinstance(x, Data) else ""
            if model.trained is not None and part != "train" and model.trained.evaluated is None:
                model.trained.evaluated = (cell, number)
            return (Unknown("loss"), Unknown("accuracy"))
        return Unknown()


class _Method:
    """A method of a value, before it is called."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _bounded_range(*ends: int) -> range:
    made = range(*ends)
    if len(made) > 100_000:
        raise OverflowError
    return made


def _train_and_test(name: str) -> Any:
    def half(part: str) -> tuple[Data, Data]:
        return (Data(name, part=part, kind="x"), Data(name, part=part, kind="y"))

    return (half("train"), half("test"))

"""The user's own data, by path: decides which format a path is and makes a ``Dataset`` of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff import words
from bakeoff.data.array_files import read_idx, read_npz
from bakeoff.data.arrays import DEFAULT_TEST_FRACTION, from_arrays
from bakeoff.data.catalogue import CATALOGUE
from bakeoff.data.dataset import Dataset, some_of
from bakeoff.data.frames import Roles
from bakeoff.errors import DataError

FORMATS = (
    "NPZ, IDX (…-images-idx3-ubyte[.gz]), CSV, TSV, Parquet, or a folder of pictures per class"
)

# train-images-idx3-ubyte, t10k-images.idx3-ubyte.gz, mine-labels-idx1-ubyte …
_IDX_NAME = re.compile(r"^(?P<stem>.*?)(?P<kind>images|labels)(?P<rest>[-.]idx[1-4]-ubyte(\.gz)?)$")

# Names of the pairs of arrays in an NPZ file, Keras's first.
_NPZ_PAIRS = (
    ("x_train", "y_train"),
    ("X_train", "y_train"),
    ("x", "y"),
    ("X", "y"),
    ("data", "target"),
    ("features", "labels"),
    ("images", "labels"),
)
_NPZ_TEST_PAIRS = (
    ("x_test", "y_test"),
    ("X_test", "y_test"),
    ("test_data", "test_target"),
    ("test_features", "test_labels"),
    ("test_images", "test_labels"),
)


def load_path(
    path: str | Path,
    *,
    target: str | int | None = None,
    test_path: str | Path | None = None,
    validation_path: str | Path | None = None,
    test_fraction: float = DEFAULT_TEST_FRACTION,
    image_shape: tuple[int, ...] | None = None,
    task: str | None = None,
    roles: Roles | None = None,
    in_order: bool = False,
) -> Dataset:
    """Loads a file or folder of the user's.

    Args:
        path: an NPZ file; an IDX images file (its labels file lies beside it) or a folder with an
            IDX pair; a CSV, TSV or Parquet table; a folder with one folder of pictures per class.
        target: a table's column of classes, by name or by number from 0, left out: target, label,
            class or y; or the name of an NPZ file's array of classes.
        test_path: the test part, in the same format. Left out, the file's own test part (x_test
            in NPZ, t10k-… beside train-…, test/ beside train/), else ``test_fraction`` is held
            out, stratified and always the same.
        test_fraction: between 0 and 1, both excluded.
        validation_path: examples to validate on, in the same format; all others train.
        image_shape: for flat rows that are images; whole numbers 0 … 255 then become bytes.
        task, in_order: as in ``from_arrays``.
        roles: which column of a table is which.

    Raises:
        DataError: it is missing, damaged, of an unknown format, or breaks a rule of usable data.
    """
    path = Path(path).expanduser()
    roles = replace(roles or Roles(), target=target)
    if roles.groups is not None and (roles.fold is not None or in_order):
        other = "data.fold" if roles.fold is not None else "split = 'time'"
        raise DataError(
            f"data.groups: {other} says what validates, whatever the groups are; keep one"
        )
    try:
        train, own_test = _read(path, roles)
        text = _text_columns(train["x"])
        if test_path is not None:
            of_test = replace(roles, weights=None, groups=None, fold=None)  # are about training
            own_test, _ = _read(Path(test_path).expanduser(), of_test, text)
        if validation_path is not None:
            validation, _ = _read(Path(validation_path).expanduser(), roles, text)
            train = _joined(train, validation, roles)
    except OSError as error:
        place = error.filename or path
        raise DataError(
            f"{place}: cannot be read ({error.strerror or error}); check the path and its permissions"
        ) from error
    if image_shape is not None:
        train, own_test = _as_bytes(train, own_test)
    dataset = from_arrays(
        train["x"],
        train["y"],
        name=str(path),  # so that messages name the file; the dataset gets its short name below
        x_test=None if own_test is None else own_test["x"],
        y_test=None if own_test is None else own_test["y"],
        test_fraction=test_fraction,
        class_names=train.get("class_names"),
        feature_names=train.get("feature_names"),
        image_shape=image_shape,
        task=task,
        rules=roles.rules,
        in_order=in_order,
        test_name=None if test_path is None else str(test_path),
        target=str(train.get("target") or ""),
        **{key: train.get(key) for key in ("weights", "groups", "folds")},
    )
    remarks = train.get("remarks", ())
    return replace(dataset, name=path.name.split(".")[0] or str(path), remarks=remarks)


_Part = Mapping[str, Any]
_Reader = Callable[[Path], tuple[_Part, _Part | None]]


def looks_like_path(text: str) -> bool:
    """Whether ``data = "…"`` means a file or folder and not a dataset known by name."""
    if text in CATALOGUE:
        return False
    return bool(re.search(r"[/\\~]|\.\w+$", text)) or Path(text).exists()


def _read(path: Path, roles: Roles, text: Collection[str] = ()) -> tuple[_Part, _Part | None]:
    """(examples, the test part that lies with them or None); ``text`` as in ``read_csv``."""
    _must_exist(path)
    return _reader(path, roles, text)(path)


def _text_columns(features: Any) -> frozenset[str]:
    """The columns of a table that hold words."""
    if not hasattr(features, "dtypes"):
        return frozenset()
    kinds = features.dtypes.items()
    return frozenset(str(name) for name, one in kinds if getattr(one, "kind", "O") not in "biufM")


def _joined(train: _Part, validation: _Part, roles: Roles) -> _Part:
    """Both, where the fold 0 of the latter is the one that validates."""
    if not all(hasattr(part["x"], "columns") for part in (train, validation)):
        raise DataError("data.validation: both must be tables (CSV or Parquet)")
    for other in ("fold", "groups"):
        if getattr(roles, other) is not None:
            raise DataError(f"data.validation: data.{other} says what validates, too; keep one")
    import pandas as pd

    sizes = len(train["x"]), len(validation["x"])
    labels = [np.asarray(part["y"]) for part in (train, validation)]
    if labels[0].dtype.kind != labels[1].dtype.kind:
        labels = [one.astype(str) for one in labels]
    if labels[0].dtype.kind in "OU":
        strange = sorted({*map(str, labels[1])} - {*map(str, labels[0])})
        if strange:
            raise DataError(
                f"data.validation: every class must be one of the other examples', but {strange[0]!r} is "
                f"none (there are {some_of(sorted({*map(str, labels[0])}))}); write it as there"
            )
    missing = [one for one in train["x"].columns if one not in validation["x"].columns]
    if missing:
        raise DataError(
            f"data.validation: must have the columns of the other examples, but {str(missing[0])!r} is missing"
        )
    return {
        **train,
        "x": pd.concat([train["x"], validation["x"][[*train["x"].columns]]], ignore_index=True),
        "y": np.concatenate(labels),
        "weights": None
        if train["weights"] is None
        else np.concatenate([train["weights"], validation["weights"]]),
        "groups": None,
        "folds": np.repeat(np.array([-1, 0], np.int32), sizes),
    }


def _must_exist(path: Path) -> None:
    if path.exists():
        return
    near: list[str] = []
    if path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, names, n=1)
    guess = f"; did you mean {path.parent / near[0]}?" if near else "; check the path"
    raise DataError(f"{path}: there is no such file or folder{guess}")


def _reader(path: Path, roles: Roles, text: Collection[str]) -> _Reader:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        from bakeoff.data.tables import read_csv

        return lambda file: _from_table(read_csv(file, roles, text=text), roles)
    if suffix in (".parquet", ".pq"):
        from bakeoff.data.tables import read_parquet

        return lambda file: _from_table(read_parquet(file, roles), roles)
    target = roles.target
    if replace(roles, target=None) != Roles():
        raise DataError(
            f"{path}: only tables (CSV, Parquet) have columns to name; leave out data.drop and its like"
        )
    if suffix == ".npz":
        return lambda file: _read_npz(file, target)
    is_idx = _IDX_NAME.match(path.name) is not None
    if not path.is_dir() and not is_idx:
        raise DataError(f"{path}: the name must tell the format: {FORMATS}; rename or convert it")
    if target is not None:
        raise DataError(
            f"{path}: target names a table's column or an NPZ file's array, but this is neither; leave "
            f"out target = {target!r}"
        )
    if is_idx:
        return _read_idx_pair
    return _read_idx_folder if _idx_pairs(path) else _read_pictures


def _from_table(table: Any, roles: Roles) -> tuple[_Part, None]:
    part = {key: getattr(table, key) for key in ("target", "weights", "groups", "folds")}
    said = {roles.weights: "weighs", roles.groups: "groups", roles.fold: "folds"}
    part["remarks"] = tuple(
        f"Column {name} {verb} each row, as you said" for name, verb in said.items() if name
    )
    if table.num_unlabelled:
        left_out = words.plural(table.num_unlabelled, "row")
        part["remarks"] += (f"{left_out} without {table.target} left out, as you said",)
    return {"x": table.frame, "y": table.labels, **part}, None


def _read_npz(path: Path, target: str | int | None) -> tuple[_Part, _Part | None]:
    arrays = read_npz(path)
    pairs = _NPZ_PAIRS if target is None else tuple((x, str(target)) for x, _ in _NPZ_PAIRS)
    pair = next((pair for pair in pairs if pair[0] in arrays and pair[1] in arrays), None)
    if pair is None:
        wanted = (
            "x_train and y_train (and x_test, y_test), or x and y"
            if target is None
            else f"an array {target!r} of classes and x_train or x beside it"
        )
        raise DataError(
            f"{path}: must hold {wanted}, but holds {', '.join(sorted(arrays)[:8])}; rename them with "
            "numpy.savez(path, x=…, y=…)"
        )
    part: dict[str, Any] = {"x": arrays[pair[0]], "y": arrays[pair[1]]}
    for name in ("class_names", "feature_names"):
        if name in arrays:
            part[name] = tuple(str(word) for word in arrays[name].ravel())
    test = next((pair for pair in _NPZ_TEST_PAIRS if pair[0] in arrays and pair[1] in arrays), None)
    return part, None if test is None else {"x": arrays[test[0]], "y": arrays[test[1]]}


def _labels_beside(images: Path) -> Path:
    """The labels file that belongs to an images file; DataError if there is none."""
    match = _IDX_NAME.match(images.name)
    if match is None or match["kind"] != "images":
        raise DataError(
            f"{images}: give the images file of an IDX pair (…-images-idx3-ubyte); the labels file is "
            "found beside it"
        )
    for entry in sorted(images.parent.iterdir()):
        other = _IDX_NAME.match(entry.name)
        if other and other["kind"] == "labels" and other["stem"] == match["stem"]:
            return entry
    raise DataError(
        f"{images}: the labels file of the pair is missing; put {match['stem']}labels-idx1-ubyte beside it"
    )


def _idx_pairs(folder: Path) -> list[Path]:
    """The IDX images files of a folder."""
    matches = ((entry, _IDX_NAME.match(entry.name)) for entry in sorted(folder.iterdir()))
    return [entry for entry, match in matches if match and match["kind"] == "images"]


def _read_pair(images: Path) -> _Part:
    return {"x": read_idx(images).array, "y": read_idx(_labels_beside(images)).array}


def _read_idx_pair(images: Path) -> tuple[_Part, _Part | None]:
    """The pair, and the one called t10k or test beside one called train."""
    match = _IDX_NAME.match(images.name)
    stem = match["stem"] if match else ""
    test = None
    if stem.startswith("train"):
        rest = stem.removeprefix("train")
        beside = _idx_pairs(images.parent)
        test = next(
            (one for one in beside if one.name.startswith((f"t10k{rest}", f"test{rest}"))), None
        )
    return _read_pair(images), None if test is None else _read_pair(test)


def _read_idx_folder(folder: Path) -> tuple[_Part, _Part | None]:
    pairs = _idx_pairs(folder)
    train = next((path for path in pairs if path.name.startswith("train")), None)
    if train is None and len(pairs) == 1:
        train = pairs[0]
    if train is None:
        raise DataError(
            f"{folder}: one IDX pair must be called train-images-…, but found "
            f"{', '.join(path.name for path in pairs[:5])}; give the images file itself"
        )
    return _read_idx_pair(train)


def _read_pictures(folder: Path) -> tuple[_Part, _Part | None]:
    from bakeoff.data import images

    train_folder, test_folder = images.parts(folder)
    train = images.read_folder(train_folder)
    test = None if test_folder is None else images.read_folder(test_folder, train.images.shape[1:3])
    if test is not None and test.images.ndim != train.images.ndim:  # grey beside colours
        train, test = images.coloured(train), images.coloured(test)
    resized = train.num_resized + (0 if test is None else test.num_resized)
    height, width = train.images.shape[1:3]
    remarks = (
        (f"{words.plural(resized, 'picture')} of another size resized to {width} × {height}",)
        if resized
        else ()
    )
    part = {"x": train.images, "y": train.labels, "remarks": remarks}
    return part, None if test is None else {"x": test.images, "y": test.labels}


def _as_bytes(train: _Part, test: _Part | None) -> tuple[_Part, _Part | None]:
    """Images that a table or archive holds as whole numbers 0 … 255 become the bytes they were."""
    parts = [part for part in (train, test) if part is not None]
    if not all(_holds_bytes(np.asarray(part["x"])) for part in parts):
        return train, test
    as_bytes = [{**part, "x": np.asarray(part["x"]).astype(np.uint8)} for part in parts]
    return as_bytes[0], as_bytes[1] if test is not None else None


def _holds_bytes(array: NDArray[Any]) -> bool:
    if array.dtype.kind not in "iuf" or array.size == 0:
        return False
    if array.min() < 0 or array.max() > 255:
        return False
    return array.dtype.kind != "f" or bool((array == np.floor(array)).all())

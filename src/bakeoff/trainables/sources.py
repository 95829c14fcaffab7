"""Where brought code is, and what names it: files, hashes, versions of libraries; runs no training.

A run is found again by its key, and the key holds the trainable's name. So the name must change
whenever the numbers may: with the source, with the files it declares, with the libraries.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import sys
import textwrap
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from bakeoff.errors import UsageError
from bakeoff.records import UNKNOWN_CODE

# Where the name that is imported is not the name that is installed.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python"}

_HASH_DIGITS = 12


def load_object(reference: str, folder: Path, key: str) -> Any:
    """What a study file names as code.

    Args:
        reference: ``file.py:name``, ``package.module:name`` or ``package.module.name``.
        folder: what a file's path starts from; modules beside the study file are found there too.
        key: of the study file, for messages.

    Raises:
        UsageError: there is no such file, module or name, or importing it fails.
    """
    where, colon, name = reference.rpartition(":") if ":" in reference else ("", "", reference)
    if not colon:
        where, _, name = reference.rpartition(".")
    if not where or not name:
        raise UsageError(
            f'model.{key}: must name code, such as "train.py:train" or "package.module.Name", '
            f"but got {reference!r}"
        )
    module = _load_module(where, folder, f"model.{key}")
    try:
        found = module
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        from bakeoff.spec.messages import unknown_name

        known = [one for one in vars(module) if not one.startswith("_")]
        raise UsageError(f"model.{key}: {where}: {unknown_name('name', name, known)}") from None
    return found


def _load_module(where: str, folder: Path, key: str) -> types.ModuleType:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = (folder / where).resolve()
        if not path.is_file():
            raise UsageError(f"{key}: there is no file {where} in {folder}")
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        name = _module_name(path)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # noqa: S101  (it ends in .py)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        # No worker could import a class of it; so its code goes with its objects.
        cloudpickle.register_pickle_by_value(module)
        return module
    except UsageError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(
            f"{key}: importing {where} fails: {type(error).__name__}: {error}"
        ) from error


def _module_name(path: Path) -> str:
    """The name that ``import`` would give the file, which model files name its classes by; one of its
    own where another module has that already, so that train.py of two studies are two modules.
    """
    with contextlib.suppress(ImportError, ValueError):
        found = importlib.util.find_spec(path.stem)
        if found is not None and found.origin and Path(found.origin).resolve() == path:
            return path.stem
    return f"bakeoff_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def let_pickle_find(kinds: Iterable[type]) -> None:
    """Makes classes that came by value importable by their names, with what their methods use.

    A library that pickles by itself, as skorch does its module, looks a class up where it says it is.
    """
    for kind in kinds:
        if kind.__module__ not in sys.modules:
            module = sys.modules[kind.__module__] = types.ModuleType(kind.__module__)
            for method in vars(kind).values():
                if inspect.isfunction(method):
                    vars(module).update(method.__globals__)
        vars(sys.modules[kind.__module__]).setdefault(kind.__qualname__, kind)


def hash_of(parts: Iterable[str | bytes]) -> str:
    """A short hash of text and bytes, each with its length, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:_HASH_DIGITS]


def read_inputs(inputs: Sequence[str], folder: Path) -> list[bytes]:
    """The files that ``inputs`` names (folders: all files in them), names and contents.

    Raises:
        UsageError: there is no such file.
    """
    parts: list[bytes] = []
    for one in inputs:
        path = folder / one
        files = (
            sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        )
        for file in files:
            try:
                name = file.relative_to(folder) if file.is_relative_to(folder) else file
                parts += [str(name).encode(), file.read_bytes()]
            except OSError as error:
                reason = error.strerror or error
                raise UsageError(f"model.inputs: {one} cannot be read: {reason}") from None
    return parts


def source_of(value: Any) -> list[str] | None:
    """Source of a function or class and of all it uses of its own module, or None.

    Of code in a file that is more than a script, the text of the file. Of a notebook's cells and
    of a script, where the study itself is written, only what the function uses: constants,
    functions and classes, each once.
    """
    module = sys.modules.get(getattr(value, "__module__", ""), None)
    file = getattr(module, "__file__", None)
    if file is not None and getattr(module, "__name__", "") != "__main__":
        try:
            return [Path(file).read_text(encoding="utf-8")]
        except (OSError, UnicodeDecodeError):
            return None
    found: dict[str, str] = {}
    try:
        _collect(value, found)
    except (OSError, TypeError):  # typed into an interpreter
        return None
    return [text for pair in sorted(found.items()) for text in pair]


def _collect(value: Any, found: dict[str, str]) -> None:
    name = getattr(value, "__qualname__", repr(value))
    if name in found:
        return
    found[name] = text = textwrap.dedent(inspect.getsource(value))
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    scope: Mapping[str, Any] = getattr(value, "__globals__", None) or vars(
        sys.modules[value.__module__]
    )
    for one in sorted(names & scope.keys()):
        used = scope[one]
        if isinstance(used, int | float | str | tuple | list | dict | type(None)):
            with contextlib.suppress(TypeError, ValueError):  # objects in it: no constant
                found[one] = json.dumps(used)
        elif getattr(used, "__module__", None) == value.__module__ and callable(used):
            _collect(used, found)
        else:  # of a library: its version counts
            home = used.__name__ if inspect.ismodule(used) else getattr(used, "__module__", None)
            if isinstance(home, str) and home:
                found[one] = f"import {home.partition('.')[0]}"


def versions_of(sources: Iterable[str], modules: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the libraries that code imports, by their installed names, sorted.

    Args:
        sources: Python source, wherever in it the imports stand.
        modules: further modules, by their full names.
    """
    names = {name.partition(".")[0] for name in modules}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    versions: dict[str, str] = {}
    for name in sorted(names - set(sys.stdlib_module_names) - {"bakeoff", "__main__", ""}):
        distribution = _DISTRIBUTIONS.get(name, name)
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            version = getattr(sys.modules.get(name), "__version__", None)
            if isinstance(version, str):
                versions[name] = version
    return dict(sorted(versions.items()))


def check_versions(versions: Mapping[str, str]) -> None:
    """Holds what ``versions_of`` found on another machine against this one.

    Raises:
        UsageError: a library is missing, or is another version.
    """
    for name, version in versions.items():
        found: str | None
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # One that is not installed but lies beside the study is looked at when it is imported.
            found = version if importlib.util.find_spec(name) is not None else None
        if found != version:
            here = f"it has {name} {found}" if found else f"it does not have {name}"
            raise UsageError(f"{here}, the driver {version}; install the same")


def name_of(
    kind: str, what: str, digest: str, versions: Mapping[str, str], *, hashed: bool = True
) -> str:
    """The trainable's name, such as ``function/train.py:train#9f3c51/numpy-2.1,torch-2.5``.

    Args:
        kind, what, digest: what it is, how it is called, and the hash of what determines it.
        versions: of the libraries it computes with.
        hashed: whether its code is among what was hashed.
    """
    libraries = ",".join(f"{name}-{version}" for name, version in versions.items())
    name = f"{kind}/{what}#{digest}" + (f"/{libraries}" if libraries else "")
    return name if hashed else name + UNKNOWN_CODE

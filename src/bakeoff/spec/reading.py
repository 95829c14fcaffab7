"""From a file, a built-in name or a dict to a checked study, or to every mistake in it.

The only module of the package that opens files.
"""

from __future__ import annotations

import importlib.resources
import itertools
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bakeoff.errors import BakeoffError, Mistake, SpecError, UsageError
from bakeoff.spec.checks import check_document, check_format, check_size, model_tables
from bakeoff.spec.consistency import check_chain
from bakeoff.spec.document import (
    MAX_DEPTH,
    KeyPath,
    has_deep_key,
    lines_of,
    override,
    plain_document,
)
from bakeoff.spec.messages import Finding, key_path, nearest, shown
from bakeoff.spec.model import StageSpec, StudySpec
from bakeoff.spec.parts import DENSE, ModelSpec
from bakeoff.spec.space import Space, space_of_all
from bakeoff.spec.stage_checks import name_of
from bakeoff.words import visible

BUILT_IN: tuple[str, ...] = ("digits", "mnist", "mnist-notebook")

SpaceOf = Callable[[ModelSpec], Space]
"""What can be set of a brought model; raises a BakeoffError where it cannot be had."""

# A study is written by hand; a larger file is something else, such as the data itself.
MAX_BYTES = 1_048_576

MAX_FINDINGS = 1_000  # that are said of one file


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A checked study and where it came from.

    Attributes:
        spec: the study.
        source: path as it was given, or the built-in name.
        folder: what relative paths in the study start from; None for a built-in one.
        text: the file's text.
    """

    spec: StudySpec
    source: str
    folder: Path | None
    text: str


def load(
    study: str | os.PathLike[str],
    *,
    space_of: Callable[[ModelSpec, Path], Space] | None = None,
    overrides: Sequence[str] = (),
) -> LoadedSpec:
    """Reads and checks a study.

    Args:
        study: path of a study file, or the name of a built-in study; a name wins over a file of
            the same name (write ``./digits`` for that).
        space_of: what can be set of a model that the study brings, and the folder of the study
            → its space.
        overrides: see ``from_toml``.

    Raises:
        UsageError: no such file or built-in study, or a file that cannot be read.
        SpecError: every mistake in it, with its line.
    """
    source = os.fspath(study)
    if source in BUILT_IN:
        folder, text = None, built_in_text(source)
    else:
        folder, text = Path(source).absolute().parent, _read(source)
    known = None if space_of is None else lambda model: space_of(model, folder or Path())
    spec = from_toml(text, source=source, space_of=known, overrides=overrides)
    return LoadedSpec(spec, source, folder, text)


def from_dict(
    document: Mapping[str, Any], *, source: str = "Study(...)", space_of: SpaceOf | None = None
) -> StudySpec:
    """A study from plain tables, as ``StudySpec.to_dict`` gives them; copies what it takes.

    Args:
        document: of the form of a study file; tuples may stand for lists.
        source: what error messages call it.
        space_of: what can be set of a model that the study brings; without it, there is none.

    Raises:
        SpecError: every mistake in it.
    """
    return _checked(document, source, {}, space_of)


def from_toml(
    text: str,
    *,
    source: str = "study.toml",
    space_of: SpaceOf | None = None,
    overrides: Sequence[str] = (),
) -> StudySpec:
    """A study from the text of a study file.

    Args:
        text: in TOML.
        source: what error messages call it.
        space_of: what can be set of a model that the study brings; without it, there is none.
        overrides: such as ``base.epochs=50``: a key and what it has instead, as TOML writes it.

    Raises:
        SpecError: every mistake in it, with its line.
        UsageError: an override that names no key.
    """
    if not text.strip():
        message = "a study file must not be empty; start from `bakeoff init`"
        raise SpecError(source, [Mistake("", message)])
    try:
        if has_deep_key(text):
            raise RecursionError
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(source, [_syntax_mistake(str(error), text)]) from None
    except RecursionError:
        message = f"must not be nested deeper than {MAX_DEPTH} levels; flatten it"
        raise SpecError(source, [Mistake("", message)]) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        message = "whole numbers must fit in 64 bits, but one has thousands of digits; shorten it"
        raise SpecError(source, [_long_number_mistake(message, text)]) from None
    lines = lines_of(text)
    for one in overrides:
        path = override(document, one)
        lines = {place: line for place, line in lines.items() if place[: len(path)] != path}
    return _checked(document, source, lines, space_of)


def _checked(
    document: Mapping[str, Any],
    source: str,
    lines: Mapping[KeyPath, int],
    space_of: SpaceOf | None,
) -> StudySpec:
    findings: list[Finding] = []
    plain = plain_document(document, findings)
    refused = check_format(plain) or check_size(plain)
    if refused is not None:  # nothing else can be said, or only at great length
        raise SpecError(source, [_mistake(refused, lines)])
    spaces = _spaces(plain, space_of, findings)
    findings.extend(itertools.islice(check_document(plain, spaces), MAX_FINDINGS))
    whole = len(findings) < MAX_FINDINGS  # else some stages were not looked at
    if whole and not any(one.path[:1] in ((), ("model",)) for one in findings):
        findings.extend(_chain_findings(plain, findings, spaces))
    if findings:
        raise SpecError(source, _mistakes(findings, lines))
    return StudySpec.model_validate(plain)


def _spaces(
    plain: dict[str, Any], space_of: SpaceOf | None, findings: list[Finding]
) -> dict[str, Space | None]:
    """Every model by name, the study's own first; None where its space cannot be had."""
    from bakeoff.dense.settings import DENSE_SPACE  # here, because a space is made of this package

    spaces: dict[str, Space | None] = {}
    for path, model in model_tables(plain):
        name = name_of(model)
        if name is None or name in spaces:
            continue
        spaces[name] = DENSE_SPACE if model == DENSE else None
        if not isinstance(model, dict):
            continue
        try:
            spec = ModelSpec.model_validate(model)
        except ValidationError:  # told with the shape of the rest
            continue
        if space_of is None:
            findings.append(Finding(path, "only dense networks can be set here; remove it"))
            continue
        try:
            spaces[name] = space_of(spec)
        except BakeoffError as error:
            findings.append(Finding(path, str(error).partition("\n")[0]))
    return spaces or {DENSE: None}


def _chain_findings(
    plain: dict[str, Any], findings: list[Finding], spaces: Mapping[str, Space | None]
) -> list[Finding]:
    """Checks the chain as far as what it is made of is right."""
    broken = {finding.path[:2] for finding in findings}
    stages = plain.get("stage")
    known = {name: space for name, space in spaces.items() if space is not None}
    if any(path[0] == "base" for path in broken) or not isinstance(stages, list):
        return []
    if len(known) < len(spaces):
        return []
    records = [
        None if ("stage", i) in broken else StageSpec.model_validate(stage)
        for i, stage in enumerate(stages)
    ]
    replication = plain.get("kind") == "replication"
    space = space_of_all(known)
    return list(check_chain(plain.get("base", {}), records, space, replication=replication))


def _mistakes(findings: list[Finding], lines: Mapping[KeyPath, int]) -> list[Mistake]:
    """One mistake per place, in the order of the file; the first rule found speaks."""
    mistakes: dict[KeyPath, Mistake] = {}
    for finding in findings:
        above = (finding.path[:length] for length in range(len(finding.path) + 1))
        if not any(path in mistakes for path in above):
            mistakes[finding.path] = _mistake(finding, lines)
    keys = list(StudySpec.model_fields)

    def place(mistake: Mistake) -> tuple[int, int]:
        missing = mistake.line is None and mistake.path in keys
        return mistake.line or 0, keys.index(mistake.path) if missing else 0

    return sorted(mistakes.values(), key=place)


def _mistake(finding: Finding, lines: Mapping[KeyPath, int]) -> Mistake:
    """With the line of the key, or of the nearest table around it."""
    above = (finding.path[:length] for length in range(len(finding.path), 0, -1))
    line = next((lines[path] for path in above if path in lines), None)
    return Mistake(key_path(finding.path), finding.message, line)


def _syntax_mistake(message: str, text: str) -> Mistake:
    """tomllib's own words, with its place taken out of them."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message)
    what, line = found.groups() if found else (message, None)
    line = line or str(text.count("\n") + 1)
    if "\0" in text:
        what = "a NUL byte"
        line = str(text[: text.index("\0")].count("\n") + 1)
    advice = "text values stand in quotes, lists in brackets"
    if "'\\n'" in what:
        what = "a text is not closed on its line"
        advice = "close its quotes"
    elif "overwrite" in what or "twice" in what:
        advice = "remove one of the two"
    # tomllib writes the key of a table as a Python tuple.
    what = re.sub(r"\((.*?),?\)", lambda key: f"[{key[1]}]".replace("', '", "."), what)
    what = what.replace("['", "[").replace("']", "]")
    what = what[:1].lower() + what[1:200]
    return Mistake("", f"must be valid TOML, but: {what}; {advice}", int(line))


def _long_number_mistake(message: str, text: str) -> Mistake:
    found = re.search(r"[0-9_]{4301,}", text)
    if found is None:
        return Mistake("", message)
    return Mistake("", message, text[: found.start()].count("\n") + 1)


def built_in_text(name: str) -> str:
    """The text of a built-in study, or of ``template``: the one for a newcomer to edit."""
    folder = importlib.resources.files("bakeoff.studies")
    return folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _read(source: str) -> str:
    """The text of a file of any origin; never more than a study can have is read."""
    shown_source = visible(source)
    try:
        with Path(source).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(_not_found(source)) from None
    except IsADirectoryError:
        message = f"{shown_source}: a study must be a file, but this is a folder; name a file in it"
        raise UsageError(message) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{shown_source[:300]}: the study file must be readable, but: {reason}"
        raise UsageError(f"{message}; check its path and permissions") from None
    if len(content) > MAX_BYTES:
        message = "a study file has at most 1 MiB, but this one is larger; is it the data itself?"
        raise SpecError(source, [Mistake("", message)])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = (
            f"must be UTF-8 text, but byte {error.start} is 0x{content[error.start]:02x}; "
            "save it as UTF-8"
        )
        raise SpecError(source, [Mistake("", message, line)]) from None


def _not_found(source: str) -> str:
    names = ", ".join(BUILT_IN)
    text = f"a study is a file or one of {names}, but there is no {shown(visible(source))}"
    path = Path(source)
    meant = nearest(path.name.removesuffix(".toml"), BUILT_IN)
    try:
        beside = {one.stem: one.name for one in sorted(path.parent.glob("*.toml"))[:1000]}
    except (OSError, ValueError):
        beside = {}
    close = nearest(path.stem, beside)
    if close is not None:
        return f"{text}; did you mean {shown(visible(str(path.with_name(beside[close]))))}?"
    if meant is not None:
        return f"{text}; did you mean {shown(meant)}?"
    return f"{text}; `bakeoff init` writes one to start from"

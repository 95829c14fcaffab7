"""From a file, a built-in name or a dict to a checked study, or to every mistake in it.

The only module of the package that opens files.
"""

from __future__ import annotations

import importlib.resources
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.errors import Mistake, SpecError, UsageError, printable
from bakeoff.spec.checks import check_document, check_format
from bakeoff.spec.consistency import check_chain
from bakeoff.spec.model import StageSpec, StudySpec
from bakeoff.spec.plain import MAX_DEPTH, Finding, plain_document
from bakeoff.spec.positions import Places, positions
from bakeoff.spec.space import Space
from bakeoff.spec.wording import key_path, nearest, shown

BUILT_IN: tuple[str, ...] = ("digits", "mnist", "mnist-notebook")

# A study is written by hand; a larger file is something else, such as the data itself.
MAX_BYTES = 1_048_576


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


def load(study: str | os.PathLike[str]) -> LoadedSpec:
    """Reads and checks a study.

    Args:
        study: path of a study file, or the name of a built-in study; a name wins over a file of
            the same name (write ``./digits`` for that).

    Raises:
        UsageError: no such file or built-in study, or a file that cannot be read.
        SpecError: every mistake in it, with line and column.
    """
    source = os.fspath(study)
    if source in BUILT_IN:
        text = _built_in_text(source)
        return LoadedSpec(from_toml(text, source=source), source, None, text)
    text = _read(source)
    return LoadedSpec(from_toml(text, source=source), source, Path(source).absolute().parent, text)


def from_dict(
    document: Mapping[str, Any], *, source: str = "Study(...)", space: Space | None = None
) -> StudySpec:
    """A study from plain tables, as ``StudySpec.to_dict`` gives them; copies what it takes.

    Args:
        document: of the form of a study file; tuples may stand for lists.
        source: what error messages call it.
        space: what can be set; by default that of dense networks.

    Raises:
        SpecError: every mistake in it.
    """
    return _checked(document, source, {}, space or _dense())


def from_toml(text: str, *, source: str = "study.toml", space: Space | None = None) -> StudySpec:
    """A study from the text of a study file.

    Args:
        text: in TOML.
        source: what error messages call it.
        space: what can be set; by default that of dense networks.

    Raises:
        SpecError: every mistake in it, with line and column.
    """
    if not text.strip():
        message = "a study file must not be empty; start from `bakeoff init`"
        raise SpecError(source, [Mistake("", message)])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(source, [_syntax_mistake(str(error), text)]) from None
    except RecursionError:
        message = f"must not be nested deeper than {MAX_DEPTH} levels; flatten it"
        raise SpecError(source, [Mistake("", message)]) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        message = "whole numbers must fit in 64 bits, but one has thousands of digits; shorten it"
        raise SpecError(source, [_long_number_mistake(message, text)]) from None
    return _checked(document, source, positions(text), space or _dense())


def _dense() -> Space:
    from bakeoff.dense.settings import DENSE_SPACE  # here, because a space is made of this package

    return DENSE_SPACE


def _checked(document: Mapping[str, Any], source: str, places: Places, space: Space) -> StudySpec:
    findings: list[Finding] = []
    plain = plain_document(document, findings)
    newer = check_format(plain)
    if newer is not None:
        raise SpecError(source, [_mistake(newer, places)])
    findings.extend(check_document(plain, space))
    findings.extend(_chain_findings(plain, findings, space))
    if findings:
        raise SpecError(source, _mistakes(findings, places))
    return StudySpec.model_validate(plain)


def _chain_findings(plain: dict[str, Any], findings: list[Finding], space: Space) -> list[Finding]:
    """Checks the chain as far as what it is made of is right."""
    broken = {finding.path[:2] for finding in findings}
    stages = plain.get("stage")
    if any(path[0] == "base" for path in broken if path) or not isinstance(stages, list):
        return []
    records = [
        None if ("stage", i) in broken else StageSpec.model_validate(stage)
        for i, stage in enumerate(stages)
    ]
    replication = plain.get("kind") == "replication"
    return list(check_chain(plain.get("base", {}), records, space, replication=replication))


def _mistakes(findings: list[Finding], places: Places) -> list[Mistake]:
    """One mistake per place, in the order of the file; the first rule found speaks."""
    mistakes: dict[tuple[str | int, ...], Mistake] = {}
    for finding in findings:
        above = (finding.path[:length] for length in range(len(finding.path) + 1))
        if not any(path in mistakes for path in above):
            mistakes[finding.path] = _mistake(finding, places)
    return sorted(mistakes.values(), key=lambda one: (one.line or 0, one.column or 0))


def _mistake(finding: Finding, places: Places) -> Mistake:
    """With the line and column of the key or value, or of the nearest table around it."""
    line = column = None
    for length in range(len(finding.path), 0, -1):
        place = places.get(finding.path[:length])
        if place is not None:
            is_itself = length == len(finding.path)
            line, column = place.value if is_itself and not finding.at_key else place.key
            break
    return Mistake(key_path(finding.path), finding.message, line, column)


def _syntax_mistake(message: str, text: str) -> Mistake:
    """tomllib's own words, with its place taken out of them."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    what, line, column = found.groups() if found else (message, None, None)
    if line is None:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    if "\0" in text:
        what = "a NUL byte"
        before = text[: text.index("\0")]
        line = str(before.count("\n") + 1)
        column = str(len(before) - (before.rfind("\n") + 1) + 1)
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
    return Mistake("", f"must be valid TOML, but: {what}; {advice}", int(line), int(column or 1))


def _long_number_mistake(message: str, text: str) -> Mistake:
    found = re.search(r"[0-9_]{4301,}", text)
    if found is None:
        return Mistake("", message)
    before = text[: found.start()]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Mistake("", message, before.count("\n") + 1, column)


def _built_in_text(name: str) -> str:
    folder = importlib.resources.files("bakeoff.studies")
    return folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")


def _read(source: str) -> str:
    """The text of a file of any origin; never more than a study can have is read."""
    shown_source = printable(source)
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
    text = f"a study is a file or one of {names}, but there is no {shown(printable(source))}"
    path = Path(source)
    meant = nearest(path.name.removesuffix(".toml"), BUILT_IN)
    try:
        beside = {one.stem: one.name for one in sorted(path.parent.glob("*.toml"))[:1000]}
    except (OSError, ValueError):
        beside = {}
    close = nearest(path.stem, beside)
    if close is not None:
        return f"{text}; did you mean {shown(printable(str(path.with_name(beside[close]))))}?"
    if meant is not None:
        return f"{text}; did you mean {shown(meant)}?"
    return f"{text}; `bakeoff init` writes one to start from"

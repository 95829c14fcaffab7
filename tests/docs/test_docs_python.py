"""The Python examples of the pages run, and the names they stand on are the public ones."""

from __future__ import annotations

import doctest
import inspect
import os
import re
from pathlib import Path

import blocks
import pytest

import bakeoff
from bakeoff.spec import StudySpec

ROOT = blocks.ROOT
PUBLIC = {
    "BakeoffClassifier",
    "BakeoffRegressor",
    "BakeoffError",
    "Dataset",
    "Result",
    "DenseSettings",
    "Settings",
    "Store",
    "Study",
    "TrainedModel",
    "__version__",
    "compare",
    "import_notebook",
}


def test_the_public_names_are_these() -> None:
    """A name that appears or disappears is a decision, not an accident."""
    assert set(bakeoff.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(bakeoff, name) is not None


def test_every_public_name_is_documented() -> None:
    """The table of docs/python.md has one row per public name."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == PUBLIC


def test_every_option_of_the_public_functions_has_its_name_and_completes() -> None:
    """What a study file may hold is a parameter of its own; only settings have names of the model's."""
    options = set(StudySpec.model_fields) - {"format", "stage"}
    assert options <= set(inspect.signature(bakeoff.Study).parameters)
    faces = (bakeoff.Study, bakeoff.Result, bakeoff.Store, bakeoff.TrainedModel)
    methods = [one for face in faces for _, one in inspect.getmembers(face, inspect.isroutine)]
    caught = {
        f"{one.__qualname__}: **{parameter.name}"
        for one in (bakeoff.compare, bakeoff.Study.__init__, *methods)
        if str(getattr(one, "__module__", "")).startswith("bakeoff")
        for parameter in inspect.signature(one).parameters.values()
        if parameter.kind is parameter.VAR_KEYWORD
    }
    assert caught == {"Study.stage: **vary"}


def test_every_option_reaches_the_study() -> None:
    """Each with a value that is not its default."""
    options = {
        "seed": 7,
        "metric": "loss",
        "split": "last",
        "folds": 9,
        "looks": (3, 4),
        "delta": 0.25,
        "audit": False,
        "baselines": True,
        "final_replicates": 2,
        "max_models": 99,
        "engine": "reference",
        "question": "Which?",
        "description": "Told.",
    }
    study = bakeoff.Study("digits", base={"epochs": 2}, name="mine", **options)
    spec = study.stage("width", hidden=[[4], [8]]).spec
    assert {name: getattr(spec, name) for name in options} == options
    replication = bakeoff.Study("digits", kind="replication")
    replication.stage("width", hidden=[[4], [8]], carry={"hidden": [8]})
    assert replication.spec.kind == "replication"


@pytest.mark.slow
def test_python_page_runs_from_top_to_bottom(
    tmp_path: Path, readers_environment: dict[str, str]
) -> None:
    """Its blocks build on each other; sessions with >>> show what they show."""
    followed = list(blocks.walk(ROOT / "docs" / "python.md", tmp_path, readers_environment, set()))
    assert len(followed) >= 10
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert (tmp_path / "results" / "study.toml").exists()


def test_sessions_on_the_pages_show_what_python_answers(tmp_path: Path) -> None:
    """Every >>> example of every page, held against its output."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    parser = doctest.DocTestParser()
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
            for block in blocks.blocks(page):
                if block.language == "python" and ">>>" in block.text:
                    runner.run(
                        parser.get_doctest(block.text, {}, page.name, block.page, block.line)
                    )
    finally:
        os.chdir(before)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries > 0


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.name,
)
def test_python_blocks_are_python(page: Path) -> None:
    """Also where an example is a fragment, it compiles."""
    for block in blocks.blocks(page):
        if block.language == "python" and ">>>" not in block.text:
            compile(block.text, f"{block.page}:{block.line}", "exec")

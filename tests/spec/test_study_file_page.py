"""docs/study-file.md: its examples are read, its tables say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from bakeoff.dense.settings import (
    ACTIVATIONS,
    DENSE_SPACE,
    KERNEL_INITIALIZERS,
    OPTIMIZERS,
    SCHEDULES,
    DenseSettings,
)
from bakeoff.errors import SpecError
from bakeoff.spec import (
    BUILT_IN,
    CandidateSpec,
    DataSpec,
    ModelSpec,
    SearchSpec,
    StageSpec,
    StudySpec,
    TuneRange,
    built_in_text,
    from_toml,
    load,
    stage_candidates,
)
from bakeoff.spec.document import toml_value
from bakeoff.spec.space import Space
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.sklearn import brought_estimator

PAGE = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(.*)\n((?:.*\n)*?)^```$", PAGE, re.MULTILINE)
EXAMPLES = [text for language, text in BLOCKS if language == "toml"]
TOP = 'format = 1\nname = "example"\ndata = "digits"\n\n'


def table(first_column: str, section: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by the code in their first cell."""
    part = PAGE.split(f"{section}\n", 1)[1]
    lines = part[part.index(f"| {first_column} |") :].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("` "): row[1:] for row in rows}


def space_of(model: ModelSpec) -> Space:
    assert model.sklearn is not None
    return brought_estimator(model.sklearn, CLASSIFICATION).space


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_study(text: str) -> None:
    from_toml(text if text.startswith("format") else TOP + text, space_of=space_of)


def test_there_are_examples_of_everything() -> None:
    together = "".join(EXAMPLES)
    words = ("vary.", "tune.", "carry", "[[stage.candidate]]", "published", "[data]", "[base]")
    assert all(word in together for word in words)


def test_the_broken_example_is_refused_in_the_words_that_follow_it() -> None:
    (broken,) = [text for language, text in BLOCKS if language == "toml broken"]
    (words,) = [text for language, text in BLOCKS if language == "text"]
    with pytest.raises(SpecError) as caught:
        from_toml(broken)
    assert caught.value.lines() == words.splitlines()


@pytest.mark.parametrize(
    ("model", "section"),
    [
        (StudySpec, "## The study"),
        (DataSpec, "## Your own data"),
        (ModelSpec, "## Other models"),
        (StageSpec, "## Stages"),
        (CandidateSpec, "### `candidate`: full alternatives"),
        (TuneRange, "### `tune`: a fair comparison"),
        (SearchSpec, "### `search`: more values than can be compared"),
    ],
)
def test_a_table_has_every_key_with_its_default(model: type[BaseModel], section: str) -> None:
    rows = table("key", section)
    assert set(rows) == set(model.model_fields)
    for name, field in model.model_fields.items():
        default = rows[name][-1]
        if field.is_required():
            assert default == "required", name
        elif default.startswith("`") and default.count("`") == 2:
            assert default.strip("`") == toml_value(field.default), name
        else:
            # A default in words is one that the file cannot hold.
            assert field.default in (None, "", {}, ()), name


def test_the_settings_table_has_every_setting_with_its_default_and_choices() -> None:
    rows = table("setting", "## Settings")
    assert tuple(rows) == DENSE_SPACE.names
    for name, (_values, default, _source) in rows.items():
        if name == "learning_rate":
            assert default == "0.01 for `sgd`, 0.001 for the others"
        else:
            assert default.strip("`") == toml_value(DENSE_SPACE.complete({})[name]), name
    for name, choices in {
        "scale": ("none", "unit", "standard"),
        "activation": ACTIVATIONS,
        "kernel_initializer": KERNEL_INITIALIZERS,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
    }.items():
        assert tuple(re.findall(r'`"(\w+)"`', rows[name][0])) == choices


def test_the_template_is_a_study_of_several_stages() -> None:
    spec = from_toml(built_in_text("template"))
    assert spec.data == "digits"
    assert [len(stage_candidates(stage, spec.base)) for stage in spec.stage] == [4, 3, 2]


# The built-in studies.


def test_the_notebook_s_thirteen_models_are_what_it_printed() -> None:
    spec = load("mnist-notebook").spec
    assert spec.kind == "replication"
    assert (spec.split, spec.folds) == ("last", 12)
    carried = dict(spec.base)
    models = []
    for stage in spec.stage:
        candidates = stage_candidates(stage, carried)
        for one in candidates:
            settings = DENSE_SPACE.complete(one.declared)
            published = one.published
            models.append(
                (
                    one.label,
                    settings["scale"],
                    "-".join(map(str, settings["hidden"])),
                    settings["activation"],
                    settings["learning_rate"],
                    DenseSettings.of(settings).num_parameters(784, 10),
                    published and published.test_accuracy,
                    published and published.test_loss,
                )
            )
            assert (settings["batch_size"], settings["epochs"], settings["optimizer"]) == (
                32,
                10,
                "sgd",
            )
            assert settings["negative_slope"] == 0.1
            assert settings["kernel_initializer"] == "glorot_uniform"
        carried |= stage.carry or {}
    assert models == [
        ("1", "none", "32", "sigmoid", 0.1, 25450, 0.7044, 0.9166),
        ("2", "unit", "32", "sigmoid", 0.1, 25450, 0.9529, 0.1586),
        ("3a", "unit", "64-64", "sigmoid", 0.1, 55050, 0.9616, 0.1274),
        ("3b", "unit", "64-64-64", "sigmoid", 0.1, 59210, None, None),
        ("4a", "unit", "64-64", "sigmoid", 0.001, 55050, 0.5315, 2.1220),
        ("4b", "unit", "64-64", "sigmoid", 0.0001, 55050, None, None),
        ("5a", "unit", "128-64", "sigmoid", 0.001, 109386, 0.5637, 2.0219),
        ("5b", "unit", "64-128", "sigmoid", 0.001, 59850, None, None),
        ("6a", "unit", "128-64", "tanh", 0.001, 109386, 0.9064, 0.3499),
        ("6b", "unit", "128-64", "relu", 0.001, 109386, None, None),
        ("6c", "unit", "128-64", "leaky_relu", 0.001, 109386, None, None),
        ("7", "unit", "128-64", "leaky_relu", 0.01, 109386, 0.9604, 0.1319),
        ("8", "unit", "128-64", "leaky_relu", 0.01, 109386, 0.9591, 0.1384),
    ]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_stage_of_a_built_in_study_asks_a_question(name: str) -> None:
    for stage in load(name).spec.stage:
        assert stage.question.endswith("?")

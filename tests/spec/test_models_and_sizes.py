"""Models of other kinds in a study file, overrides, and files that would take for ever."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bakeoff.errors import SpecError, UsageError
from bakeoff.spec import ModelSpec, StudySpec, from_toml, stage_candidates
from bakeoff.spec.space import Space

HEAD = 'format = 1\nname = "x"\ndata = "digits"\n'
FOREST = '[model]\nsklearn = "forest"\n'


class Forest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    trees: Annotated[int, Field(ge=1)] = 100
    depth: int | None = None


def space_of(model: ModelSpec) -> Space:
    if model.reference == "missing":
        raise UsageError("model: there is no missing; install it")
    return Space(Forest)


def mistakes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        from_toml(text, space_of=space_of)
    return [line.partition(": ")[2] for line in caught.value.lines()]


def stage(lines: str) -> str:
    return f'[[stage]]\nname = "a"\n{lines}\n'


def test_the_settings_of_a_brought_model_are_its_own() -> None:
    spec = from_toml(HEAD + FOREST + stage("vary.trees = [10, 100]"), space_of=space_of)
    assert isinstance(spec.model, ModelSpec)
    assert (spec.model.kind, spec.model.reference) == ("sklearn", "forest")
    assert mistakes(HEAD + FOREST + stage("vary.tree = [10]")) == [
        'stage[0].vary.tree: unknown setting "tree"; did you mean "trees"?'
    ]
    assert mistakes(HEAD + FOREST + stage("vary.trees = [0]")) == [
        "stage[0].vary.trees[0]: `trees >= 1` must hold, but got 0; give a larger number"
    ]


def test_a_study_with_models_comes_back_from_its_own_text() -> None:
    text = HEAD + FOREST + stage("[[stage.candidate]]\n[[stage.candidate]]\nmodel = 'dense'")
    spec = from_toml(text, space_of=space_of)
    assert from_toml(spec.to_toml(), space_of=space_of) == spec
    assert StudySpec.model_validate(spec.to_dict()) == spec


def test_a_candidate_of_another_model_starts_from_its_defaults() -> None:
    text = (
        HEAD
        + "[base]\nl2 = 0.1\n"
        + stage(
            "[[stage.candidate]]\nepochs = 3\n"
            "[[stage.candidate]]\nmodel = { sklearn = 'forest' }\ntrees = 5"
        )
    )
    spec = from_toml(text, space_of=space_of)
    declared = [one.declared for one in stage_candidates(spec.stage[0], spec.base)]
    assert declared == [{"l2": 0.1, "epochs": 3}, {"model": "forest", "trees": 5}]
    assert list(spec.models) == ["dense", "forest"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[model]\nthreads = 2\n",
            "model: a model is one of sklearn, keras, function, command, but "
            "got none of them; name exactly one",
        ),
        ('[model]\nsklearn = "missing"\n', "model: model: there is no missing; install it"),
        (
            '[model]\nsklearn = "f"\nshell = true\n',
            "model.shell: `shell` belongs to a command, but this is sklearn; remove it",
        ),
        (
            '[model]\nfunction = "f"\ncolumns = "raw"\n',
            "model.columns: `columns` belongs to an estimator, but this is function; remove it",
        ),
    ],
)
def test_what_is_wrong_with_a_model_is_said(text: str, words: str) -> None:
    assert words in mistakes(HEAD + text + stage("vary.trees = [1]"))


def test_an_override_is_read_as_if_the_file_said_so() -> None:
    text = HEAD + "[base]\nepochs = 3\n" + stage("vary.scale = ['none', 'unit']")
    spec = from_toml(text, overrides=["base.epochs=50", "stage.0.name=b", "seed=7"])
    assert (spec.base["epochs"], spec.stage[0].name, spec.seed) == (50, "b", 7)
    with pytest.raises(SpecError, match=r"study.toml:4: base.epochs: `epochs >= 1` must hold"):
        from_toml(text, overrides=["base.epochs=0"])
    for wrong in ("epochs", "=3", "stage.7.name=b", "name.x=1"):
        with pytest.raises(UsageError, match="--set: must"):
            from_toml(text, overrides=[wrong])


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "a." * 200_000 + "b = 1\n",
        HEAD
        + "".join(
            f'[[stage]]\nname = "{i}"\nvary.batch_size = {list(range(1, 32))}\n'
            f"vary.epochs = {list(range(1, 32))}\n"
            for i in range(1_000)
        ),
        HEAD + stage(f"vary.l2 = {[i / 1e5 for i in range(60_000)]}"),
        HEAD + stage(f"vary.scale = ['unit']\ntune.l2 = {[i / 1e5 for i in range(60_000)]}"),
        HEAD + stage("vary.scale = " + "[" * 900 + "]" * 900),
    ],
    ids=["dots", "products", "values", "points", "brackets"],
)
def test_a_file_that_would_take_for_ever_is_refused_at_once(text: str) -> None:
    (line,) = mistakes(text)
    assert "nested" in line or "raise `max_models`" in line


def test_a_study_that_is_meant_to_be_large_says_so() -> None:
    text = HEAD + stage("vary.scale = ['none', 'unit']\ntune.l2 = [0.1, 0.2]")
    assert mistakes("max_models = 3\n" + text) == [
        "max_models: a study has at most 3 candidates, each counted once per tuning point, but up "
        "to stage[0] there are 4; split it, or raise `max_models`"
    ]
    assert from_toml("max_models = 4\n" + text).max_models == 4


def test_of_a_file_with_very_many_mistakes_the_first_thousand_are_said() -> None:
    text = HEAD + "".join(f"[t{i}]\n" for i in range(3_000)) + stage("vary.scale = ['x']")
    assert 1_000 <= len(mistakes(text)) <= 1_001


def test_warm_ups_and_epochs_of_many_stages_are_checked_together() -> None:
    """Their combinations once multiplied from stage to stage: fifteen of these took minutes."""
    grid = f"vary.warmup_epochs = {[i / 10 for i in range(30)]}\nvary.epochs = {[*range(10, 42)]}"
    text = HEAD + "".join(f'[[stage]]\nname = "{i}"\n{grid}\n' for i in range(15))
    assert len(from_toml(text).stage) == 15
    assert (
        "`warmup_epochs <= epochs` must hold"
        in mistakes(text + stage("vary.epochs = [1, 2]\nquestion = 'x'"))[0]
    )

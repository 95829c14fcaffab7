"""The study as a frozen record: what a study file may hold and what is left out means.

Knows the shape of a study and each key's own rule. What only several keys together can break is
found in ``checks``; how a file becomes a study is in ``reading``. Build one with ``from_dict`` or
``load``, which report every mistake at once, not by calling ``StudySpec``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from bakeoff.spec.parts import (
    DataSpec,
    Model,
    ModelSpec,
    Name,
    Record,
    Text,
    as_tuple,
    model_name,
    plain,
    table_or_other,
)

FORMAT = 1

MAX_CANDIDATES = 1_000
MAX_POINTS = 1_000
MAX_MODELS = 20_000
MAX_REPLICATES = 10_000

METRICS = (
    *("auto", "accuracy", "balanced_accuracy", "loss", "rmse", "mae", "r2"),
    *("roc_auc", "average_precision", "f1", "precision", "recall", "matthews_corrcoef", "brier"),
    *("median_absolute_error", "max_error", "mape"),
)
"""What can decide where the model's predictions are scored here."""


class PublishedSpec(Record):
    """What the author of a replicated work printed for one model."""

    test_accuracy: Annotated[
        Annotated[float, Field(ge=0.0, le=1.0)] | None,
        Field(description="Share of correct predictions on the test part, 0 to 1."),
    ] = None
    test_loss: Annotated[
        Annotated[float, Field(ge=0.0)] | None,
        Field(description="Mean cross-entropy on the test part, in nats."),
    ] = None


class CandidateSpec(Record):
    """One full alternative of a stage: every key that is no field of this record is a setting."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    label: Annotated[
        Name | None, Field(description="What tables and charts call this candidate.")
    ] = None
    model: Annotated[
        Model | None,
        Field(description="Another model than the study's; its settings start from its defaults."),
    ] = None
    published: Annotated[
        PublishedSpec | None,
        Field(description="In a replication: the numbers its author printed."),
    ] = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings it changes over what was carried in."""
        return dict(self.model_extra or {})


class Range(Record):
    """A range of one setting."""

    low: Annotated[int | float, Field(description="Smallest value.")]
    high: Annotated[int | float, Field(description="Largest value.")]
    scale: Annotated[
        Literal["log", "linear"],
        Field(description="Whether the points are even in the logarithm or in the value."),
    ] = "log"


class TuneRange(Range):
    """A range of one nuisance hyperparameter, covered by Sobol points."""

    points: Annotated[
        int, Field(ge=2, le=256, description="How many values are tried; a power of 2 is best.")
    ] = 8


Values = Annotated[list[Any], Field(min_length=1)]
Tuned = Annotated[
    Annotated[TuneRange, Tag("table")] | Annotated[Values, Tag("other")],
    Discriminator(table_or_other),
]


Varied = Annotated[
    Annotated[Range, Tag("table")] | Annotated[Values, Tag("other")],
    Discriminator(table_or_other),
]


class SearchSpec(Record):
    """Which values of what a stage varies compete is found by a search before."""

    sampler: Annotated[
        Literal["tpe", "random"],
        Field(description="Of Optuna's: what proposes the next values from how the others did."),
    ] = "tpe"
    runs: Annotated[
        int,
        Field(
            ge=4, le=10_000, description="Trained by the search, on replicates that do not decide."
        ),
    ]
    batch: Annotated[
        int,
        Field(ge=1, le=1_000, description="How many are proposed before it is told how they did."),
    ] = 8


class StageSpec(Record):
    """One question: what it varies over the settings that were carried in."""

    name: Annotated[Name, Field(description="Short and unique within the study.")]
    question: Annotated[Text, Field(description="What the stage asks, as the report says it.")] = ""
    vary: Annotated[
        dict[str, Varied],
        Field(
            description="Setting = list of values; several settings make their product, in the "
            "declared order. Of a search also a range."
        ),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    search: Annotated[
        SearchSpec | None,
        Field(
            description="Searches what is varied instead of making its product; the best three "
            "compete."
        ),
    ] = None
    candidate: Annotated[
        tuple[CandidateSpec, ...],
        Field(description="Full alternatives, instead of `vary`."),
        BeforeValidator(as_tuple),
    ] = ()
    tune: Annotated[
        dict[str, Tuned],
        Field(
            description="Nuisance settings, tuned for each candidate on replicates that do not "
            "decide the stage."
        ),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    carry: Annotated[
        dict[str, Any] | None,
        Field(
            description="Pins the choice: the settings of the candidate that goes on, whatever "
            "the evidence says."
        ),
    ] = None

    @property
    def found(self) -> dict[str, Any]:
        """Settings whose values are found on replicates that do not decide: tuned or searched."""
        return dict(self.vary if self.search else self.tune)


def _todays_name(metric: object) -> object:
    """Balanced accuracy was once called by its other name."""
    return "balanced_accuracy" if metric == "macro_recall" else metric


class StudySpec(Record):
    """A study: an ordered list of stages on one dataset.

    Frozen; everything in it was checked when it came from ``from_dict`` or ``load``.
    """

    format: Annotated[Literal[1], Field(description="Version of this file format.")]
    name: Annotated[Name, Field(description="What the report and the store call the study.")]
    kind: Annotated[
        Literal["study", "replication"],
        Field(
            description="A study chooses by evidence; a replication follows its author's pinned "
            "choices and compares with published numbers."
        ),
    ] = "study"
    question: Annotated[Text, Field(description="What the study as a whole asks.")] = ""
    description: Annotated[Text, Field(description="Anything a reader should know.")] = ""
    model: Annotated[
        Model, Field(description="What is trained: dense networks, or a table that says what.")
    ] = "dense"
    data: Annotated[
        Annotated[DataSpec, Tag("table")]
        | Annotated[Annotated[str, StringConstraints(min_length=1)], Tag("other")],
        Discriminator(table_or_other),
        Field(
            description="Name of a dataset, path of a file or folder, or a table; left out where "
            "the model reads data of its own."
        ),
    ] = ""
    baselines: Annotated[
        bool | None,
        Field(
            description="Train logistic or ridge regression and boosted trees on the same folds, to "
            "be held against what is chosen. Left out: where networks are trained on a table."
        ),
    ] = None
    seed: Annotated[
        int, Field(ge=0, le=2**63 - 1, description="Of every random stream of the study.")
    ] = 0
    split: Annotated[
        Literal["folds", "last", "time"],
        Field(
            description="Validation parts: stratified folds, or always the last 1/folds of the "
            "training data, as Keras's validation_split takes it, or later pieces of rows that are in "
            "the order of time, each after all that trains."
        ),
    ] = "folds"
    folds: Annotated[int, Field(ge=2, le=1_000, description="Validation share is 1/folds.")] = 12
    looks: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MAX_REPLICATES)], ...],
        Field(
            min_length=1,
            max_length=100,
            description="Numbers of replicates at which the evidence is looked at, increasing.",
        ),
        BeforeValidator(as_tuple),
    ] = (3, 5, 8, 12)
    delta: Annotated[
        Annotated[float, Field(ge=0.0)] | None,
        Field(
            description="Smallest difference that matters, in units of the metric: 0.002 is 0.2 "
            "points of accuracy. Left out, of a share: 10 % of the leader's error at the first look, "
            "at least 0.002 and at most 0.005; of another metric 1 % of the leader's value."
        ),
    ] = None
    metric: Annotated[
        Name,
        Field(
            description="What decides: validation accuracy or balanced_accuracy (more is better) "
            "or loss (less is better), or a metric of the model's own; auto lets the data decide.",
            examples=list(METRICS),
        ),
        BeforeValidator(_todays_name),
    ] = "auto"
    max_models: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Most candidates, counted once per tuning point, that all stages together "
            "may have: a guard against a product that was not meant.",
        ),
    ] = MAX_MODELS
    engine: Annotated[
        Literal["auto", "native", "reference"],
        Field(description="auto takes the compiled engine where there is one."),
    ] = "auto"
    audit: Annotated[
        bool,
        Field(description="Whether the choices are swapped back at the end to find interactions."),
    ] = True
    final_replicates: Annotated[
        int,
        Field(ge=1, le=MAX_REPLICATES, description="How often the final candidate is refitted."),
    ] = 5
    base: Annotated[
        dict[str, Any],
        Field(description="Settings that every stage starts from; the rest have their defaults."),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    stage: Annotated[
        tuple[StageSpec, ...],
        Field(min_length=1, description="The questions, in the order they are asked."),
        BeforeValidator(as_tuple),
    ]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, tables, text and numbers; ``from_dict`` gives an equal study back.

        Defaults are written out; what is unset or empty is left out.
        """
        values: dict[str, Any] = plain(self.model_dump(exclude_none=True))
        for stage in values["stage"]:
            for key in ("vary", "candidate", "tune"):
                if not stage[key]:
                    del stage[key]
        # A study without them is written as the versions wrote it that did not know them.
        for key in ("data", "model", "max_models"):
            if values[key] == type(self).model_fields[key].default:
                del values[key]
        if isinstance(values.get("data"), dict):
            values["data"] = {key: one for key, one in values["data"].items() if one != []}
        return values

    @property
    def models(self) -> dict[str, ModelSpec | Literal["dense"]]:
        """Every model of the study by its name, its own first."""
        found = {model_name(self.model): self.model}
        for stage in self.stage:
            for entry in stage.candidate:
                if entry.model is not None:
                    found.setdefault(model_name(entry.model), entry.model)
        return found

    def to_toml(self) -> str:
        """A study file without the keys that have their defaults; ``load`` gives an equal study."""
        from bakeoff.spec.document import study_to_toml

        return study_to_toml(self)

"""The parts of a study file that say what is learned: its data and its model, as frozen records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

MAX_NAME = 1_000
MAX_TEXT = 20_000

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


def as_tuple(value: object) -> object:
    """TOML and JSON give lists where the frozen record holds a tuple."""
    return tuple(value) if isinstance(value, list) else value


NONE = "none"
"""How a study file, which has no word for it, spells None."""


def plain(value: Any) -> Any:
    """Tuples as lists, tables without what is unset: the form that a file has."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def table_or_other(value: object) -> str:
    """Tag that tells a table from the other form a key may have."""
    return "table" if isinstance(value, dict | BaseModel) else "other"


class Record(BaseModel):
    """What every part of a study file is: frozen, and without keys that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


ColumnName = Annotated[str, StringConstraints(min_length=1)]


def _as_names(value: object) -> object:
    """One column's name may stand without a list."""
    return (value,) if isinstance(value, str) else as_tuple(value)


Columns = Annotated[tuple[ColumnName, ...], BeforeValidator(_as_names)]


class DataSpec(Record):
    """The user's own data; how each format is read is the business of ``bakeoff.data``."""

    path: Annotated[
        str,
        StringConstraints(min_length=1),
        Field(description="File or folder, relative to the study file."),
    ]
    target: Annotated[
        str | int | None,
        Field(description="Name of the array or name or 0-based number of the label column."),
    ] = None
    task: Annotated[
        Literal["classification", "regression"] | None,
        Field(description="What is predicted: classes or numbers; left out, told by the target."),
    ] = None
    features: Annotated[Columns, Field(description="The only columns that are used.")] = ()
    drop: Annotated[Columns, Field(description="Columns that are left out.")] = ()
    id: Annotated[Columns, Field(description="Columns that name the rows; left out.")] = ()
    categorical: Annotated[
        Columns, Field(description="Columns that are categories, whatever they look like.")
    ] = ()
    numeric: Annotated[
        Columns, Field(description="Columns that are numbers; words in them count as gaps.")
    ] = ()
    date: Annotated[Columns, Field(description="Columns that are dates.")] = ()
    drop_unlabelled: Annotated[
        bool,
        Field(description="Whether rows without a target are left out; else they are refused."),
    ] = False
    weights: Annotated[
        ColumnName | None, Field(description="Column that says how much each row counts.")
    ] = None
    groups: Annotated[
        ColumnName | None,
        Field(description="Column of groups that are never split between training and validation."),
    ] = None
    fold: Annotated[
        ColumnName | None, Field(description="Column that says in which fold each row validates.")
    ] = None
    validation: Annotated[
        Annotated[str, StringConstraints(min_length=1)] | None,
        Field(description="Table of rows that validate, relative to the study file."),
    ] = None
    test: Annotated[
        Annotated[str, StringConstraints(min_length=1)] | None,
        Field(description="File or folder of the test part, relative to the study file."),
    ] = None
    test_fraction: Annotated[
        Annotated[float, Field(gt=0.0, lt=1.0)] | None,
        Field(description="Share of the examples set aside as the test part; left out, a sixth."),
    ] = None
    image_shape: Annotated[
        Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=2, max_length=3),
            BeforeValidator(as_tuple),
        ]
        | None,
        Field(description="[height, width] or [height, width, channels] of one example."),
    ] = None
    name: Annotated[
        Name | None, Field(description="What the report calls the data; else the file's name.")
    ] = None


class ModelSpec(Record):
    """What is trained instead of dense networks; exactly one of the four kinds is given."""

    sklearn: Annotated[
        Name | None,
        Field(description="Import path of an estimator, or `file.py:name` of one or its maker."),
    ] = None
    keras: Annotated[
        Name | None, Field(description="`file.py:function` that builds a keras.Model.")
    ] = None
    function: Annotated[Name | None, Field(description="`file.py:function` that trains.")] = None
    command: Annotated[
        Name | None, Field(description="A program with its `{placeholders}`, in any language.")
    ] = None
    timeout: Annotated[
        Annotated[float, Field(gt=0.0)] | None, Field(description="Seconds that a run may take.")
    ] = None
    threads: Annotated[int, Field(ge=1, le=10_000, description="Cores that a run may use.")] = 1
    gpus: Annotated[
        int | float,
        Field(ge=0.0, le=10_000, description="GPUs that a run gets; 0.25: four runs share one."),
    ] = 0
    memory: Annotated[
        Annotated[float, Field(gt=0.0)] | None,
        Field(description="Memory that a run may use, in GiB."),
    ] = None
    inputs: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1)], ...],
        Field(description="Files whose content belongs to the model, relative to the study file."),
        BeforeValidator(as_tuple),
    ] = ()
    columns: Annotated[
        Literal["encoded", "raw"] | None,
        Field(
            description="Whether an estimator takes the columns of a table as numbers alone or as "
            "they are; left out, as they are where a ColumnTransformer picks them."
        ),
    ] = None
    shell: Annotated[bool, Field(description="Whether the command is a line for a shell.")] = False
    settings: Annotated[
        dict[str, Any],
        Field(
            description="Of a command: placeholder = default, or a table of type, default, low, "
            "high and choices."
        ),
    ] = {}
    metrics: Annotated[
        dict[str, Literal["max", "min"]],
        Field(description="Metrics that the model itself reports, and whether more is better."),
    ] = {}

    @property
    def kind(self) -> str:
        """``sklearn``, ``keras``, ``function`` or ``command``."""
        return next(kind for kind in MODEL_KINDS if getattr(self, kind) is not None)

    @property
    def reference(self) -> str:
        """What is trained: an import path, a file and a name in it, or a command."""
        return str(getattr(self, self.kind))


MODEL_KINDS = ("sklearn", "keras", "function", "command")
DENSE = "dense"
Model = Annotated[
    Annotated[ModelSpec, Tag("table")] | Annotated[Literal["dense"], Tag("other")],
    Discriminator(table_or_other),
]


def model_name(model: ModelSpec | Literal["dense"]) -> str:
    """What a model is called where several meet."""
    return model if isinstance(model, str) else model.reference

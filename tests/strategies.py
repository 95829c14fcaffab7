"""Hypothesis strategies that several test folders share: settings, stages and whole studies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bakeoff.dense.settings import (
    ACTIVATIONS,
    DENSE_SPACE,
    KERNEL_INITIALIZERS,
    OPTIMIZERS,
    SCHEDULES,
)
from bakeoff.settings import Settings


def _floats(
    low: float, high: float, *, exclude_min: bool = False, exclude_max: bool = False
) -> Any:
    return st.floats(low, high, exclude_min=exclude_min, exclude_max=exclude_max, width=64)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "scale": st.sampled_from(["none", "unit", "standard"]),
    "hidden": st.lists(st.integers(1, 300), max_size=4),
    "activation": st.sampled_from(ACTIVATIONS),
    "negative_slope": _floats(0.0, 1.0),
    "kernel_initializer": st.sampled_from(KERNEL_INITIALIZERS),
    "dropout": _floats(0.0, 1.0, exclude_max=True),
    "l2": _floats(0.0, 10.0),
    "optimizer": st.sampled_from(OPTIMIZERS),
    "momentum": _floats(0.0, 1.0, exclude_max=True),
    "nesterov": st.booleans(),
    "weight_decay": _floats(0.0, 1.0),
    "learning_rate": _floats(0.0, 10.0, exclude_min=True),
    "schedule": st.sampled_from(SCHEDULES),
    "decay_rate": _floats(0.0, 1.0, exclude_min=True),
    "warmup_epochs": _floats(0.0, 3.0),
    "batch_size": st.integers(1, 512),
    "epochs": st.integers(3, 40),
    "label_smoothing": _floats(0.0, 1.0, exclude_max=True),
    "patience": st.integers(0, 5),
    "class_weight": st.sampled_from(["none", "balanced"]),
}
"""One strategy per setting; any of their values go together (warm-ups of at most 3 epochs)."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = TEXT.map(lambda text: text + "x")


@st.composite
def settings_dicts(draw: st.DrawFn, *, min_size: int = 0) -> dict[str, Any]:
    """Some settings with valid values, in any order."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, min_size=min_size))
    return {name: draw(VALUES[name]) for name in names}


def full_settings_records() -> st.SearchStrategy[Settings]:
    """Valid ``Settings`` in which every value was drawn."""
    return st.fixed_dictionaries(VALUES).map(DENSE_SPACE.complete)


@st.composite
def _ranges(draw: st.DrawFn, name: str) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(VALUES[name], min_size=2, max_size=2, unique=True)))
    scale = draw(st.sampled_from(["log", "linear"])) if low > 0 else "linear"
    return {"low": low, "high": high, "scale": scale, "points": draw(st.integers(2, 20))}


@st.composite
def stage_dicts(draw: st.DrawFn, name: str, *, kind: str = "study") -> dict[str, Any]:
    """One valid stage; its candidates differ whatever was carried in, as far as names tell."""
    stage: dict[str, Any] = {"name": name, "question": draw(TEXT)}
    # Settings that have an effect whatever the others are, so that no two candidates are one.
    always = ["scale", "kernel_initializer", "learning_rate", "batch_size", "l2"]
    asked = draw(st.lists(st.sampled_from(always), unique=True, min_size=1, max_size=2))
    values = {
        key: draw(st.lists(VALUES[key], min_size=1, max_size=3, unique=True)) for key in asked
    }
    if kind == "study" and draw(st.booleans()) and draw(st.booleans()):
        number = draw(st.sampled_from(["learning_rate", "batch_size", "epochs"]))
        found = {key: one for key, one in draw(_ranges(number)).items() if key != "points"}
        search = {
            "sampler": draw(st.sampled_from(["tpe", "random"])),
            "runs": draw(st.integers(4, 99)),
        }
        return {**stage, "search": search, "vary": {**values, number: found}}
    if draw(st.booleans()):
        stage["vary"] = values
    else:
        length = min(len(one) for one in values.values())
        entries = [{key: values[key][i] for key in asked} for i in range(length)]
        for i, entry in enumerate(entries):
            if draw(st.booleans()):
                entry["label"] = draw(TEXT) + str(i)
            if kind == "replication" and draw(st.booleans()):
                entry["published"] = {"test_accuracy": draw(st.floats(0.0, 1.0))}
        stage["candidate"] = entries
    if kind == "replication" or draw(st.booleans()):
        stage["carry"] = {key: values[key][0] for key in asked}
    free = [key for key in ("dropout", "momentum", "batch_size", "epochs") if key not in asked]
    if kind == "study" and draw(st.booleans()):
        tuned = draw(st.sampled_from(free))
        stage["tune"] = {
            tuned: draw(
                st.one_of(
                    st.lists(VALUES[tuned], min_size=1, max_size=3, unique=True), _ranges(tuned)
                )
            )
        }
    return stage


@st.composite
def study_dicts(draw: st.DrawFn) -> dict[str, Any]:
    """A valid study in the form of a study file."""
    kind = draw(st.sampled_from(["study", "replication"]))
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    optional: dict[str, st.SearchStrategy[Any]] = {
        "question": TEXT,
        "description": TEXT,
        "seed": st.integers(0, 2**63 - 1),
        "split": st.sampled_from(["folds", "last"]),
        "folds": st.integers(2, 20),
        "looks": st.lists(st.integers(1, 50), min_size=1, max_size=5, unique=True).map(sorted),
        "delta": st.floats(0.0, 1.0),
        "metric": st.sampled_from(["auto", "accuracy", "balanced_accuracy", "loss"]),
        "engine": st.sampled_from(["auto", "native", "reference"]),
        "audit": st.booleans(),
        "final_replicates": st.integers(1, 20),
        "base": settings_dicts(),
    }
    data = st.one_of(
        NAME,
        st.fixed_dictionaries(
            {"path": NAME},
            optional={
                "target": st.one_of(st.integers(-3, 100), NAME),
                "test_fraction": st.floats(0.01, 0.99),
                "image_shape": st.lists(st.integers(1, 64), min_size=2, max_size=3),
                "name": NAME,
            },
        ),
    )
    study = draw(
        st.fixed_dictionaries(
            {"format": st.just(1), "name": NAME, "kind": st.just(kind), "data": data},
            optional=optional,
        )
    )
    return {**study, "stage": [draw(stage_dicts(name, kind=kind)) for name in names]}

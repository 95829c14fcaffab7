"""Records for the tests of the store: fixed ones, drawn ones, and equality that sees every bit."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.dense.base import Layer, Scaling, model_arrays
from bakeoff.dense.settings import ACTIVATIONS, DENSE_SPACE, OPTIMIZERS, DenseSettings
from bakeoff.records import (
    Candidate,
    Claim,
    ClassificationExam,
    Comparison,
    DataSummary,
    Environment,
    Final,
    LintFinding,
    Mistaken,
    Run,
    StageResult,
    StudyResult,
    TestOpening,
    Verdict,
)
from bakeoff.settings import Settings

ENGINE = "reference/1/numpy"
NAMES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
STARTED_AT = "2025-01-02T03:04:05+00:00"
DATA = DataSummary(
    name="digits",
    hash="d" * 64,
    num_train=1000,
    num_validation=90,
    num_test=300,
    num_features=64,
    num_classes=10,
    class_names=tuple("0123456789"),
    feature_names=(),
    image_shape=(8, 8),
    class_counts=(109,) * 10,
    zero_share=0.49,
    duplicates_across_splits=0,
)
ENVIRONMENT = Environment(
    bakeoff="0.1.0",
    python="3.11.0",
    numpy="2.0.0",
    platform="Linux",
    cpu="a processor",
    num_cores=2,
    engine=ENGINE,
)
SPEC: dict[str, Any] = {
    "format": 1,
    "name": "digits",
    "metric": "accuracy",
    "split": "folds",
    "looks": [3, 5],
    "stage": [{"name": "width", "vary": {"hidden": [[16], [32]]}}],
}


def key_of(number: int) -> str:
    """A key of the driver's shape; the number comes first, as hash digits would."""
    return f"{number:08x}".ljust(64, "0")


def sample_run(number: int, *, epochs: int = 3, **changes: Any) -> Run:
    """A finished run, always the same for the same arguments."""
    generator = np.random.default_rng(number)
    curves = [generator.random(epochs) for _ in range(4)]
    values: dict[str, Any] = {
        "key": key_of(number),
        "replicate": number % 12,
        "status": "finished",
        "reason": None,
        "metrics": {
            **{name: float(curve[-1]) for name, curve in zip(NAMES, curves, strict=True)},
            "val_balanced_accuracy": 1 / 3,
        },
        "curves": dict(zip(NAMES, curves, strict=True)),
        "notes": {"health": [{"dead": 0.0, "saturated": 0.125}]},
        "train_seconds": 0.25,
        "engine": ENGINE,
    }
    return Run(**(values | changes))


def begin(store: Any, name: str = "digits", **changes: Any) -> int:
    """A study begun with the fixed records."""
    values: dict[str, Any] = {
        "kind": "study",
        "seed": 7,
        "data": DATA,
        "environment": ENVIRONMENT,
        "engine": ENGINE,
        "started_at": STARTED_AT,
    }
    spec = changes.pop("spec", SPEC)
    return int(store.begin_study(name, spec, **(values | changes)))


def candidate(label: str, width: int, **changes: Any) -> Candidate:
    settings = dense_settings(width)
    return Candidate(
        label=label,
        settings=settings,
        declared={"hidden": (width,)},
        cost=(
            ("parameters", float(DenseSettings.of(settings).num_parameters(64, 10))),
            (
                "operations",
                float(DenseSettings.of(settings).operations_per_epoch(64, 10, 1000) * 10),
            ),
        ),
        **changes,
    )


def sample_stage(first_run: int = 0, *, replicates: int = 3) -> StageResult:
    """Two candidates, one a clear winner."""
    candidates = (candidate("hidden=16", 16), candidate("hidden=32", 32))
    comparison = Comparison(1, 0, replicates, 0.02, 0.003, 0.004, 0.01, 0.03, 0.9875, False)
    return StageResult(
        name="width",
        question="How wide?",
        varied=("hidden",),
        candidates=candidates,
        runs=tuple(
            tuple(
                sample_run(first_run + index * replicates + replicate, replicate=replicate)
                for replicate in range(replicates)
            )
            for index in range(len(candidates))
        ),
        verdict=Verdict(
            kind="winner",
            chosen="hidden=32",
            leader="hidden=32",
            reason="hidden=32 is better than hidden=16 by 2.0 points.",
            comparison=comparison,
            comparisons=(comparison,),
            best=("hidden=32",),
            beaten=("hidden=16",),
            failed=(),
            num_replicates=replicates,
            metric="accuracy",
            delta=0.002,
        ),
        seconds=1.5,
    )


LATER = {"class_weight", "patience"}


def dense_settings(width: int) -> Settings:
    """Those that the golden stores were made with: two came later."""
    made = DENSE_SPACE.complete({"hidden": (width,)})
    values = {name: value for name, value in made.items() if name not in LATER}
    return Settings(values, made.inert)


def sample_result(name: str = "digits", first_run: int = 0) -> StudyResult:
    """A finished study with one stage and a final step."""
    generator = np.random.default_rng(first_run)
    opening = TestOpening("e" * 64, name, "final", STARTED_AT, 1)
    final_run = sample_run(
        first_run + 1000,
        metrics={
            **{n: v for n, v in sample_run(first_run + 1000).metrics.items() if n[:3] != "val"},
            "test_loss": 0.1,
            "test_accuracy": 0.97,
            "test_balanced_accuracy": 0.96,
        },
    )
    return StudyResult(
        name=name,
        kind="study",
        spec=SPEC,
        seed=7,
        metric="accuracy",
        split="folds",
        looks=(3, 5),
        data=DATA,
        engine=ENGINE,
        stages=(sample_stage(first_run),),
        audit=(),
        lint=(LintFinding("L003", "warning", "The best value is at the edge.", "Widen.", "l003"),),
        claims=(Claim("number", "0.95", 0.95, 0.96, 0.01, None, None, "holds", "It holds."),),
        final=Final(
            settings=dense_settings(32),
            cost=(("parameters", 2410.0),),
            runs=(final_run,),
            delivered=0,
            opening=opening,
            exam=ClassificationExam(
                confusion=generator.integers(0, 30, (10, 10)),
                reliability=generator.random((15, 3)),
                calibration_error=0.01,
                mistakes=(Mistaken(3, 1, 7, 0.99, generator.integers(0, 17, 64).astype(np.uint8)),),
            ),
            model=model_arrays(
                (
                    Layer(generator.random((64, 32), np.float32), generator.random(32, np.float32)),
                    Layer(generator.random((32, 10), np.float32), generator.random(10, np.float32)),
                ),
                Scaling(np.zeros(1, np.float32), np.full(1, 1 / 16, np.float32)),
            ),
        ),
        openings=(opening,),
        environment=ENVIRONMENT,
        num_trained=7,
        num_reused=0,
        seconds=2.5,
        started_at=STARTED_AT,
    )


def difference(first: Any, second: Any, place: str = "value") -> str | None:
    """Where two records differ, or None; arrays must agree in dtype, shape and every bit."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        same = (
            first.dtype == second.dtype
            and first.shape == second.shape
            and first.tobytes() == second.tobytes()
        )
        return None if same else f"{place}: {first!r} is not {second!r}"
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if list(first) != list(second):
            return f"{place}: keys {list(first)} are not {list(second)}"
        parts = [(f"{place}[{key!r}]", first[key], second[key]) for key in first]
    elif dataclasses.is_dataclass(first) and type(first) is type(second):
        parts = [
            (f"{place}.{field.name}", getattr(first, field.name), getattr(second, field.name))
            for field in dataclasses.fields(first)
        ]
    elif isinstance(first, tuple | list) and type(first) is type(second):
        if len(first) != len(second):
            return f"{place}: {len(first)} items are not {len(second)}"
        parts = [
            (f"{place}[{index}]", one, other)
            for index, (one, other) in enumerate(zip(first, second, strict=True))
        ]
    else:
        # repr: tells 1 from 1.0 and True, 0.0 from -0.0, and nan is nan.
        same = type(first) is type(second) and repr(first) == repr(second)
        return None if same else f"{place}: {first!r} is not {second!r}"
    for inner, one, other in parts:
        found = difference(one, other, inner)
        if found is not None:
            return found
    return None


def assert_same(first: Any, second: Any) -> None:
    """Fails with the first place where two records differ."""
    found = difference(first, second)
    assert found is None, found


# Drawn records. Strategies follow the annotations, so a new field of a record is drawn too.

_floats = st.floats(width=64)
_seconds = st.floats(0, 1e9)
_words = st.text(st.characters(codec="utf-8"), max_size=8)
_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | _floats | _words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(
            _words | st.sampled_from(["$tuple", "$float", "$$x", "$"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
_mappings = st.dictionaries(_words, _plain, max_size=3)
_settings = st.fixed_dictionaries(
    {
        "hidden": st.lists(st.integers(1, 300), max_size=3),
        "activation": st.sampled_from(ACTIVATIONS),
        "optimizer": st.sampled_from(OPTIMIZERS),
        "learning_rate": st.floats(1e-9, 1e6),
        "dropout": st.floats(0, 1, exclude_max=True),
    }
).map(DENSE_SPACE.complete)
_arrays = hnp.arrays(
    st.sampled_from([np.uint8, np.int32, np.int64, np.float32, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@st.composite
def _curves(draw: st.DrawFn) -> dict[str, Any]:
    epochs = draw(st.integers(1, 4))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    finite = hnp.arrays(np.float64, epochs, elements=st.floats(allow_nan=False))
    return {name: draw(finite) for name in sorted(names, key=NAMES.index)}


_METRICS = (*NAMES, "val_balanced_accuracy", "test_loss", "test_accuracy")
_metrics = st.dictionaries(
    st.sampled_from(_METRICS), st.floats(allow_nan=False, allow_infinity=False)
).map(lambda found: {name: found[name] for name in _METRICS if name in found})
_health = st.lists(
    st.fixed_dictionaries({"dead": st.floats(0, 1), "saturated": st.floats(0, 1)}), max_size=3
)


def strategy_for(kind: Any, runs: st.SearchStrategy[Run]) -> st.SearchStrategy[Any]:
    """Values of an annotation of ``bakeoff.records``."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Run:
        return runs
    if kind is Settings:
        return _settings
    if kind is StageResult:
        return _stages(runs)
    if origin is np.ndarray:
        return _arrays
    if origin in (typing.Union, types.UnionType):
        return st.one_of(
            *(
                st.none() if part is types.NoneType else strategy_for(part, runs)
                for part in arguments
            )
        )
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(strategy_for(arguments[0], runs), max_size=2).map(tuple)
        return st.tuples(*(strategy_for(part, runs) for part in arguments))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        is_of_arrays = typing.get_origin(arguments[1]) is np.ndarray
        return st.dictionaries(_words, _arrays, max_size=3) if is_of_arrays else _mappings
    if dataclasses.is_dataclass(kind):
        return _record(kind, runs)
    small_integers = st.integers(-(2**53), 2**53)
    return {str: _words, int: small_integers, float: _floats, bool: st.booleans()}[kind]


def _record(
    kind: Any, runs: st.SearchStrategy[Run], /, **fixed: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind,
        **{
            field.name: fixed[field.name]
            if field.name in fixed
            else strategy_for(hints[field.name], runs)
            for field in dataclasses.fields(kind)
        },
    )


def _stages(runs: st.SearchStrategy[Run]) -> st.SearchStrategy[StageResult]:
    pair = st.tuples(strategy_for(Candidate, runs), st.lists(runs, max_size=2).map(tuple))
    stage = _record(StageResult, runs, candidates=st.just(()), runs=st.just(()), seconds=_seconds)

    def with_pairs(stage: StageResult, pairs: list[tuple[Candidate, tuple[Run, ...]]]) -> Any:
        candidates, of_candidates = zip(*pairs, strict=True)
        return dataclasses.replace(stage, candidates=candidates, runs=of_candidates)

    return st.builds(with_pairs, stage, st.lists(pair, min_size=1, max_size=2))


def drawn_run(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Run]:
    """Any run that the store may be given."""
    defaults: dict[str, st.SearchStrategy[Any]] = {
        "key": st.text("0123456789abcdef", min_size=8, max_size=8),
        "replicate": st.integers(0, 1000),
        "train_seconds": _seconds,
        "metrics": _metrics,
        "curves": _curves(),
        "notes": st.fixed_dictionaries({"health": _health}),
        "reused": st.just(False),
    }
    return _record(Run, st.nothing(), **(defaults | fixed))


def drawn_result() -> st.SearchStrategy[StudyResult]:
    """Any result of a study; runs of one key are one run, however often it occurs."""
    pool = st.shared(
        st.lists(drawn_run(), min_size=1, max_size=4, unique_by=lambda run: run.key), key="runs"
    )
    one_of_them = st.builds(
        lambda runs, index, reused: dataclasses.replace(runs[index % len(runs)], reused=reused),
        pool,
        st.integers(0, 3),
        st.booleans(),
    )
    return _record(
        StudyResult, one_of_them, seconds=_seconds, name=_words, seed=st.integers(0, 2**63 - 1)
    )

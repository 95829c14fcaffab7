"""A function as a trainable: its signature is the schema, what it returns is scored or believed."""

from __future__ import annotations

import os
import random
import threading
from typing import Literal

import numpy as np
import pytest
from pydantic import ValidationError
from trainable_work import Watch, blobs, request, train, train_in_processes

from bakeoff.errors import UsageError
from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.brought import declared_task
from bakeoff.trainables.function import brought_function

DECLARED = declared_task({"val_loss": "min"})


def of(function, task=CLASSIFICATION, **more):
    return brought_function(function, task, **more)


def centroids(data):
    return np.stack([data.x_train[data.y_train == k].mean(axis=0) for k in range(data.num_classes)])


def nearest(data, *, seed, shift=0.0, kind: Literal["hard", "soft"] = "soft"):
    """Nearest centroid: a whole learner in three lines."""
    centres = centroids(data) + shift

    def predict(x):
        distances = -((x[:, None, :] - centres) ** 2).sum(axis=2)
        return distances if kind == "soft" else distances.argmax(axis=1)

    return predict


def test_the_signature_is_the_schema():
    def learn(data, width: int = 8, *, seed, rate=0.1, act: Literal["relu", "tanh"] = "relu",
              wide=False, sizes=(8, 8), depth: int | None = None, note=None, hook=print): ...  # fmt: skip

    space = of(learn).space
    assert space.defaults == {
        "width": 8, "rate": 0.1, "act": "relu", "wide": False,
        "sizes": (8, 8), "depth": None, "note": None,
    }  # fmt: skip
    assert space.integers == {"width", "depth"}
    full = space.complete({"width": 16, "sizes": [4], "depth": "none", "rate": 1})
    assert (full["width"], full["sizes"], full["depth"], full["rate"]) == (16, (4,), None, 1.0)
    for wrong in ({"width": 1.5}, {"act": "gelu"}, {"widht": 3}, {"wide": 1}, {"rate": "fast"}):
        with pytest.raises(ValidationError):
            space.complete(wrong)


def test_a_parameter_without_default_must_be_given():
    def learn(data, *, seed, rate): ...

    space = of(learn).space
    assert space.complete({"rate": 0.5})["rate"] == 0.5
    with pytest.raises(ValidationError):
        space.complete({})


def test_a_parameter_that_no_file_could_hold_is_a_usage_error():
    def learn(data, *, seed, model: np.ndarray): ...

    with pytest.raises(UsageError, match="`model` of learn has no default"):
        of(learn)


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_what_predicts_is_scored(kind):
    outcome = train(of(nearest), {"kind": kind})
    assert outcome.stopped is None
    assert outcome.metrics["val_accuracy"] > 0.8
    assert outcome.metrics["val_balanced_accuracy"] > 0.8
    assert ("val_loss" in outcome.metrics) == (kind == "soft")
    assert outcome.seconds > 0


def test_an_object_that_predicts_probabilities_is_scored_by_them():
    class Model:
        def predict_proba(self, x):
            return np.full((len(x), 3), 1 / 3)

        def predict(self, x):
            raise AssertionError

    outcome = train(of(lambda data, *, seed: Model()))
    assert outcome.metrics["val_loss"] == pytest.approx(np.log(3))


def test_a_mapping_is_believed():
    outcome = train(of(lambda *, seed: {"val_loss": 0.5, "other": np.float32(2)}, DECLARED))
    assert outcome.metrics == {"val_loss": 0.5, "val_other": 2.0}


def test_a_generator_makes_curves_and_ends_when_it_is_asked_to():
    ended = []

    def learn(data, *, seed, epochs=4):
        try:
            for epoch in range(epochs):
                yield {"val_loss": 1.0 / (epoch + 1), "train_loss": 0.0}
        finally:
            ended.append(True)
        return {"val_loss": 0.1}

    watch = Watch()
    outcome = train(of(learn, DECLARED), watch=watch)
    assert outcome.metrics == {"val_loss": 0.1}
    np.testing.assert_allclose(outcome.curves["val_loss"], [1, 1 / 2, 1 / 3, 1 / 4])
    assert [epoch for _, epoch, _ in watch.epochs] == [1, 2, 3, 4]
    cut = train(of(learn, DECLARED), watch=Watch(after=2))
    assert (cut.stopped, len(cut.curves["val_loss"]), len(ended)) == ("cancelled", 2, 2)


def test_a_generator_that_returns_nothing_is_believed_by_its_last_epoch():
    def learn(data, *, seed):
        yield {"loss": 2.0}
        yield {"loss": 1.0}

    assert train(of(learn, DECLARED)).metrics == {"val_loss": 1.0}


def returns(value):
    return lambda data, *, seed: value(data) if callable(value) else value


@pytest.mark.parametrize(
    ("value", "task", "stopped", "reason"),
    [
        (None, CLASSIFICATION, "raised", "returned nothing, where something that predicts"),
        (3, CLASSIFICATION, "raised", "returned a value of type int, where something that"),
        (3, DECLARED, "raised", "returned a value of type int, where a mapping"),
        ({"acc": 1}, DECLARED, "raised", "gave no loss, but acc"),
        ({"loss": "low"}, DECLARED, "raised", "gave loss as a value of type str"),
        ({"loss": float("nan")}, DECLARED, "diverged", "val_loss is nan"),
        (lambda data: lambda x: np.zeros((5, 3)), CLASSIFICATION, "raised", "predicts shape (5, 3) for 40"),
        (lambda data: lambda x: np.full((len(x), 3), np.nan), CLASSIFICATION, "raised", "not finite"),
        (lambda data: lambda x: np.full(len(x), 7), CLASSIFICATION, "raised", "classes from 7 to 7"),
        (lambda data: lambda x: ["a"] * len(x), CLASSIFICATION, "raised", "no array of numbers"),
    ],
)  # fmt: skip
def test_garbage_is_a_failed_run_with_a_sentence(value, task, stopped, reason):
    outcome = train(of(returns(value), task))
    assert outcome.stopped == stopped
    assert reason in outcome.reason


def test_a_raise_is_a_failed_run_with_its_traceback():
    def learn(data, *, seed):
        raise ZeroDivisionError("no \x1b[2J")

    outcome = train(of(learn))
    assert (outcome.stopped, outcome.reason) == ("raised", "ZeroDivisionError: no \x1b[2J")
    assert "in learn" in outcome.notes["traceback"]
    assert train(of(lambda data, *, seed: exit(3))).reason == "called sys.exit(3)"

    def two_lines(data, *, seed):
        error = ValueError("bad luck\nsecond line")
        error.add_note("a note")
        raise error

    assert train(of(two_lines)).reason == "ValueError: bad luck"


def test_the_same_seed_draws_the_same_numbers_whatever_a_run_did_before():
    def learn(*, seed):
        random.seed(seed)
        return {"loss": random.random() + np.random.rand()}  # noqa: NPY002

    def unseeded(*, seed):
        return {"loss": random.random() + np.random.rand()}  # noqa: NPY002

    for function in (learn, unseeded):
        first, second = (train(of(function, DECLARED), seed=3).metrics for _ in range(2))
        assert first == second != train(of(function, DECLARED), seed=4).metrics


def test_what_a_run_does_to_its_data_reaches_no_other():
    def learn(data, *, seed):
        data.x_train[:] = 0
        data.y_val[:] = 0
        return lambda x: np.zeros((len(x), 3))

    train(of(learn))
    assert train(of(nearest)).metrics["val_accuracy"] > 0.8


def test_a_refit_trains_on_everything_and_measures_that():
    def learn(data, *, seed):
        assert data.refit and len(data.x_train) == 240 and len(data.x_val) == 40
        return lambda x: np.zeros((len(x), 3))

    outcome = train(of(learn), refit=True)
    assert outcome.metrics["train_accuracy"] == pytest.approx(1 / 3)
    assert "val_accuracy" not in outcome.metrics


def test_a_kept_model_predicts_and_is_saved():
    def learn(data, *, seed):
        centres = centroids(data)

        class Model:
            def predict(self, x):
                return -((x[:, None, :] - centres) ** 2).sum(axis=2)

            def save(self, path):
                np.save(path, centres)

        return Model()

    trainable = of(learn)
    outcome = train(trainable, keep=True)
    features = blobs().dataset.features
    given = trainable.predict(trainable.space.complete({}), outcome.model, features)
    assert given.shape == (240, 3)
    assert np.mean(given.argmax(axis=1) == blobs().dataset.labels) > 0.8
    assert outcome.notes["file_name"] == "model.npy"
    assert outcome.model["file"].tobytes().startswith(b"\x93NUMPY")


def test_a_file_is_a_function_by_its_path_and_its_text_names_it(tmp_path):
    source = "import numpy\nWIDTH = 3\ndef train(*, seed, rate=0.1):\n    return {'loss': rate * WIDTH}\n"
    (tmp_path / "learn.py").write_text(source)
    first = of("learn.py:train", DECLARED, folder=tmp_path)
    assert first.name.startswith("function/learn.py:train#")
    assert f"numpy-{np.__version__}" in first.name
    assert train(first).metrics == {"val_loss": pytest.approx(0.3)}
    assert of("learn.py:train", DECLARED, folder=tmp_path).name == first.name
    (tmp_path / "learn.py").write_text(source.replace("WIDTH = 3", "WIDTH = 4"))
    second = of("learn.py:train", DECLARED, folder=tmp_path)
    assert second.name != first.name
    (tmp_path / "net.py").write_text("")
    assert of("learn.py:train", DECLARED, folder=tmp_path, inputs=["net.py"]).name != second.name


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("learn.py:nothing", "unknown name"),
        ("other.py:train", "there is no file other.py"),
        ("nowhere.at_all:train", "importing nowhere.at_all fails: ModuleNotFoundError"),
        ("broken.py:train", "importing broken.py fails: SyntaxError"),
        ("train", "must name code"),
        ("learn.py:WIDTH", "no function"),
    ],
)
def test_code_that_cannot_be_found_is_a_usage_error(tmp_path, reference, message):
    (tmp_path / "learn.py").write_text("WIDTH = 3\ndef train(*, seed): ...\n")
    (tmp_path / "broken.py").write_text("def\n")
    with pytest.raises(UsageError, match=message):
        of(reference, DECLARED, folder=tmp_path)


CELLS = """
import numpy as np

FACTOR = {factor}

def helper(x):
    return FACTOR * x{more}

def train(*, seed, rate=0.1):
    return {{"loss": np.abs(helper(rate))}}

def unrelated():
    return {unrelated}
"""


def test_of_a_notebook_only_what_the_function_uses_names_it(tmp_path):
    import linecache
    import sys
    import types

    def name(**values):
        text = CELLS.format(**{"factor": 2, "more": "", "unrelated": 1} | values)
        file = f"<cell {len(linecache.cache)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        module = types.ModuleType("__main__")
        exec(compile(text, file, "exec"), module.__dict__)
        before, sys.modules["__main__"] = sys.modules["__main__"], module
        try:
            trainable = of(module.train, DECLARED)
        finally:
            sys.modules["__main__"] = before
        assert not trainable.name.endswith("/code unknown")
        assert "/numpy-" in trainable.name
        return trainable.name

    plain = name()
    assert plain == name(unrelated=5)
    assert len({plain, name(factor=3), name(more=" + 1")}) == 3


def test_runs_in_processes_are_the_same_and_a_crash_is_one_failed_run():
    def learn(data, *, seed, does="train"):
        if does == "exit":
            os._exit(1)
        if does == "fork":
            os.fork()
        if does == "thread":
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        return nearest(data, seed=seed)

    trainable = of(learn)
    kinds = ("train", "exit", "fork", "thread")
    requests = [request(trainable, {"does": does}, key=does) for does in kinds]
    outcomes = train_in_processes(trainable, requests)
    assert outcomes["exit"].stopped == "crashed"
    expected = train(trainable).metrics
    assert [outcomes[does].metrics for does in ("train", "fork", "thread")] == [expected] * 3


def test_torch_is_seeded_even_where_a_run_imports_it_first():
    pytest.importorskip("torch")

    def learn(*, seed):
        import torch

        return {"loss": float(torch.rand(()))}

    trainable = of(learn, DECLARED)
    requests = [request(trainable, key=str(i), seed=3) for i in range(4)]
    outcomes = train_in_processes(trainable, requests)
    assert len({outcome.metrics["val_loss"] for outcome in outcomes.values()}) == 1

"""Notebooks as people write them, read without being run."""

from __future__ import annotations

import json
import textwrap
import tomllib
from pathlib import Path

import pytest
from tests.cli.calling import bakeoff
from typer.testing import CliRunner

from bakeoff import Study, import_notebook
from bakeoff.cli.commands import app
from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.errors import UsageError
from bakeoff.notebook import expressions
from bakeoff.notebook.cells import Scores, printed_scores
from bakeoff.spec import from_dict, load
from bakeoff.spec.model import PublishedSpec


def notebook(tmp_path: Path, *cells: str | tuple[str, str], name: str = "mine.ipynb") -> Path:
    """A notebook of code cells, some with what they printed."""
    made = []
    for cell in cells:
        code, printed = (cell, "") if isinstance(cell, str) else cell
        outputs = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
        made.append(
            {
                "cell_type": "code",
                "source": textwrap.dedent(code).splitlines(keepends=True),
                "outputs": outputs,
            }
        )
    path = tmp_path / name
    path.write_text(json.dumps({"cells": made, "nbformat": 4}))
    return path


LOAD = """
import tensorflow as tf
from tensorflow import keras
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
"""

HELPER = """
from keras.layers import Dense, Flatten, LeakyReLU

class Net:
    def __init__(self, widths, activation="sigmoid"):
        self.model = keras.Sequential()
        self.model.add(Flatten(input_shape=(28, 28)))
        for width in widths:
            self.model.add(Dense(width, activation=activation))
        self.model.add(Dense(10, activation="softmax"))

    def train(self, x, y, *, epochs, lr):
        self.model.compile(keras.optimizers.SGD(lr), loss="sparse_categorical_crossentropy")
        self.history = self.model.fit(x, y, epochs=epochs, validation_split=1/12)

    def test(self, x, y):
        self.loss, self.accuracy = self.model.evaluate(x, y)
        print("loss:", self.loss, "accuracy:", self.accuracy)
"""


def _use(name: str, widths: str, activation: str, rate: float) -> str:
    return f"""
{name} = Net({widths}, {activation})
{name}.model.summary()
{name}.train(x_train, y_train, epochs=10, lr={rate})
{name}.test(x_test, y_test)
"""


def test_helper_classes_cells_and_printed_numbers_become_a_replication(tmp_path) -> None:
    path = notebook(
        tmp_path,
        LOAD,
        HELPER,
        (
            _use("model_a", "[64]", "'sigmoid'", 0.1)
            + _use("model_b", "[64, 64]", "'sigmoid'", 0.1),
            "Epoch 1/10\n - loss: 1.2 - accuracy: 0.8 - val_loss: 1.0 - val_accuracy: 0.9\n"
            "loss: 0.25 accuracy: 0.9301\nloss: 0.2 accuracy: 0.9402\n",
        ),
        (
            _use("slow", "[64, 64]", "'sigmoid'", 0.001)
            + _use("fast", "[64, 64]", "'sigmoid'", 0.5),
            "loss: 2.1 accuracy: 0.51\n",
        ),
        _use("leaky", "[64, 64]", "LeakyReLU(alpha=0.1)", 0.5),
        _use("again", "[64, 64]", "LeakyReLU(alpha=0.1)", 0.5),
    )
    found = import_notebook(path)
    assert found.left == ()
    document = found.document
    assert (document["data"], document["split"], document["folds"]) == ("mnist", "last", 12)
    assert document["base"]["scale"] == "unit"
    assert document["base"]["negative_slope"] == 0.1
    stages = document["stage"]
    assert [stage["name"] for stage in stages] == [
        "hidden layers",
        "learning rate",
        "activation",
        "again",
    ]
    assert stages[0]["candidate"] == [
        {"label": "a", "hidden": [64], "published": {"test_accuracy": 0.9301, "test_loss": 0.25}},
        {
            "label": "b",
            "hidden": [64, 64],
            "published": {"test_accuracy": 0.9402, "test_loss": 0.2},
        },
    ]
    assert [stage["carry"] for stage in stages] == [
        {"hidden": [64, 64]},
        {"learning_rate": 0.5},
        {"activation": "leaky_relu"},
        {"learning_rate": 0.5},
    ]
    assert "published" not in stages[1]["candidate"][1]
    study = Study.from_notebook(path)
    assert study.spec.kind == "replication"


def test_the_command_writes_a_study_that_can_be_checked_and_says_what_it_read(tmp_path) -> None:
    path = notebook(tmp_path, LOAD, HELPER, _use("a", "[32]", "'relu'", 0.1), "import os")
    made = tmp_path / "study.toml"
    runner = CliRunner()
    result = runner.invoke(app, ["import", str(path), str(made)])
    assert result.exit_code == 0, result.output
    assert "cell 3, line 4: a: scale unit, hidden 32, activation relu" in result.output
    assert "nothing printed of it is known" in result.output
    spec = load(made).spec
    assert [one.label for one in spec.stage[0].candidate] == ["a"]
    assert tomllib.loads(made.read_text())["data"] == "mnist"
    again = runner.invoke(app, ["import", str(path), str(made)])
    assert again.exit_code != 0
    assert runner.invoke(app, ["import", str(path), str(made), "--force"]).exit_code == 0


def test_loops_over_settings_are_unrolled(tmp_path) -> None:
    code = """
    from keras import Sequential, layers, optimizers
    def build(width, drop=0.0):
        return Sequential([layers.Input((784,)), layers.Dense(width, "relu"), layers.Dropout(drop),
                           layers.Dense(10, activation="softmax")])
    results = {}
    for width in [16, 2 * 16]:
        for lr in (0.01, 0.1):
            net = build(width, drop=0.2)
            net.compile(optimizer=optimizers.Adam(learning_rate=lr), loss="categorical_crossentropy")
            net.fit(x_train.reshape(-1, 784), y_train, epochs=3, batch_size=64)
            results[width] = net.evaluate(x_test, y_test)
    """
    found = import_notebook(notebook(tmp_path, LOAD, code))
    (stage,) = found.document["stage"]
    assert [(one["label"], one["hidden"], one["learning_rate"]) for one in stage["candidate"]] == [
        ("16, 0.01", [16], 0.01),
        ("16, 0.1", [16], 0.1),
        ("32, 0.01", [32], 0.01),
        ("32, 0.1", [32], 0.1),
    ]
    base = found.document["base"]
    assert (base["optimizer"], base["dropout"], base["batch_size"], base["epochs"]) == (
        "adam",
        0.2,
        64,
        3,
    )


def test_models_one_per_cell_are_grouped_by_what_changes(tmp_path) -> None:
    cells = []
    for name, width, lr in (("n1", 8, 0.1), ("n2", 16, 0.1), ("n3", 16, 0.01), ("n4", 16, 1.0)):
        cells.append(f"""
        {name} = keras.models.Sequential()
        {name}.add(keras.layers.Dense({width}, activation="tanh", input_dim=784))
        {name}.add(keras.layers.Dense(10, activation="softmax"))
        {name}.compile(loss=keras.losses.SparseCategoricalCrossentropy(), optimizer=keras.optimizers.SGD({lr}))
        {name}.fit(x_train, y_train, epochs=2)
        """)
    stages = import_notebook(notebook(tmp_path, LOAD, *cells)).document["stage"]
    assert [[one["label"] for one in stage["candidate"]] for stage in stages] == [
        ["n1", "n2"],
        ["n3", "n4"],
    ]


def test_layers_called_one_on_the_other_are_a_network(tmp_path) -> None:
    text = """
    from keras import Input, Model, layers
    def build(widths, lr=0.5):
        inputs = Input(shape=(784,))
        x = inputs
        for width in widths:
            x = layers.Dense(width, activation="relu")(x)
            x = layers.Dropout(0.2)(x)
        model = Model(inputs, layers.Dense(10, activation="softmax")(x))
        model.compile(keras.optimizers.Adam(lr), "sparse_categorical_crossentropy")
        return model
    for given in [dict(widths=[32], lr=0.1), dict(widths=[64, 16])]:
        build(**given).fit(x_train, y_train, epochs=3)
    """
    found = import_notebook(notebook(tmp_path, LOAD, text))
    assert not [line for line in found.left if "only a run" in line]
    (stage,) = found.document["stage"]
    base = found.document["base"]
    shown = [{**base, **one} for one in stage["candidate"]]
    assert [(one["hidden"], one["learning_rate"]) for one in shown] == [
        ([32], 0.1),
        ([64, 16], 0.5),
    ]
    assert {one["dropout"] for one in shown} == {0.2}


def test_layers_that_are_no_single_chain_are_left_and_said(tmp_path) -> None:
    text = """
    a = keras.Input((784,))
    b = keras.layers.Dense(8)(a)
    c = keras.layers.Concatenate()([keras.layers.Dense(8)(a), b])
    model = keras.Model(a, keras.layers.Dense(10, "softmax")(c))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x_train, y_train)
    """
    with pytest.raises(UsageError, match="no single chain"):
        import_notebook(notebook(tmp_path, LOAD, text))


def test_where_nothing_is_understood_all_reasons_are_said(tmp_path) -> None:
    text = """
    while True:
        pass
    net = keras.Sequential([keras.layers.Conv2D(8, 3)])
    net.fit(x_train, y_train)
    """
    with pytest.raises(UsageError, match=r"a `while` loop.*; .*Conv2D has no place"):
        import_notebook(notebook(tmp_path, LOAD, text))


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("net.add(keras.layers.Conv2D(8, 3))", "Conv2D has no place in a dense network"),
        ("net.add(keras.layers.Dense(int(input())))", "a layer whose width only a run can tell"),
    ],
)
def test_what_is_no_dense_network_is_left_and_said(tmp_path, code, left) -> None:
    text = f"""
    net = keras.Sequential()
    {code}
    net.add(keras.layers.Dense(10, activation="softmax"))
    net.compile("sgd", "sparse_categorical_crossentropy")
    net.fit(x_train, y_train)
    """
    with pytest.raises(UsageError, match=f"trains no Keras network .*{left}"):
        import_notebook(notebook(tmp_path, LOAD, text))


def test_what_cannot_be_followed_is_said_line_by_line(tmp_path) -> None:
    text = """
    net = keras.Sequential([keras.layers.Dense(9), keras.layers.Dense(10)])
    net.compile("adam", "sparse_categorical_crossentropy")
    while waiting():
        pass
    if today():
        net.fit(x_train[:100], y_train[:100], validation_data=(x_test, y_test), epochs=n,
                callbacks=[keras.callbacks.EarlyStopping(patience=3), keras.callbacks.TensorBoard()])
    """
    found = import_notebook(notebook(tmp_path, LOAD, text, "%%bash\nrm -rf x", "no python at all"))
    assert found.document["base"]["patience"] == 3
    said = "\n".join(found.left)
    for part in (
        "cell 2, line 4: a `while` loop",
        "cell 2, line 6: a condition that only a run can tell",
        "a part of the data; all of it is used",
        "a number of epochs that only a run can tell; 1 is taken",
        "its callback TensorBoard",
        "the test part validated it",
        "cell 3: is for another program",
        "cell 4: is no Python (line 1)",
    ):
        assert part in said, part


def test_a_script_is_read_as_well_and_nothing_of_it_is_run(tmp_path) -> None:
    trap = tmp_path / "ran"
    path = tmp_path / "train.py"
    path.write_text(
        f"open({str(trap)!r}, 'w').write('x')\n__import__('os').system('touch {trap}')\n"
        + textwrap.dedent(LOAD)
        + HELPER
        + _use("net", "[12]", "'relu'", 0.1)
    )
    found = import_notebook(path)
    assert found.document["base"]["hidden"] == [12]
    assert "line " in found.understood[0]
    assert not trap.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b'{"cells": 3}',
        b'{"cells": [1, null, {"cell_type": "code", "source": 7, "outputs": [3, {"text": 4}]}]}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
        json.dumps({"cells": [{"cell_type": "code", "source": "(" * 5000}]}).encode(),
        json.dumps(
            {"cells": [{"cell_type": "code", "source": "x = " + "-" * 9999 + "1"}]}
        ).encode(),
        json.dumps({"cells": [{"cell_type": "code", "source": "def f():\n  f()\nf()"}]}).encode(),
        json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": "x = 'a' * 10**9\ny = 9**9**9\nz = [x] * 10**9"}
                ]
            }
        ).encode(),
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "source": "for a in range(99999):\n  for b in range(99999):\n    c = a * b",
                    }
                ]
            }
        ).encode(),
    ],
)
def test_hostile_notebooks_are_one_line(tmp_path, content) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        import_notebook(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("test_loss: 0.91 test_accuracy: 0.7044", [Scores(0.7044, 0.91)]),
        ("Test accuracy: 97.5%", [Scores(0.975, None)]),
        ("[0.0812, 0.9754]", [Scores(0.9754, 0.0812)]),
        ("313/313 - 1s - loss: 0.08 - accuracy: 0.97", [Scores(0.97, 0.08)]),
        ("313/313 - 0s 1ms/step - accuracy: 0.9712 - loss: 0.0919", [Scores(0.9712, 0.0919)]),
        ("loss: 0.1 - acc: 0.9 - val_loss: 0.2 - val_acc: 0.8", []),
        ("nothing here", []),
    ],
)
def test_scores_are_found_in_what_is_printed(text, scores) -> None:
    assert printed_scores(text) == scores


def test_the_thirteen_models_of_a_real_notebook_are_those_of_the_built_in_study() -> None:
    """``mnist-notebook`` is what becomes of the notebook once its questions are edited."""
    found = import_notebook(Path(__file__).with_name("thirteen.ipynb"))
    assert found.left == ()
    assert len(found.understood) == 13
    made, known = from_dict(found.document), load("mnist-notebook").spec
    assert (made.kind, made.data, made.split, made.folds, made.looks) == (
        known.kind,
        known.data,
        known.split,
        known.folds,
        known.looks,
    )
    assert DENSE_SPACE.complete(made.base) == DENSE_SPACE.complete(known.base)
    for ours, theirs in zip(made.stage, known.stage, strict=True):
        assert ours.carry == theirs.carry
        assert [(one.label, one.settings) for one in ours.candidate] == [
            (one.label, one.settings) for one in theirs.candidate
        ]
        for one, other in zip(ours.candidate, theirs.candidate, strict=True):
            assert _rounded(one.published) == _rounded(other.published)


def _rounded(published: PublishedSpec | None) -> tuple[float, float] | None:
    if published is None or published.test_accuracy is None or published.test_loss is None:
        return None
    return round(published.test_accuracy, 4), round(published.test_loss, 4)


@pytest.mark.parametrize(
    "code",
    [
        "a = []\na.append(a)\nb = a + a\nc = str(a)",
        "a = [1]\n" + "a = [a, a]\n" * 60 + "b = a + a",
        "a = {1: 1}\n" + "a = {1: a, 2: a}\n" * 60 + "b = [a] + [a]\nc = str([a])",
        "a = list(range(99999))\nfor i in range(2000):\n  for j in range(99):\n    b = sorted(a + a)",
        "for i in range(2000):\n  for j in range(99999):\n    k = i * j\n" * 200,
        "a = '%999999999d' % 1\nb = a + a",
        "class A:\n  def __init__(self):\n    self.a = A()\n    self.b = A()\nA()",
        "x = keras.Input((4,))\nfor i in range(2000):\n  for j in range(2000):\n    x = keras.layers.Dense(3)(x)",
        "a = {}\nfor i in range(2000):\n  for j in range(2000):\n    a[i * 2000 + j] = dict(a)",
    ],
)
def test_code_that_would_take_for_ever_is_given_up(tmp_path, monkeypatch, code) -> None:
    """A tenth of the steps that a user's notebook has: the same limit, reached sooner."""
    monkeypatch.setattr(expressions, "MOST_STEPS", expressions.MOST_STEPS // 10)
    net = """
    net = keras.Sequential([keras.layers.Dense(9), keras.layers.Dense(10)])
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(x_train, y_train)
    """
    (told,) = import_notebook(notebook(tmp_path, LOAD, net, code)).understood
    assert "hidden 9" in told


@pytest.mark.parametrize(
    "printed", ["loss: 1" * 99999, "loss " + "1" * 99999, "\n" * 99999, "acc" + ":" * 99999]
)
def test_what_is_printed_may_be_anything(printed) -> None:
    assert printed_scores(printed) == []


def test_the_command_ends_with_2_and_one_line(tmp_path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text("[" * 100_000)
    done = bakeoff("import", str(path), folder=tmp_path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "must be a notebook, which is JSON, but is not" in done.err
    assert not (tmp_path / "a.toml").exists()


NET = """
from tensorflow import keras
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = {scale}
net = keras.Sequential([{layers}])
net.compile({compile})
net.fit(x_train, y_train, {fit})
"""
USUAL = {
    "scale": "x_train.reshape(-1, 784) / 255",
    "layers": "keras.layers.Dense(32, 'relu'), keras.layers.Dense(10, 'softmax')",
    "compile": "keras.optimizers.SGD(0.1), 'sparse_categorical_crossentropy'",
    "fit": "epochs=3",
}


def _read(tmp_path, **changes):
    return import_notebook(notebook(tmp_path, NET.format(**{**USUAL, **changes})))


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, None),
        ({"compile": "keras.optimizers.Adam(0.1, beta_1=0.9), 'categorical_crossentropy'"}, None),
        ({"compile": "keras.optimizers.Adam(0.1, beta_1=0.5), 'categorical_crossentropy'"}, "beta_1"),
        ({"compile": "keras.optimizers.SGD(0.1, clipnorm=1.0), 'categorical_crossentropy'"}, "clipnorm"),
        ({"fit": "epochs=3, class_weight={0: 2.0}"}, "class_weight of its fit"),
        ({"fit": "epochs=3, shuffle=False"}, "shuffle of its fit"),
        ({"fit": "epochs=3, callbacks=keras.callbacks.EarlyStopping('val_accuracy')"}, "another rule"),
        ({"layers": USUAL["layers"].replace("'relu'", "'relu', use_bias=False")}, "use_bias"),
        ({"layers": USUAL["layers"].replace("'relu'", "'relu', kernel_regularizer='l1'")}, "regularizer l1"),
        ({"layers": USUAL["layers"].replace("'softmax'", "'sigmoid'")}, "output layer is sigmoid"),
        ({"scale": "x_train / 127.5 - 1"}, "scale of its own"),
        ({"scale": "x_train / 255 / 255"}, "scaled once more"),
    ],
)  # fmt: skip
def test_what_changes_the_training_and_has_no_place_is_said(tmp_path, change, left) -> None:
    found = _read(tmp_path, **change)
    said = " ".join(found.left)
    assert (said == "") if left is None else (left in said), said


@pytest.mark.parametrize(
    ("scale", "layers", "expected"),
    [
        ("x_train * (1 / 255)", USUAL["layers"], "unit"),
        ("x_train / x_train.max()", USUAL["layers"], "unit"),
        ("(x_train - x_train.mean()) / x_train.std()", USUAL["layers"], "standard"),
        ("x_train", "keras.layers.Rescaling(1 / 255), " + USUAL["layers"], "unit"),
        ("x_train", USUAL["layers"], "none"),
    ],
)
def test_the_scale_is_told_in_several_spellings(tmp_path, scale, layers, expected) -> None:
    found = _read(tmp_path, scale=scale, layers=layers)
    assert found.document["base"]["scale"] == expected
    assert found.left == ()


def test_settings_of_a_loss_and_a_single_callback_are_read(tmp_path) -> None:
    loss = "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)"
    stop = "keras.callbacks.EarlyStopping('val_loss', 0, 4)"
    found = _read(
        tmp_path,
        compile=f"keras.optimizers.SGD(0.1), {loss}",
        fit=f"epochs=None or 7, callbacks={stop}",
    )
    base = found.document["base"]
    assert (base["label_smoothing"], base["patience"], base["epochs"]) == (0.1, 4, 7)


def test_two_accuracies_without_names_are_no_loss_and_accuracy(tmp_path) -> None:
    code = NET.format(**USUAL) + "other = keras.Sequential(net.layers)\n"
    code += "print([one.evaluate(x_test, y_test)[1] for one in (net, net)])\n"
    found = import_notebook(notebook(tmp_path, (code, "[0.94, 0.96]\n")))
    assert "what its printed numbers are is not known" in " ".join(found.left)
    assert "published" not in str(found.document)


def test_a_model_that_is_trained_on_is_said(tmp_path) -> None:
    code = NET.format(**USUAL) + "net.fit(x_train, y_train, epochs=2)\n"
    assert "trained on from where it was" in " ".join(
        import_notebook(notebook(tmp_path, code)).left
    )

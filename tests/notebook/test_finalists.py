"""The best trials of an Optuna search become a study."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from typing import Any

import pytest
from tests.cli.calling import bakeoff
from typer.testing import CliRunner

from bakeoff import Study
from bakeoff.cli.commands import app
from bakeoff.errors import DataError, UsageError
from bakeoff.finalists import best_trials, candidates_of, model_from, open_search
from bakeoff.spec import load

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def search(num_trials: int, storage: str | None = None, name: str = "tree", **options):
    """A real search of a tree's settings on the digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.tree import DecisionTreeClassifier

    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, random_state=0)

    def objective(trial) -> float:
        tree = DecisionTreeClassifier(
            max_depth=trial.suggest_int("depth", 2, 14),
            min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 20),
            criterion=trial.suggest_categorical("criterion", ["gini", "entropy"]),
            random_state=0,
        )
        return tree.fit(x_train, y_train).score(x_val, y_val)

    options = {"direction": "maximize", **options}
    made = optuna.create_study(
        study_name=name, storage=storage, sampler=optuna.samplers.TPESampler(seed=1), **options
    )
    made.optimize(objective, n_trials=num_trials)
    return made


def test_sixty_trials_become_a_study_with_a_verdict(tmp_path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    found = search(60)
    study = Study.from_optuna(
        found,
        "digits",
        top=3,
        model=DecisionTreeClassifier,
        rename={"depth": "max_depth"},
        looks=[3, 5],
    )
    result = study.run(store=tmp_path / "a.sqlite", on="threads")
    (stage,) = result.record.stages
    best = best_trials(found, 3)
    assert [one.label for one in stage.candidates] == [f"trial {one.number}" for one in best]
    assert best[0].number == found.best_trial.number
    assert stage.candidates[0].settings["max_depth"] == best[0].params["depth"]
    assert stage.verdict.kind in ("winner", "tie", "undecided")


def test_the_command_makes_a_study_file_that_runs(tmp_path, monkeypatch) -> None:
    search(8, f"sqlite:///{tmp_path}/search.db")
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    asked = [
        "finalists",
        "search.db",
        "--top",
        "2",
        "--data",
        "digits",
        "--rename",
        "depth=max_depth",
    ]
    asked += ["--model", "sklearn=sklearn.tree.DecisionTreeClassifier", "--base", "splitter=best"]
    result = runner.invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "finalists.toml written: trial " in result.output
    text = (tmp_path / "finalists.toml").read_text()
    assert "threads" not in text  # nothing but what was said
    where = ["--store", ":memory:", "--no-report", "--on", "threads"]
    done = bakeoff("run", "finalists.toml", *where, "--replicates", "3", folder=tmp_path)
    assert done.code == 0, done.err


def test_a_parameter_that_is_no_setting_is_one_line_with_the_nearest(tmp_path, monkeypatch) -> None:
    search(4, f"sqlite:///{tmp_path}/search.db")
    monkeypatch.chdir(tmp_path)
    asked = ["finalists", "search.db", "--data", "digits"]
    result = CliRunner().invoke(
        app, [*asked, "--model", "sklearn=sklearn.tree.DecisionTreeClassifier"]
    )
    assert 'unknown setting "depth"; did you mean "max_depth"?' in str(result.exception)
    assert str(result.exception).count('"depth"') == 1  # not once a trial
    assert "search.db: depth: " in str(result.exception)
    assert "stage[0]" not in str(result.exception)
    assert not (tmp_path / "finalists.toml").exists()


def test_a_minimised_search_is_sorted_the_other_way() -> None:
    found = search(6, direction="minimize")
    values = [one.value for one in best_trials(found, 6)]
    assert values == sorted(values)
    assert len({str(one.params) for one in best_trials(found, 6)}) == len(values)


def test_pruned_failed_and_repeated_trials_are_no_finalists() -> None:
    made = optuna.create_study()
    for value in (1.0, 1.0, 2.0):
        trial = optuna.trial.create_trial(
            params={"x": value},
            distributions={"x": optuna.distributions.FloatDistribution(0.0, 5.0)},
            value=value,
        )
        made.add_trial(trial)
    made.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, value=0.0))
    made.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    _, candidates = candidates_of(made, 5)
    assert candidates == [{"label": "trial 0", "x": 1.0}, {"label": "trial 2", "x": 2.0}]


def _told(*params: dict[str, Any]) -> Any:
    """A search whose trials had these parameters, the best first."""
    made = optuna.create_study()
    for number, one in enumerate(params):
        kinds = {
            key: optuna.distributions.CategoricalDistribution([value]) for key, value in one.items()
        }
        made.add_trial(
            optuna.trial.create_trial(params=one, distributions=kinds, value=float(number))
        )
    return made


def test_parameters_may_be_elements_of_a_list_and_may_be_left_out() -> None:
    """As Optuna's own examples name them: one parameter per layer, and how many there are."""
    found = _told(
        {"num_layers": 2, "units_0": 64, "units_1": 32, "lr": 0.1},
        {"num_layers": 1, "units_0": 16, "lr": 0.1},
        {"num_layers": 3, "units_0": 16, "lr": 0.1},
    )
    names = {
        "num_layers": "",
        "units_0": "hidden[0]",
        "units_1": "hidden[1]",
        "lr": "learning_rate",
    }
    _, candidates = candidates_of(found, 5, names)
    assert candidates == [
        {"label": "trial 0", "learning_rate": 0.1, "hidden": [64, 32]},
        {"label": "trial 1", "learning_rate": 0.1, "hidden": [16]},
    ]
    with pytest.raises(
        UsageError, match=r"an element of one, such as hidden\[0\], but is 'hidden\[x'"
    ):
        candidates_of(found, 5, {"lr": "hidden[x"})
    with pytest.raises(UsageError, match=r"but is 'units\[one'"):
        candidates_of(_told({"units[one": 1}, {"units[one": 2}), 5)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE trials SET datetime_complete = '2026-11-27 99:00:00'",
        "UPDATE trial_params SET distribution_json = '{'",
        "DELETE FROM study_directions",
    ],
)
def test_a_damaged_search_is_one_line(tmp_path, damage) -> None:
    search(2, f"sqlite:///{tmp_path}/a.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute(damage)
    with pytest.raises(DataError, match=r"'tree' (cannot be read|has 0 objectives)"):
        best_trials(open_search(str(tmp_path / "a.db")), 5)


def test_none_is_spelt_as_study_files_spell_it() -> None:
    from sklearn.tree import DecisionTreeClassifier

    found = _told({"max_features": None}, {"max_features": "sqrt"})
    study = Study.from_optuna(found, "digits", model=DecisionTreeClassifier)
    assert [one.settings for one in study.spec.stage[0].candidate] == [
        {"max_features": "none"},
        {"max_features": "sqrt"},
    ]


def test_a_file_of_any_name_is_read_and_nothing_else_is_made(tmp_path) -> None:
    path = tmp_path / "my #1 %20?.db"
    search(2, f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "a.db").rename(path)
    assert open_search(str(path)).study_name == "tree"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_asked_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="at least 2 are needed"):
        best_trials(optuna.create_study(), 5)
    with pytest.raises(DataError, match="2 objectives"):
        best_trials(optuna.create_study(directions=["minimize", "maximize"]), 5)
    with pytest.raises(UsageError, match="top >= 2"):
        candidates_of(optuna.create_study(), 1)
    with pytest.raises(DataError, match="is no file"):
        open_search(str(tmp_path / "absent.db"))
    (tmp_path / "text.db").write_text("hello")
    with pytest.raises(DataError, match=r"text\.db: holds no study of Optuna's"):
        open_search(str(tmp_path / "text.db"))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE mine (a)").connection.close()
    before = (tmp_path / "other.db").read_bytes()
    with pytest.raises(DataError, match=r"other\.db: is no storage of Optuna's .*no such table"):
        open_search(str(tmp_path / "other.db"))
    assert (tmp_path / "other.db").read_bytes() == before
    with pytest.raises(DataError, match="is no file"):
        open_search(f"sqlite:///{tmp_path}/absent.db")
    assert not (tmp_path / "absent.db").exists()
    (tmp_path / "empty.db").write_bytes(b"SQLite format 3\0" + b"\0" * 100)
    with pytest.raises(DataError, match=r"empty\.db: is no storage of Optuna's"):
        open_search(str(tmp_path / "empty.db"))


def test_which_of_several_searches_is_meant_must_be_said(tmp_path) -> None:
    storage = f"sqlite:///{tmp_path}/two.db"
    for name in ("a", "b"):
        optuna.create_study(study_name=name, storage=storage)
    with pytest.raises(UsageError, match=r"--study: must name a study .*'a' and 'b'"):
        open_search(str(tmp_path / "two.db"))
    assert open_search(str(tmp_path / "two.db"), "b").study_name == "b"


def test_without_optuna_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"pip install 'bakeoff\[optuna\]'"):
        open_search("x.db")


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("dense", "dense"),
        ("sklearn=a.B", {"sklearn": "a.B"}),
        ("command=./train --x {x}", {"command": "./train --x {x}"}),
        (
            '{function = "f.py:g", metrics = {loss = "min"}}',
            {"function": "f.py:g", "metrics": {"loss": "min"}},
        ),
    ],
)
def test_models_can_be_said_on_the_command_line(text, model) -> None:
    assert model_from(text) == model


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--model: must be dense"):
        model_from("forest")


def test_the_written_study_reads_back(tmp_path, monkeypatch) -> None:
    search(4, f"sqlite:///{tmp_path}/search.db")
    monkeypatch.chdir(tmp_path)
    asked = ["finalists", "search.db", "s.toml", "--data", "digits", "--rename", "depth=epochs"]
    asked += ["--rename", "min_samples_leaf=batch_size", "--rename", "criterion=activation"]
    result = CliRunner().invoke(app, asked)
    assert "activation" in str(result.exception)  # gini is none
    with pytest.raises(UsageError):
        load(tmp_path / "s.toml")

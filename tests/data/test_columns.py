"""What columns of tables are taken for, and how cells become inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from bakeoff.data.arrays import from_arrays
from bakeoff.data.cells import code
from bakeoff.data.columns import Rules, describe
from bakeoff.data.encoding import Encoding, fit
from bakeoff.data.frames import Roles, from_frame
from bakeoff.data.splits import group_folds, make_replicates, split_rows
from bakeoff.data.study_data import StudyData
from bakeoff.errors import DataError
from bakeoff.records import Column, Replicate
from bakeoff.suggest import told

N = 60
DRAW = np.random.default_rng(0)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def kinds(table: pd.DataFrame, **rules: tuple[str, ...]) -> dict[str, str]:
    return {one.name: one.kind for one in describe(table, Rules(**rules), "t")}


def test_columns_are_told_by_their_cells() -> None:
    table = frame(
        row=np.arange(N),
        customer_id=DRAW.permutation(N) + 500,
        age=DRAW.integers(18, 90, N),
        price=DRAW.normal(size=N),
        city=DRAW.choice(["Rome", "Oslo"], N),
        flag=DRAW.choice([True, False], N),
        seen=pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), "D"),
        day=[f"2024-03-{1 + i % 28:02d}" for i in range(N)],
        german=[f"{1 + i % 28}.12.2023" for i in range(N)],
        note=[f"a text {i}" for i in range(N)],
        same=["x"] * N,
        empty=[None] * N,
        odd=["?" if i == 7 else str(i % 5) for i in range(N)],
        lists=[[i] for i in range(N)],
    )
    assert kinds(table) == {
        "row": "left out",
        "customer_id": "left out",
        "age": "number",
        "price": "number",
        "city": "category",
        "flag": "number",
        "seen": "date",
        "day": "date",
        "german": "date",
        "note": "left out",
        "same": "left out",
        "empty": "left out",
        "odd": "number",
        "lists": "left out",
    }
    told = {one.name: one.why for one in describe(table, Rules(), "t")}
    assert told["odd"] == "numbers; '?' counts as a gap"
    assert told["same"] == "the same in every row: x"


def test_what_the_user_says_counts() -> None:
    table = frame(
        zip=DRAW.integers(1, 4, N), city=["a", "b"] * 30, text=[f"t{i}" for i in range(N)]
    )
    assert kinds(table, categorical=("zip",), drop=("city",))["zip"] == "category"
    assert kinds(table, features=("zip",)) == {
        "zip": "number",
        "city": "left out",
        "text": "left out",
    }
    assert kinds(table, categorical=("text",))["text"] == "category"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"drop": ("citty",)},
            "data.drop names the column 'citty', which is not there; did you mean 'city'",
        ),
        ({"drop": ("city",), "numeric": ("city",)}, "'city' is in data.drop and in data.numeric"),
        ({"date": ("city",)}, "data.date names 'city', but its cells are no dates"),
        ({"numeric": ("city",)}, "data.numeric names 'city', but none of its cells is a number"),
        ({"drop": ("city", "age")}, "at least one column to learn from"),
    ],
)
def test_rules_that_do_not_fit_are_told(rules: dict[str, tuple[str, ...]], message: str) -> None:
    table = frame(city=["Rome", "Oslo"] * 30, age=DRAW.normal(size=N))
    with pytest.raises(DataError, match=message):
        describe(table, Rules(**rules), "t")


def why(table: pd.DataFrame) -> dict[str, str]:
    return {one.name: one.why for one in describe(table, Rules(), "t")}


def test_whole_numbers_that_grow_from_row_to_row_only_tell_rows_apart() -> None:
    orders = 4_000 + np.cumsum(DRAW.integers(1, 5, N))
    table = frame(order=orders, other=DRAW.permutation(orders), x=DRAW.normal(size=N))
    assert kinds(table) == {"order": "left out", "other": "number", "x": "number"}
    assert "grow from row to row" in why(table)["order"]
    assert kinds(table, numeric=("order",))["order"] == "number"
    assert kinds(table[["order"]]) == {"order": "number"}  # better than nothing


def test_words_for_unknown_are_gaps_beside_numbers_in_however_many_cells() -> None:
    mixed = ["?" if i % 3 else str(i) for i in range(N)]
    table = frame(mixed=mixed, words=["?" if i % 3 else "yes" for i in range(N)])
    assert kinds(table) == {"mixed": "number", "words": "category"}
    assert why(table)["mixed"] == "numbers; '?' counts as a gap"


@pytest.mark.parametrize(
    "cells",
    [
        [f"{i},{i % 10}" for i in range(N)],
        [f"${i},{100 + i}" for i in range(N)],
        [f"{i % 7} %" for i in range(N)],
        [f"1.{100 + i},50 EUR" for i in range(N)],
    ],
)
def test_numbers_written_in_another_way_are_said_to_look_like_numbers(cells: list[str]) -> None:
    assert f"look like numbers (written as {cells[0]!r})" in why(frame(a=cells, b=range(N)))["a"]


@pytest.mark.parametrize(
    "cells",
    [
        [f"10.0.{i}.{i % 9}" for i in range(N)],
        [f"0171 {i} {i + 5000}" for i in range(N)],
        [f"v{i % 4}" for i in range(N)],
        [f"PAL{i:04d}" for i in range(N)],
        [f"{i % 9}-{i % 9 + 4}" for i in range(N)],
    ],
)
def test_other_words_with_digits_do_not(cells: list[str]) -> None:
    assert "look like numbers" not in why(frame(a=cells, b=range(N)))["a"]


def test_days_that_could_be_months_are_said() -> None:
    both = [f"{1 + i % 12:02d}/{1 + i % 7:02d}/2024" for i in range(N)]
    plain = [f"{1 + i % 28:02d}/{1 + i % 7:02d}/2024" for i in range(N)]
    american = [f"{1 + i % 7:02d}/{1 + i % 28:02d}/2024" for i in range(N)]
    said = why(frame(both=both, plain=plain, american=american, x=DRAW.normal(size=N)))
    assert said["both"].startswith("dates, read as day/month/year, though month/day/year would fit")
    assert said["plain"] == said["american"] == "dates"


def test_values_that_float32_cannot_tell_apart_are_refused() -> None:
    x, y = DRAW.normal(size=(N, 2)), DRAW.normal(size=N)
    far = np.stack([x[:, 0], 1e8 + 3 * x[:, 1]], axis=1)
    message = r"too close together for float32, whose step there is 8; subtract 1e\+08 from them"
    with pytest.raises(DataError, match=rf"x\[:, 1\]: values near 1e\+08 .*{message}"):
        from_arrays(far, y)
    with pytest.raises(DataError, match=rf"column 'b': .*{message}, or leave .*data.drop = 'b'"):
        from_arrays(frame(a=far[:, 0], b=far[:, 1]), y)
    with pytest.raises(DataError, match=f"the number to predict: .*{message}"):
        from_arrays(x, 1e8 + 3 * y)
    seconds = 1.7e9 + 1e7 * x[:, :1]  # a step of two minutes is nothing beside months
    assert from_arrays(np.concatenate([seconds, x[:, :1] * 0 + 7e8], axis=1), y).num_features == 2


def test_a_number_that_never_varies_is_said_to_teach_nothing() -> None:
    same, varied = (
        from_arrays(DRAW.normal(size=(N, 2)), y) for y in (np.full(N, 2.5), DRAW.normal(size=N))
    )
    assert any("nothing to learn" in line for line in told(same))
    assert not any("nothing to learn" in line for line in told(varied))


@pytest.mark.parametrize("role", ["target", "groups", "fold", "weights"])
def test_cells_of_several_values_have_no_business(role: str) -> None:
    table = frame(a=range(N), lists=[[1, 2], [3]] * (N // 2), y=[0, 1] * (N // 2))
    roles = Roles(**{"target": "y", role: "lists"})
    with pytest.raises(DataError, match="lists"):
        from_frame(table, "t", roles.target, roles)


@pytest.mark.parametrize("kind", ["categorical", "numeric", "date"])
def test_cells_of_several_values_are_no_columns(kind: str) -> None:
    table = frame(a=range(N), lists=[[1, 2], [3]] * (N // 2))
    with pytest.raises(DataError, match=r"'lists': must have one value in every cell, but .* list"):
        kinds(table, **{kind: ("lists",)})


def test_columns_of_a_frame_have_names_of_their_own() -> None:
    table = pd.DataFrame(DRAW.normal(size=(N, 3)), columns=list("aba"))
    with pytest.raises(DataError, match="names must differ, but 'a' occurs twice"):
        from_arrays(table, [0, 1] * (N // 2))


def test_cells_become_numbers_and_back_at_prediction() -> None:
    table = frame(
        city=["Rome", "Oslo", None, "Rome"] * 15,
        age=[30.0, np.nan, 50.0, 41.0] * 15,
        day=["2024-03-01", "2024-03-02", None, "2024-04-03"] * 15,
    )
    columns = tuple(c for one in describe(table, Rules(), "t") for c in one.columns)
    names = [column.name for column in columns]
    assert names[:3] == ["city", "age", "day.days"]
    assert {"day.month", "day.day", "day.day_of_week"} < set(names)
    assert "day.year" not in names  # the same in every row
    new = frame(extra=[1, 2], day=["2024-03-02", None], age=[None, 7], city=["Oslo", "Lima"])
    coded = code(new, columns, "new.csv")
    assert coded[:, 0].tolist() == [0.0, -1.0]  # a word that is no category
    np.testing.assert_array_equal(coded[:, 1], [np.nan, 7.0])
    assert np.isnan(coded[1, 2:]).all()
    with pytest.raises(DataError, match=r"new: must have the 3 columns .* 'age' is missing"):
        code(new.drop(columns="age"), columns, "new")
    with pytest.raises(DataError, match=r"row 1, column 'age': must be a number, but is 'old'"):
        code(new.assign(age=["old", 7]), columns, "new")
    with pytest.raises(DataError, match=r"column 'day': must hold dates"):
        code(new.assign(day=["soon", "later"]), columns, "new")


@pytest.mark.parametrize("seed", range(20))
def test_the_encoding_is_scikit_learns(seed: int) -> None:
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=200).astype(np.float32)
    numbers[draw.random(200) < 0.2] = np.nan
    codes = draw.choice(5, 200, p=[0.5, 0.3, 0.19, 0.005, 0.005]).astype(np.float32)
    features = np.stack([numbers, codes], axis=1)
    columns = (Column("n", source="n"), Column("c", "category", tuple("abcde"), "c"))
    rows = np.arange(150)
    encoding = fit(columns, features, rows)
    ours = encoding.apply(features)
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(features[rows, :1])
    np.testing.assert_allclose(ours[:, :2], imputer.transform(features[:, :1]), rtol=1e-6)
    counts = np.bincount(codes[rows].astype(int), minlength=5)
    encoder = OneHotEncoder(
        min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False
    ).fit(features[rows, 1:])
    theirs = encoder.transform(features[:, 1:])
    assert (counts == 1).any() == encoding.names[-1].endswith("(rare)")
    np.testing.assert_array_equal(ours[:, 2:], theirs)


def test_strangers_count_as_rare_or_as_nothing() -> None:
    columns = (Column("c", "category", ("a", "b", "z"), "c"),)
    often = np.array([[0.0], [0.0], [1.0], [1.0]], np.float32)
    encoding = fit(columns, often, np.arange(4))
    assert encoding.names == ("c=a", "c=b")
    assert encoding.apply(np.array([[-1.0], [2.0], [np.nan]], np.float32)).tolist() == [[0, 0]] * 3
    with_rare = np.concatenate([often, [[2.0]]]).astype(np.float32)
    encoding = fit(columns, with_rare, np.arange(5))
    assert encoding.names == ("c=a", "c=b", "c=(rare)")
    strangers = np.array([[-1.0], [2.0]], np.float32)
    assert encoding.apply(strangers).tolist() == [[0, 0, 1]] * 2


def test_an_encoding_goes_through_json_and_damage_is_told() -> None:
    features = np.array([[0.0, np.nan], [1.0, 2.0], [0.0, 3.0]], np.float32)
    columns = (Column("c", "category", ("ä", "b"), "c"), Column("n", source="n", gaps=("?",)))
    encoding = fit(columns, features, np.arange(3))
    assert Encoding.from_array(encoding.to_array()) == encoding
    plain = encoding.to_plain()
    for damaged in (
        {},
        {**plain, "parts": plain["parts"][:1]},
        {**plain, "parts": [{**plain["parts"][0], "kept": [7]}, plain["parts"][1]]},
        {**plain, "parts": [plain["parts"][0], {**plain["parts"][1], "median": float("nan")}]},
        {**plain, "columns": [{**plain["columns"][0], "categories": [1, 2]}, plain["columns"][1]]},
        {**plain, "columns": None},
    ):
        with pytest.raises(DataError, match="what it says of its columns is damaged"):
            Encoding.from_plain(damaged)


def mixed(seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    table = frame(
        age=draw.normal(40, 10, N),
        city=draw.choice(["Rome", "Oslo", "Bern"], N),
        income=draw.normal(size=N),
    )
    table.loc[draw.random(N) < 0.2, "age"] = np.nan
    return table


def test_no_row_that_validates_or_tests_moves_what_is_fitted() -> None:
    table, y = mixed(), np.array([0, 1] * 30)
    dataset = from_arrays(table, y)
    replicate = Replicate(0, 0, 3)

    def fitted(changed: pd.DataFrame) -> tuple[Encoding, np.ndarray]:
        data = StudyData(from_arrays(changed, y), study_seed=0, split="folds", num_folds=5)
        train_rows, _ = data.rows(replicate)
        return data.encoding(replicate), data.encoded(replicate)[train_rows]

    before, inputs = fitted(table)
    data = StudyData(dataset, study_seed=0, split="folds", num_folds=5)
    _, val_rows = data.rows(replicate)
    # Rows of the data as it was given: the test part is held out of it.
    test_values = {round(float(v), 4) for v in dataset.test.open_().features[:, 2]}
    kept = [i for i in range(N) if round(float(np.float32(table.income[i])), 4) not in test_values]
    tests = sorted(set(range(N)) - set(kept))
    for row in (kept[val_rows[0]], kept[val_rows[-1]], tests[0]):
        planted = table.copy()
        planted.loc[row, "age"] = 1e9
        planted.loc[row, "city"] = "Aaa, never seen"
        planted.loc[row, "income"] = np.nan
        after, changed = fitted(planted)
        assert after.names == before.names
        assert [p.median for p in after.parts] == [p.median for p in before.parts]
        np.testing.assert_array_equal(changed, inputs)


def test_what_is_encoded_is_kept_within_a_budget(monkeypatch) -> None:
    from bakeoff.data import study_data

    monkeypatch.setattr(study_data, "ENCODED_BYTES", 0)
    data = StudyData(from_arrays(mixed(), [0, 1] * 30), study_seed=0, split="folds", num_folds=5)
    first = data.encoded(Replicate(0, 0, 0))
    assert data.encoded(Replicate(5, 0, 0)) is first
    for fold in (1, 2):
        data.encoded(Replicate(fold, 0, fold))
    assert len(data._encoded) == study_data.NUM_ENCODED
    np.testing.assert_array_equal(data.encoded(Replicate(0, 0, 0)), first)


def test_clean_numbers_are_what_they_always_were() -> None:
    table = frame(a=DRAW.normal(size=N), b=DRAW.normal(size=N))
    as_frame, as_array = from_arrays(table, [0, 1] * 30), from_arrays(table.to_numpy(), [0, 1] * 30)
    assert as_frame.hash == as_array.hash
    assert as_frame.columns == ()


# --- splits ------------------------------------------------------------------------------------


def rows_of(**options: object) -> list[tuple[np.ndarray, np.ndarray]]:
    labels = options.pop("labels", np.array([0, 1] * 60))
    settings = {"split": "folds", "num_folds": 4, "study_seed": 0, **options}
    return [
        split_rows(labels, one, **settings)
        for one in make_replicates(4, num_folds=4, split=settings["split"])
    ]


def test_groups_are_never_split() -> None:
    groups = DRAW.integers(0, 15, 120).astype(np.int32)
    seen = np.zeros(120, int)
    for train_rows, val_rows in rows_of(groups=groups):
        assert not set(groups[train_rows]) & set(groups[val_rows])
        seen[val_rows] += 1
        assert 15 <= len(val_rows) <= 45
    assert (seen == 1).all()
    with pytest.raises(DataError, match="4 folds need at least 4 groups"):
        group_folds(np.array([0, 1, 2], np.int32), 4, np.random.default_rng(0))
    held = from_arrays(np.arange(240.0).reshape(120, 2), [0, 1] * 60, groups=groups)
    kept = set(held.groups.tolist())
    assert 70 <= held.num_examples <= 115
    assert len(kept) < 15


def test_time_validates_later_on_than_it_trains() -> None:
    previous = 0
    for train_rows, val_rows in rows_of(split="time"):
        assert train_rows.max() < val_rows.min()
        assert len(train_rows) >= 60
        assert val_rows.min() >= previous
        previous = val_rows.max()
    assert previous == 119
    dataset = from_arrays(np.arange(120.0)[:, None], [0, 1] * 60, in_order=True)
    assert dataset.test.open_().features.min() > dataset.features.max()


def test_folds_of_the_author_are_used() -> None:
    folds = np.repeat(np.arange(4, dtype=np.int32), 30)
    for number, (train_rows, val_rows) in enumerate(rows_of(folds=folds)):
        assert set(folds[val_rows]) == {number}
        assert number not in folds[train_rows]


def test_values_are_spread_evenly_over_folds() -> None:
    values = np.sort(DRAW.exponential(size=120))
    means = [values[val_rows].mean() for _, val_rows in rows_of(labels=values)]
    assert max(means) - min(means) < 0.35
    with pytest.raises(DataError, match="lower `folds`"):
        rows_of(labels=values, folds=np.full(120, 7, np.int32))

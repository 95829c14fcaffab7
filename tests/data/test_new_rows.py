"""Rows that come later are read as those of the training table were, whatever else their file holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bakeoff.data.cells import code
from bakeoff.data.columns import Rules
from bakeoff.data.frames import Roles
from bakeoff.data.paths import load_path
from bakeoff.data.tables import read_csv
from bakeoff.errors import DataError


def _table(path, cells, name="c", separator=","):
    labels = ["no", "yes"] * (len(cells) // 2)
    lines = [f"{one}{separator}{label}" for one, label in zip(cells, labels, strict=True)]
    path.write_text(f"{name}{separator}y\n" + "\n".join(lines) + "\n")
    return path


def _coded(tmp_path, trained, new):
    """The new cells as numbers, and the categories that the column has."""
    columns = load_path(_table(tmp_path / "a.csv", trained), target="y").columns
    words = {one.source for one in columns if one.kind == "category"}
    (tmp_path / "b.csv").write_text("c\n" + "\n".join(new) + "\n")
    frame = read_csv(tmp_path / "b.csv", needs_target=False, text=words).frame
    return code(frame, columns, "b.csv"), columns


@pytest.mark.parametrize(
    ("trained", "new", "expected"),
    [
        (["01", "02", "A", "B"], ["01", "02"], [0, 1]),
        (["TRUE", "FALSE", "refused", "late"], ["TRUE", "False", "true"], [1, 0, 1]),
        (["1", "2", "3+", "none"], ["1.0", "2", "1"], [0, 1, 0]),
        (["yes", "no", "perhaps", "never"], ["no", "no"], [1, 1]),
    ],
)
def test_words_that_look_like_numbers_are_the_words_they_were(tmp_path, trained, new, expected):
    coded, columns = _coded(tmp_path, trained * 15, new)
    assert columns[0].kind == "category"
    assert coded[:, 0].tolist() == expected


def test_a_column_without_one_known_word_is_said(tmp_path):
    with pytest.warns(UserWarning, match="none of its words was seen in training, such as 'JA'"):
        coded, _ = _coded(tmp_path, ["yes", "no", "perhaps", "never"] * 15, ["JA", "NEIN"])
    assert coded.tolist() == [[-1.0], [-1.0]]


def test_dates_keep_the_order_of_day_and_month(tmp_path):
    """Of rows that would fit both, as 03/04 does."""
    days = pd.date_range("2024-01-01", periods=200)
    trained = list(days.strftime("%m/%d/%Y"))
    alone, columns = _coded(tmp_path, trained, [trained[92]])  # 04/02/2024
    assert columns[0].format == "%m/%d/%Y"
    month = [column.part for column in columns].index("month")
    assert alone[0, month] == 4
    iso, _ = _coded(tmp_path, trained, ["2024-04-02"])  # another way that leaves no doubt
    assert iso.tolist() == alone.tolist()


def test_times_with_a_zone_are_those_of_the_clocks_there(tmp_path):
    times = pd.date_range("2024-01-01", periods=100, freq="7h", tz="America/New_York")
    frame = pd.DataFrame({"c": times, "y": np.arange(100) % 2})
    frame.to_csv(tmp_path / "a.csv", index=False)
    dataset = load_path(tmp_path / "a.csv")
    text = read_csv(tmp_path / "a.csv", needs_target=False).frame
    typed = code(frame, dataset.columns, "x")
    np.testing.assert_array_equal(code(text, dataset.columns, "x"), typed)
    hour = [column.part for column in dataset.columns].index("hour")
    assert typed[1, hour] == 7


@pytest.mark.parametrize(
    "day", ["%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d-%b-%Y", "%m/%d/%Y %I:%M:%S %p"]
)
def test_dates_are_found_in_more_ways_of_writing(tmp_path, day):
    cells = list(pd.date_range("2024-01-01", periods=100, freq="31h").strftime(day))
    dataset = load_path(_table(tmp_path / "a.csv", cells))
    assert dataset.described[0].kind == "date"


def test_thousands_with_points_and_fractions_with_commas(tmp_path):
    cells = [f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in range(900, 1100)]
    dates = pd.date_range("2024-01-01", periods=200).strftime("%d.%m.%Y")
    lines = [f"{day};{one};{i % 2}" for i, (day, one) in enumerate(zip(dates, cells, strict=True))]
    (tmp_path / "a.csv").write_text("day;price;y\n" + "\n".join(lines) + "\n")
    frame = read_csv(tmp_path / "a.csv").frame
    assert frame["price"].astype(float).tolist() == [float(value) for value in range(900, 1100)]
    dataset = load_path(tmp_path / "a.csv", target="price", task="regression")
    assert {dataset.labels.min(), dataset.test.open_().labels.min()} >= {900.0}


def test_codes_of_classes_stay_what_they_are(tmp_path):
    cells = ["01", "1", "02", "2"] * 15
    (tmp_path / "a.csv").write_text(
        "a,y\n" + "\n".join(f"{i % 7},{c}" for i, c in enumerate(cells))
    )
    assert load_path(tmp_path / "a.csv").class_names == ("01", "02", "1", "2")


@pytest.mark.parametrize("other", [{"fold": "f"}, {"order": True}, {"validation": True}])
def test_groups_and_another_rule_of_what_validates_are_refused(tmp_path, other):
    text = "a,g,f,y\n" + "\n".join(f"{i % 7},{i % 9},{i % 3},{i % 2}" for i in range(60))
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match="keep one"):
        load_path(
            tmp_path / "a.csv",
            roles=Roles(rules=Rules(), groups="g", fold=other.get("fold")),
            in_order=bool(other.get("order")),
            validation_path=tmp_path / "a.csv" if other.get("validation") else None,
        )


def test_the_target_may_be_a_number_on_the_command_line(tmp_path):
    path = _table(tmp_path / "a.csv", [str(i % 7) for i in range(60)])
    assert load_path(path, target="1").target == "y"


def test_the_test_part_has_some_of_every_class_that_can_spare_one(tmp_path):
    cells = ["p"] * 3 + ["n"] * 117
    (tmp_path / "a.csv").write_text(
        "a,y\n" + "\n".join(f"{i % 7},{c}" for i, c in enumerate(cells))
    )
    dataset = load_path(tmp_path / "a.csv")
    assert np.bincount(dataset.test.open_().labels).tolist() == [19, 1]


def test_quoted_commas_in_a_header_are_no_separators(tmp_path):
    lines = "\n".join(f"{i % 7};{i % 5};{i % 2}" for i in range(60))
    (tmp_path / "a.csv").write_text('"price, EUR, net";"a, b, c";y\n' + lines)
    assert load_path(tmp_path / "a.csv").feature_names == ("price, EUR, net", "a, b, c")


@pytest.mark.parametrize("role", ["weights", "groups", "fold"])
def test_a_test_file_needs_no_column_that_is_about_training(tmp_path, role):
    rows = [(i % 7, i % 5 + 1, i % 2) for i in range(60)]
    for name, header in (("a.csv", "a,r,y"), ("b.csv", "a,y")):
        lines = [",".join(map(str, one if name == "a.csv" else (one[0], one[2]))) for one in rows]
        (tmp_path / name).write_text(header + "\n" + "\n".join(lines))
    dataset = load_path(
        tmp_path / "a.csv", test_path=tmp_path / "b.csv", roles=Roles(**{role: "r"})
    )
    assert (dataset.feature_names, len(dataset.test)) == (("a",), 60)

"""The user's own data by path, in every format, whole and broken."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.data import array_files
from bakeoff.data.columns import Rules
from bakeoff.data.frames import Roles
from bakeoff.data.paths import load_path, looks_like_path
from bakeoff.errors import DataError

X = np.arange(48, dtype=np.float64).reshape(24, 2) / 4
Y = np.array(["no", "yes"] * 12)


def _csv(path, text: str | None = None):
    rows = "\n".join(f"{a},{b},{c}" for (a, b), c in zip(X, Y, strict=True))
    path.write_text(f"a,b,label\n{rows}\n" if text is None else text, encoding="utf-8")
    return path


def _all_features(dataset) -> list:
    both = np.concatenate([dataset.features, dataset.test.open_().features])
    return sorted(map(tuple, both.tolist()))


def test_a_csv_file_with_a_column_called_label(tmp_path) -> None:
    dataset = load_path(_csv(tmp_path / "mine.csv"))
    assert dataset.name == "mine"
    assert dataset.feature_names == ("a", "b")
    assert dataset.class_names == ("no", "yes")
    assert (dataset.num_examples, len(dataset.test)) == (20, 4)
    assert _all_features(dataset) == sorted(map(tuple, X.tolist()))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_noticed(tmp_path, separator) -> None:
    text = _csv(tmp_path / "a.csv").read_text().replace(",", separator)
    assert load_path(_csv(tmp_path / "b.csv", text)).feature_names == ("a", "b")


def test_a_byte_order_mark_quotes_blank_lines_and_windows_line_ends_are_fine(tmp_path) -> None:
    lines = ['﻿"a","b, c",label', *(f'{a},"{b}",{c}' for (a, b), c in zip(X, Y, strict=True))]
    dataset = load_path(_csv(tmp_path / "a.csv", "\r\n".join([*lines, "", ""])))
    assert dataset.feature_names == ("a", "b, c")


def test_the_target_can_be_named_and_its_numbers_sort_as_numbers(tmp_path) -> None:
    text = "x,kind\n" + "\n".join(f"{i},{(9, 10, 11)[i % 3]}" for i in range(30))
    dataset = load_path(_csv(tmp_path / "a.csv", text), target="kind")
    assert dataset.class_names == ("9", "10", "11")


def test_the_target_can_be_given_by_its_number_from_zero(tmp_path) -> None:
    rows = "\n".join(f"{'uv'[i % 2]},{i}" for i in range(30))
    path = _csv(tmp_path / "a.csv", f"kind,x\n{rows}")
    assert load_path(path, target=0).class_names == ("u", "v")
    with pytest.raises(DataError, match="name or its number 0 … 1, but got 2"):
        load_path(path, target=2)


def test_a_class_may_be_called_none_or_na(tmp_path) -> None:
    text = "x,label\n" + "\n".join(f"{i},{('None', 'NA')[i % 2]}" for i in range(30))
    assert load_path(_csv(tmp_path / "a.csv", text)).class_names == ("NA", "None")


def test_a_test_file_of_the_same_columns_is_the_test_part(tmp_path) -> None:
    test = _csv(tmp_path / "test.csv", "a,b,label\n-1,-2,yes\n-3,-4,no\n")
    dataset = load_path(_csv(tmp_path / "a.csv"), test_path=test)
    assert dataset.num_examples == 24
    assert dataset.test.open_().features.tolist() == [[-1, -2], [-3, -4]]
    assert [dataset.class_names[k] for k in dataset.test.open_().labels] == ["yes", "no"]


def test_image_shape_turns_whole_numbers_into_the_bytes_they_were(tmp_path) -> None:
    header = "label," + ",".join(f"p{i}" for i in range(4))
    rows = "\n".join(f"{i % 2},{i},{2 * i},0,255" for i in range(24))
    path = _csv(tmp_path / "a.csv", f"{header}\n{rows}\n")
    assert load_path(path, image_shape=(2, 2)).features.dtype == np.uint8
    assert load_path(path, image_shape=(2, 2)).feature_names == ()
    assert load_path(path).features.dtype == np.float32


GOOD = "\n".join(f"{i},{i + 1},{i % 2}" for i in range(20))
BROKEN_TABLES = [
    ("", "is empty"),
    ("\n\n", "is empty"),
    ("a,b,label\n", "at least one row"),
    ("a,label\n1,0\n2,1\ninf,0\n4,1\n", "row 3, column 'a': .* is inf"),
    ("a,label\n1,0\n2,1\n1e300,0\n4,1\n", r"row 3, column 'a': .* is 1e\+300"),
    ("a,label\n1,0\n2,1\n3,\n4,1\n", "row 3, column 'label': the label is missing"),
    ("a,b,label\n1,2,0\n2,1\n3,4,1\n", "cells of the first one, but row 2 has 2; add"),
    ("a,b,label\n1,2,0\n1,2,3,4\n", "every line must have the 3 cells .*line 3"),
    ("a,a,label\n1,2,0\n", "'a' occurs twice"),
    ("a,,label\n1,2,0\n", "column 2 has none"),
    (f"1,2,3\n{GOOD}", "the first line must name the columns"),
    (f"a,b,c\n{GOOD}", "none is called that; name it .*columns: 'a', 'b', 'c'"),
    (f"y,b,label\n{GOOD}", "2 columns could be it"),
    ("a,label\n1,0\n2,0\n3,0\n4,0\n", "at least 2 classes must occur, but found only '0'"),
    ("a,label\n1,0\n2,0\n3,0\n4,1\n", "'1' has 1"),
    ("a,label\n" + "\n".join(f"{i},{i % 35}" for i in range(80)), "look like a number to predict"),
    ("a,label\n" + "\n".join(f"{i},n{i}" for i in range(20)), "20 different values"),
    ("a,label\n" + "\n".join(f"{i},{i * i}" for i in range(20)), "or say task = 'regression'"),
    ("label\n0\n1\n", "at least one column to learn from"),
    ('a,label\n1,"0\n2,1\n', "every line must have|row 1"),
    (f"a,label\n1,0\n2,{'b' * 5000}\n", "'label': a class's name may have 1,000 .* one has 5,000"),
    (f"a,{'b' * 200_000}\n1,0\n", "the first line must name the columns .*field larger"),
    (f"a,label\n{'9' * 400},0\n2,1\n", "row 1, column 'a': .* is inf"),
    (
        ",".join("abcdefgh") + ",label\n" + "1\n" * 50,
        "the 9 cells of the first one, but most have fewer",
    ),
]


@pytest.mark.parametrize(("text", "message"), BROKEN_TABLES)
def test_broken_tables_say_in_one_line_what_is_wrong(tmp_path, text, message) -> None:
    path = _csv(tmp_path / "a.csv", text)
    with pytest.raises(DataError, match=message) as caught:
        load_path(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("default")  # as in production, where a warning stops nothing
@pytest.mark.parametrize("extra", [",9", ","])
def test_cells_beyond_the_last_column_are_never_dropped_silently(tmp_path, extra) -> None:
    text = "a,b,label\n" + "\n".join(f"{i},{i},{i % 2}{extra}" for i in range(20))
    with pytest.raises(DataError, match="every line must have the 3 cells of the first one"):
        load_path(_csv(tmp_path / "a.csv", text))


def test_fractions_between_semicolons_may_have_a_comma(tmp_path) -> None:
    rows = [(i / 4, i % 3, f"w{i % 2}", 0.5 + i / 2) for i in range(40)]
    points = "a,b,c,y\n" + "\n".join(f"{a},{b},{c},{y}" for a, b, c, y in rows)
    commas = points.replace(",", ";").replace(".", ",")
    plain, german = (
        load_path(_csv(tmp_path / name, text), target="y")
        for name, text in (("plain.csv", points), ("german.csv", commas))
    )
    assert german.task == "regression"
    assert german.hash == plain.hash
    mixed = points.replace(",", ";")
    assert load_path(_csv(tmp_path / "mixed.csv", mixed), target="y").hash == plain.hash


@pytest.mark.parametrize("row", ["5,1", "5,1,"])
def test_a_cell_that_is_missing_is_no_gap_but_a_cell_that_is_empty_is(tmp_path, row) -> None:
    lines = [f"{i},{i % 2},{i / 3:.2f}" for i in range(30)]
    lines[7] = row
    path = _csv(tmp_path / "a.csv", 'a,label,"b,c"\n\n' + "\n".join(lines) + "\n")
    if row.count(",") == 2:
        assert np.isnan(load_path(path).features).sum() <= 1
    else:
        with pytest.raises(DataError, match=r"must have the 3 cells .*but row 8 has 2; add"):
            load_path(path)


def test_a_validation_table_writes_its_classes_as_the_other_does(tmp_path) -> None:
    train = _csv(tmp_path / "a.csv")
    other = _csv(tmp_path / "b.csv", "a,b,label\n1,2,No\n3,4,yes\n")
    with pytest.raises(DataError, match=r"but 'No' is none \(there are 'no', 'yes'\); write it as"):
        load_path(train, validation_path=other)


@pytest.mark.parametrize("gap", ["", "NA", "?"])
def test_rows_without_a_target_are_refused_or_left_out(tmp_path, gap) -> None:
    lines = [f"{i % 7},{i / 3:.2f}" for i in range(60)]
    lines[3], lines[40] = f"3,{gap}", f"4,{gap}"
    path = _csv(tmp_path / "a.csv", "a,weight\n" + "\n".join(lines))
    with pytest.raises(
        DataError, match=r"row 4, column 'weight': the label is missing; .*drop_unlabelled"
    ):
        load_path(path, target="weight")
    dataset = load_path(path, target="weight", roles=Roles(drop_unlabelled=True))
    assert dataset.num_examples + len(dataset.test) == 58
    assert dataset.task == "regression"
    assert dataset.remarks == ("2 rows without weight left out, as you said",)
    words = _csv(
        tmp_path / "b.csv",
        "a,label\n" + "\n".join(f"{i},{'NA' if i % 2 else 'no'}" for i in range(40)),
    )
    assert load_path(words).class_names == ("NA", "no")
    text = "a,label\n" + "\n".join(f"{i % 5},{'yes' if i % 2 else 'no'}" for i in range(40))
    words = _csv(tmp_path / "c.csv", text + "\n1,NA\n")
    with pytest.raises(DataError, match=r"'NA' has 1; .*drop_unlabelled = true if it is no label"):
        load_path(words)
    assert load_path(words, roles=Roles(drop_unlabelled=True)).class_names == ("no", "yes")


@pytest.mark.parametrize(
    "names", [[f"row {i}" for i in range(60)], range(60), [i % 3 for i in range(60)]]
)
def test_row_names_without_a_name_are_left_out(tmp_path, names) -> None:
    """As ``write.csv`` and ``to_csv`` write them."""
    frame = pd.DataFrame({"a": np.arange(60) % 7, "label": np.arange(60) % 2}, index=list(names))
    frame.to_csv(tmp_path / "a.csv")
    dataset = load_path(tmp_path / "a.csv")
    assert dataset.feature_names == ("a",)
    told = next(one for one in dataset.described if one.name == "Unnamed: 0")
    assert told.why == "it has no name, as row names have none"
    kept = load_path(tmp_path / "a.csv", roles=Roles(rules=Rules(categorical=("Unnamed: 0",))))
    assert kept.feature_names == ("Unnamed: 0", "a")


def test_a_comma_at_the_end_of_every_line_is_no_column(tmp_path) -> None:
    text = "a,label,\n" + "\n".join(f"{i % 7},{i % 2}," for i in range(60))
    assert load_path(_csv(tmp_path / "a.csv", text)).feature_names == ("a",)


def test_columns_with_another_business_are_named(tmp_path) -> None:
    text = "a,who,label\n" + "\n".join(f"{i % 7},{i % 9},{i % 2}" for i in range(60))
    dataset = load_path(_csv(tmp_path / "a.csv", text), roles=Roles(groups="who"))
    assert dataset.remarks == ("Column who groups each row, as you said",)


def test_a_wrong_target_gets_the_nearest_column(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no column 'lable'; did you mean 'label'\?"):
        load_path(_csv(tmp_path / "a.csv"), target="lable")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,label\n\xff\xfe,1\n", "must be UTF-8 text, but byte 8 is not"),
        (b"a,label\n1\x00,1\n", "zero bytes"),
        (gzip.compress(b"a,label\n1,0\n", mtime=0), "is compressed; unpack it first"),
    ],
)
def test_binary_files_called_csv_are_refused(tmp_path, content, message) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_path(tmp_path / "a.csv")


def test_a_test_file_with_other_columns_is_refused(tmp_path) -> None:
    train = _csv(tmp_path / "a.csv")
    missing = _csv(tmp_path / "b.csv", "a,c,label\n1,2,no\n")
    with pytest.raises(DataError, match=r"b\.csv: .* 'b' is missing"):
        load_path(train, test_path=missing)
    swapped = _csv(tmp_path / "c.csv", "b,a,label\n1,2,no\n")
    test = load_path(train, test_path=swapped).test.open_()
    assert test.features.tolist() == [[2.0, 1.0]]  # columns are matched by name


def _parquet(path, frame: pd.DataFrame):
    frame.to_parquet(path)
    return path


def test_parquet_is_the_same_table(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "label": Y})
    dataset = load_path(_parquet(tmp_path / "a.parquet", frame))
    assert dataset.hash == load_path(_csv(tmp_path / "a.csv")).hash


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2, 3], "label": ["x", None, "x"]}, "row 2, column 'label'"),
        ({"a": [[1], [2], [3]], "label": [0, 1, 0]}, "'a': its cells are of the type ndarray"),
        ({"a": pd.to_datetime(["2024-01-01"] * 3), "label": [0, 1, 0]}, "'a': the same in every"),
        ({"a": [1, 2, 3]}, "none is called that"),
    ],
)
def test_broken_parquet_says_what_is_wrong(tmp_path, columns, message) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match=message):
        load_path(_parquet(tmp_path / "a.parquet", pd.DataFrame(columns)))


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_damaged_parquet_file_is_a_data_error(tmp_path, keep) -> None:
    pytest.importorskip("pyarrow")
    path = _parquet(tmp_path / "a.parquet", pd.DataFrame({"a": X[:, 0], "label": Y}))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))] if isinstance(keep, float) else raw[:keep])
    with pytest.raises(DataError, match="is no undamaged Parquet file"):
        load_path(path)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"pip install 'bakeoff\[parquet\]'"):
        load_path(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train"), ("x", "y"), ("X", "y"), ("data", "target"), ("features", "labels")],
)
def test_npz_pairs_under_their_usual_names(tmp_path, names) -> None:
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)))
    assert _all_features(load_path(tmp_path / "a.npz")) == sorted(map(tuple, X.tolist()))


def test_npz_with_a_test_part_and_names_in_keras_layout(tmp_path) -> None:
    x = np.zeros((24, 4, 4), np.uint8)
    x[:, 0, 0] = range(24)
    np.savez(
        tmp_path / "a.npz",
        x_train=x,
        y_train=np.arange(24) % 2,
        x_test=x[:6],
        y_test=np.arange(6) % 2,
        class_names=["cat", "dog"],
    )
    dataset = load_path(tmp_path / "a.npz")
    assert (dataset.num_examples, len(dataset.test)) == (24, 6)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape == (4, 4)
    assert dataset.features.dtype == np.uint8


def test_the_target_can_name_an_array_of_an_npz_file(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.arange(24), kind=Y)
    assert load_path(tmp_path / "a.npz", target="kind").class_names == ("no", "yes")
    with pytest.raises(DataError, match="must hold an array 'sort' of classes"):
        load_path(tmp_path / "a.npz", target="sort")


def test_a_target_where_it_means_nothing_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="leave out target = 'kind'"):
        load_path(_idx(tmp_path / "mine", "train-"), target="kind")


def test_npz_without_a_known_pair_lists_what_it_holds(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", one=X, two=Y)
    with pytest.raises(DataError, match=r"must hold x_train and y_train .*but holds one, two"):
        load_path(tmp_path / "a.npz")


IMAGES = np.random.default_rng(1).integers(0, 256, (24, 5, 4)).astype(np.uint8)
LABELS = (np.arange(24) % 3).astype(np.uint8)


def _idx(folder, prefix: str, images=IMAGES, labels=LABELS, dot: str = "-", zipped: bool = False):
    folder.mkdir(exist_ok=True)
    for kind, array in (("images", images), ("labels", labels)):
        data = array_files.encode_idx(array)
        path = folder / f"{prefix}{kind}{dot}idx{array.ndim}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(data) if zipped else data)
    return folder


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dot", ["-", "."])
def test_an_idx_folder_with_train_and_test_pairs(tmp_path, dot, zipped) -> None:
    folder = _idx(tmp_path / "mine", "train-", dot=dot, zipped=zipped)
    _idx(folder, "t10k-", IMAGES[:6], LABELS[:6], dot=dot, zipped=zipped)
    dataset = load_path(folder)
    assert (dataset.num_examples, len(dataset.test)) == (24, 6)
    assert dataset.image_shape == (5, 4)
    np.testing.assert_array_equal(dataset.features, IMAGES.reshape(24, 20))
    images = next(path for path in folder.iterdir() if path.name.startswith("train-images"))
    assert load_path(images).hash == dataset.hash


def test_a_single_idx_pair_has_a_part_held_out(tmp_path) -> None:
    dataset = load_path(_idx(tmp_path / "mine", "my-"))
    assert (dataset.num_examples, len(dataset.test)) == (20, 4)


def test_idx_mistakes_are_named(tmp_path) -> None:
    folder = _idx(tmp_path / "mine", "train-")
    with pytest.raises(DataError, match="give the images file of an IDX pair"):
        load_path(folder / "train-labels-idx1-ubyte")
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="labels file of the pair is missing"):
        load_path(folder)
    several = _idx(_idx(tmp_path / "several", "a-"), "b-")
    with pytest.raises(DataError, match="one IDX pair must be called train-images"):
        load_path(several)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xlsx", "the name must tell the format: NPZ, IDX"),
        ("noending", "the name must tell the format"),
    ],
)
def test_unknown_formats_list_the_known_ones(tmp_path, name, message) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=message):
        load_path(tmp_path / name)


def test_a_missing_file_gets_the_nearest_name(tmp_path) -> None:
    _csv(tmp_path / "flowers.csv")
    with pytest.raises(DataError, match=r"no such file or folder; did you mean .*flowers\.csv"):
        load_path(tmp_path / "flower.csv")
    with pytest.raises(DataError, match="no such file or folder; check the path"):
        load_path(tmp_path / "none" / "flower.csv")


def test_a_folder_that_may_not_be_read_is_a_data_error(tmp_path, monkeypatch) -> None:
    def refuse(self) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        load_path(tmp_path)


def test_pictures_in_folders_of_train_and_test(tmp_path) -> None:
    for part, num in (("train", 4), ("test", 2)):
        for kind in ("cat", "dog"):
            folder = tmp_path / "pets" / part / kind
            folder.mkdir(parents=True)
            for i in range(num):
                Image.fromarray(IMAGES[i]).save(folder / f"{i}.png")
    dataset = load_path(tmp_path / "pets")
    assert (dataset.num_examples, len(dataset.test)) == (8, 4)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape == (5, 4)
    np.testing.assert_array_equal(dataset.features[:4], IMAGES[:4].reshape(4, 20))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist", False),
        ("mnits", False),
        ("fashion-mnist", False),
        ("data/mine", True),
        ("mine.csv", True),
        ("~/mine", True),
        ("C:\\mine", True),
    ],
)
def test_paths_are_told_from_names(text, expected, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert looks_like_path(text) is expected
    (tmp_path / "mnits").mkdir()
    assert looks_like_path("mnits")
    (tmp_path / "mnist").mkdir()
    assert not looks_like_path("mnist")


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\u202eb", "a\nb", "a\x9b2J"])
def test_no_message_carries_what_a_terminal_would_obey(tmp_path, name) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.array([name] * 24))
    with pytest.raises(DataError, match="at least 2 classes") as caught:
        load_path(tmp_path / "a.npz")
    assert str(caught.value).isprintable()


def test_parquet_with_text_that_is_none_is_damaged(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": ["Rome", "Oslo"], "label": [0, 1]})
    path = tmp_path / "a.parquet"
    frame.to_parquet(path, compression=None, use_dictionary=False, write_statistics=False)
    raw = path.read_bytes()
    assert raw.count(b"Rome") == 1
    path.write_bytes(raw.replace(b"Rome", b"\xff\xfeme"))
    with pytest.raises(DataError, match=r"is no undamaged Parquet file .*UTF"):
        load_path(path)

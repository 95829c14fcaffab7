"""Data files: CSV, NPZ, NPY, IDX, pictures and Parquet."""

from __future__ import annotations

import csv as csv_module
import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from bakeoff.data.array_files import decode_npy
from bakeoff.data.columns import Rules
from bakeoff.data.dataset import Dataset
from bakeoff.data.encoding import fit
from bakeoff.data.frames import Roles
from bakeoff.data.paths import load_path
from bakeoff.suggest import suggested, told
from tests.fuzz import family
from tests.fuzz.mutations import damaged, hostile_text


def _must_be_sound(dataset: Dataset) -> None:
    """What was accepted keeps the promises of a dataset."""
    test = dataset.test.open_()
    for features, labels in ((dataset.features, dataset.labels), (test.features, test.labels)):
        assert features.ndim == 2, "accepted features are no matrix"
        assert features.dtype in (np.uint8, np.float32), "accepted features have another type"
        assert len(features) == len(labels), "accepted features and labels differ in length"
        if dataset.columns:
            encoding = fit(dataset.columns, dataset.features, np.arange(len(dataset.features)))
            features = encoding.apply(features)
            assert features.shape == (len(labels), len(encoding.names)), "inputs without a name"
        assert np.isfinite(features).all(), "accepted features are not finite"
        if dataset.task == "regression":
            assert np.isfinite(labels).all(), "an accepted target is not finite"
            continue
        assert labels.min() >= 0, "an accepted label is negative"
        assert labels.max() < dataset.num_classes, "an accepted label has no class"


def _options(rng: np.random.Generator, *, target: bool = True) -> dict[str, object]:
    """Sometimes a target or a shape, right or wrong."""
    options: dict[str, object] = {}
    if target and rng.random() < 0.1:
        options["target"] = [0, 1, -1, 10**9, "label", "x", hostile_text(rng)][rng.integers(0, 7)]
    if rng.random() < 0.05:
        options["image_shape"] = [(2, 2), (1, 3), (0, 4), (-1, -4), (2, 2, 3)][rng.integers(0, 5)]
    if rng.random() < 0.05:
        options["test_fraction"] = [0.5, 0.0, 1.0, -1.0, float("nan"), 1e-9][rng.integers(0, 6)]
    return options


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _labels(rng: np.random.Generator, num: int) -> np.ndarray:
    match int(rng.integers(0, 8)):
        case 0:
            return np.array(["no", "yes"])[np.arange(num) % 2]
        case 1:
            return np.array([_encodable(hostile_text(rng))[:200] for _ in range(3)])[
                np.arange(num) % 3
            ]
        case 2:
            return rng.normal(size=num)
        case 3:
            return rng.integers(-(2**62), 2**62, num)
        case 4:
            return (np.arange(num) % 2).astype(bool)
        case 5:
            return (np.arange(num) % 3).astype(np.uint64) + np.uint64(2**63)
        case 6:
            return (np.arange(num) % 2).reshape(-1, 1)
        case _:
            return np.arange(num) % 3


_CELLS = [
    "1e400", "-1e-400", "nan", "inf", "-inf", "0x10", "1_000", "1,5", "１２", "TRUE", "yes",
    "18446744073709551616", "-9223372036854775809", "9" * 400, "2024-01-01", '"', '""', "'",
    '"a\nb"', "NA", "", " ", "1e", "++1", "1;2", "\t", "x" * 200_000,
]  # fmt: skip


@family("csv", seconds=10.0)
def csv(rng: np.random.Generator, folder: Path) -> None:
    columns = int(rng.choice([1, 2, 3, 5, 20, 300]))
    lines = int(rng.choice([0, 1, 3, 30, 30, 300]))
    if rng.random() < 0.02:  # wide, or long and short of cells
        columns, lines = int(rng.choice([20_000, 60_000, 100_001])), int(rng.choice([2, 20]))
    separator = str(rng.choice([",", ",", ";", "\t"]))
    header = [f"x{i}" for i in range(columns - 1)] + ["label"]
    for _ in range(rng.integers(0, 3) if rng.random() < 0.4 else 0):
        header[int(rng.integers(0, columns))] = hostile_text(rng)
    width = columns if rng.random() < 0.8 else int(rng.integers(0, columns + 3))
    wide = columns > 1000
    if wide and rng.random() < 0.3:
        width, lines = int(rng.integers(0, 4)), 20_000
    row = separator.join(["1"] * max(0, width - 1))
    rows = [
        f"{row}{separator}{i % 2}"
        if wide
        else separator.join([*map(str, rng.integers(0, 9, max(0, width - 1))), str(i % 2)])
        for i in range(lines)
    ]
    for _ in range(rng.integers(0, 4) if rows and rng.random() < 0.5 else 0):
        at = int(rng.integers(0, len(rows)))
        cells = rows[at].split(separator)
        cell = _CELLS[rng.integers(0, len(_CELLS))] if rng.random() < 0.7 else hostile_text(rng)
        cells[int(rng.integers(0, len(cells)))] = cell
        rows[at] = separator.join(cells)
    end = str(rng.choice(["\n", "\r\n", "\r", "\n\n"]))
    text = separator.join(header) + end + end.join(rows) + (end if rng.random() < 0.8 else "")
    raw = text.encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "replace")
    if rng.random() < 0.9:
        raw = raw.replace(b"\0", b"")
    if rng.random() < 0.2:
        raw = damaged(rng, raw)
    path = folder / str(rng.choice(["a.csv", "a.tsv"]))
    path.write_bytes(raw)
    _must_be_sound(load_path(path, **_options(rng)))


def _column(rng: np.random.Generator, num: int) -> list[str]:
    """The cells of one column as people have them: numbers, words, dates, gaps, a few odd ones."""
    match int(rng.integers(0, 8)):
        case 0:
            cells = [
                f"{value:.3f}" for value in rng.normal(size=num) * 10.0 ** rng.integers(-40, 40)
            ]
        case 1:
            cells = [f"2024-{m:02}-{d:02}" for m, d in rng.integers(1, 29, (num, 2)) % [12, 28] + 1]
        case 2:
            cells = [f"{n}" for n in rng.permutation(num) + int(rng.integers(0, 10**9))]
        case 3:
            cells = ["x"] * num
        case 4:
            cells = [""] * num
        case 5:
            cells = [f"{a} {b} {c}" for a, b, c in rng.integers(0, 10**6, (num, 3))]
        case 6:
            cells = [str(rng.choice(["true", "false"])) for _ in range(num)]
        case _:
            words = [_encodable(hostile_text(rng))[:50].replace("\0", "") for _ in range(4)]
            cells = [str(rng.choice(["Rome", "Oslo", *words])) for _ in range(num)]
    for _ in range(int(rng.integers(0, 6)) if rng.random() < 0.6 else 0):
        odd = ["", "NA", "?", "-", "null", *_CELLS[:-1]]
        cells[int(rng.integers(0, num))] = odd[int(rng.integers(0, len(odd)))]
    return cells


def _some(rng: np.random.Generator, names: list[str]) -> tuple[str, ...]:
    chosen = [name for name in names if rng.random() < 0.15]
    return tuple(chosen + (["absent"] if rng.random() < 0.05 else []))


@family("tables", seconds=10.0)
def tables(rng: np.random.Generator, folder: Path) -> None:
    """Tables of every kind of column, in every role, looked at as ``run data.csv`` does."""
    num = int(rng.choice([2, 10, 40, 200]))
    columns = {f"c{number}": _column(rng, num) for number in range(int(rng.integers(1, 8)))}
    columns["y"] = (
        [str(value) for value in rng.integers(0, 3, num)]
        if rng.random() < 0.6
        else _column(rng, num)
    )
    text = io.StringIO()
    writer = csv_module.writer(text)
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    names = list(columns)

    def one() -> str | None:
        return str(rng.choice([*names, "absent"])) if rng.random() < 0.1 else None

    rules = Rules(
        *(_some(rng, names) if rng.random() < 0.1 else () for _ in range(6)),
    )
    roles = Roles("y", rules, weights=one(), groups=one(), fold=one())
    path = folder / "a.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "replace"))
    task = [None, None, "regression", "classification"][int(rng.integers(0, 4))]
    dataset = load_path(path, target="y", roles=roles, task=task, in_order=bool(rng.random() < 0.2))
    _must_be_sound(dataset)
    assert suggested(dataset)["base"], "nothing is suggested"
    assert all(map(str, told(dataset)))


_TYPES = ["u1", "i1", "<i2", ">i4", "<i8", "<u8", "f2", "<f4", ">f8", "<f16", "<c8", "?", "<U5", "S7",
          "<M8[ns]", "m8", "V9", "<U0", "S0"]  # fmt: skip


def _array(rng: np.random.Generator, num: int) -> np.ndarray:
    shape = [(num, 4), (num,), (num, 2, 2), (num, 2, 2, 3), (num, 1), (0, 4), (num, 0), ()]
    chosen = shape[int(rng.choice(len(shape), p=[0.5, *[0.5 / 7] * 7]))]
    kind = np.dtype(_TYPES[int(rng.integers(0, len(_TYPES)))] if rng.random() < 0.3 else "<f8")
    size = int(np.prod(chosen)) * kind.itemsize
    raw = rng.bytes(size) if rng.random() < 0.3 else bytes([1]) * size
    return np.ndarray(chosen, kind, raw).copy()


_DESCRIPTIONS = [
    "'<f8'", "'|O'", "'<U1000000000'", "'<f8,<f8'", "[('a', '<f8')]", "('<f8', (2,))", "'x'", "None",
    "1", "[]", "''", "'<U4', 'b': 1", "b'<f8'", "'|V0'", "('<f8',)", "[('a', '<f8', (2**40,))]", "'>U3'",
    "['<f8']", "{'names': ['a'], 'formats': ['<f8']}",
]  # fmt: skip
_SHAPES = [
    "(12,)", "(3, 4)", "(-1,)", "(2**63,)", "(9223372036854775807,)", "(1e3,)", "(True,)", "('a',)",
    "12", "()", "(0, 99999999999999999999)", "[3, 4]", "(" + "1," * 70 + ")", "(3, 4", "None",
    "(0x3, 4)", "(" * 100 + ")" * 100,
]  # fmt: skip


def _npy(rng: np.random.Generator) -> bytes:
    """An NPY file whose header says odd things."""
    description = _DESCRIPTIONS[rng.integers(0, len(_DESCRIPTIONS))]
    shape = _SHAPES[rng.integers(0, len(_SHAPES))]
    fortran = ["False", "True", "0", "'x'", "None"][int(rng.choice(5, p=[0.6, 0.1, 0.1, 0.1, 0.1]))]
    header = f"{{'descr': {description}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    if rng.random() < 0.2:
        header = damaged(rng, header.encode()).decode("latin-1")
    packed = header.encode("latin-1", "replace") + b"\n"
    version = [(1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (9, 9)][rng.integers(0, 6)]
    length = struct.pack("<H" if version == (1, 0) else "<I", min(len(packed), 65_535))
    return b"\x93NUMPY" + bytes(version) + length + packed + rng.bytes(96)


def _saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@family("npy")
def npy(rng: np.random.Generator, folder: Path) -> None:
    raw = _npy(rng) if rng.random() < 0.6 else _saved(_array(rng, 12))
    decode_npy(damaged(rng, raw) if rng.random() < 0.5 else raw, "file")


@family("npz")
def npz(rng: np.random.Generator, folder: Path) -> None:
    file = io.BytesIO()
    num = int(rng.choice([1, 4, 24, 24, 24]))
    with zipfile.ZipFile(
        file, "w", int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    ) as z:
        names = [("x", "y"), ("x_train", "y_train"), ("data", "target")][rng.integers(0, 3)]
        z.writestr(f"{names[0]}.npy", _npy(rng) if rng.random() < 0.2 else _saved(_array(rng, num)))
        z.writestr(f"{names[1]}.npy", _saved(_labels(rng, num)))
        for extra in ("x_test", "y_test", "class_names", "feature_names"):
            if rng.random() < 0.15:
                z.writestr(f"{extra}.npy", _saved(_array(rng, num)))
        if rng.random() < 0.1:
            odd = _encodable(hostile_text(rng)).replace("\0", "")
            z.writestr(f"{odd}.npy", b"")
        if rng.random() < 0.02:  # a bomb
            z.writestr("x_bomb.npy", bytes(int(rng.choice([50, 255, 300])) * 2**20), 8)
    raw = file.getvalue()
    path = folder / "a.npz"
    path.write_bytes(damaged(rng, raw) if rng.random() < 0.3 else raw)
    _must_be_sound(load_path(path, **_options(rng)))


def _idx(rng: np.random.Generator, shape: tuple[int, ...]) -> bytes:
    code = int(rng.choice([8] * 12 + [9, 11, 12, 13, 14, 7, 255]))
    sizes = [*shape]
    if rng.random() < 0.1:
        sizes[int(rng.integers(0, len(sizes)))] = int(rng.choice([0, 1, 2**31, 2**32 - 1]))
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, code, len(sizes), *sizes)
    width = {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}.get(code, 1)
    body = bytes(i % 3 for i in range(int(np.prod(shape)) * width))
    return header + body


@family("idx")
def idx(rng: np.random.Generator, folder: Path) -> None:
    for stem, shape in (("images-idx3", (24, 3, 3)), ("labels-idx1", (24,))):
        raw = _idx(rng, shape)
        zipped = rng.random() < 0.5
        if rng.random() < 0.2:
            raw = damaged(rng, raw)
        if zipped and rng.random() < 0.03:
            raw += bytes(100 * 2**20)  # a bomb behind its end
        if zipped:
            raw = gzip.compress(raw, 1)
            raw = damaged(rng, raw) if rng.random() < 0.3 and len(raw) < 10_000 else raw
        name = f"{rng.choice(['train'] * 9 + ['t10k'])}-{stem}-ubyte{'.gz' if zipped else ''}"
        (folder / name).write_bytes(raw)
    _must_be_sound(load_path(folder, **_options(rng, target=False)))


def _picture(rng: np.random.Generator) -> bytes:
    from PIL import Image

    mode = str(rng.choice(["L", "RGB", "RGBA", "P", "1", "I;16", "CMYK", "LA", "F", "I", "YCbCr"]))
    kind = str(rng.choice(["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"]))
    picture = Image.new("RGB", (8, 6), tuple(map(int, rng.integers(0, 256, 3))))
    file = io.BytesIO()
    try:
        picture.convert(mode).save(file, kind)
    except (OSError, ValueError, KeyError):  # a mode that this format does not have
        picture.save(file, "PNG")
    return file.getvalue()


def _enormous_png(rng: np.random.Generator) -> bytes:
    side = int(rng.choice([4000, 5000, 60_000, 2**31 - 1]))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes(min(side, 5000) * (min(side, 5000) + 1)), 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@family("pictures")
def pictures(rng: np.random.Generator, folder: Path) -> None:
    for name in ("a", "b"):
        place = folder / name
        place.mkdir()
        for number in range(int(rng.integers(3, 6))):
            raw = _picture(rng) if rng.random() < 0.995 else _enormous_png(rng)
            if rng.random() < 0.15:
                raw = damaged(rng, raw)
            ending = str(rng.choice(["png", "jpg", "gif", "tif", "webp", "txt", "ppm"]))
            (place / f"{number}.{ending}").write_bytes(raw)
    if rng.random() < 0.1:
        odd = (
            hostile_text(rng).replace("/", "_").replace("\0", "_").encode("utf-8", "replace")[:200]
        )
        (folder / (odd.decode("utf-8", "replace") or "_")).mkdir(exist_ok=True)
    _must_be_sound(load_path(folder, **_options(rng, target=False)))


@family("parquet")
def parquet(rng: np.random.Generator, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    num = int(rng.choice([0, 1, 24, 24, 24]))
    columns: dict[str, object] = {}
    for index in range(int(rng.integers(2, 5))):
        kinds = [
            pa.array(rng.normal(size=num)),
            pa.array(np.arange(num)),
            pa.array([None] * num, pa.float64()),
            pa.array([None] * num),
            pa.array([[1]] * num),
            pa.array(["a"] * num).dictionary_encode(),
            pa.array([2**63] * num, pa.uint64()),
            pa.array([True, None] * (num // 2) + [None] * (num % 2)),
            pa.array([b"\xff"] * num),
            pa.array([0] * num, pa.timestamp("ns", "Europe/Berlin")),
            pa.array([10**30] * num, pa.decimal128(38, 0)),
            pa.array([{"a": 1}] * num),
            pa.array(["x" * 100_000] * num),
            pa.array([1] * num, pa.float16()) if rng.random() < 0.5 else pa.array([1] * num),
        ]
        at = int(rng.integers(0, len(kinds))) if rng.random() < 0.5 else 0
        columns[hostile_text(rng) if rng.random() < 0.1 else f"x{index}"] = kinds[at]
    labels = np.ravel(_labels(rng, num))
    columns["label"] = pa.array(labels.tolist() if labels.dtype.kind == "U" else labels)
    try:
        table = pa.table({_encodable(k): v for k, v in columns.items()})
    except (UnicodeError, pa.ArrowInvalid):
        table = pa.table({"label": pa.array(np.arange(num) % 2)})
    path = folder / "a.parquet"
    pq.write_table(table, path, compression=str(rng.choice(["snappy", "gzip", "none", "zstd"])))
    if rng.random() < 0.4:
        path.write_bytes(damaged(rng, path.read_bytes()))
    _must_be_sound(load_path(path, **_options(rng)))

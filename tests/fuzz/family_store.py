"""What bakeoff wrote itself and was damaged since: stores, packed arrays, model files.

A damaged store may be refused, and what is damaged may be left out; but a number that it shows must
be the one that was stored.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff import Study
from bakeoff.data.arrays import from_arrays
from bakeoff.dense.model import TrainedModel
from bakeoff.errors import StoreError
from bakeoff.report.json import dumps
from bakeoff.store.arrays import pack, unpack
from bakeoff.store.sqlite import Store
from tests.fuzz import family
from tests.fuzz.mutations import damaged, hostile_text

_PAGE = 4096


@functools.cache
def _golden() -> tuple[bytes, dict[str, str], dict[str, str], str, bytes]:
    """A store with a finished and an unfinished study: its bytes, what it shows, a model file."""
    import tempfile

    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    features = rng.normal(size=(240, 5)) + labels[:, None]
    with tempfile.TemporaryDirectory() as name:
        path, model = Path(name) / "a.sqlite", Path(name) / "m.safetensors"
        study = Study(
            from_arrays(features, labels),
            name="first",
            base={"hidden": [4], "epochs": 3, "learning_rate": 0.1},
            looks=[3],
            engine="reference",
        )
        study.stage("width", hidden=[[4], [5]]).stage("rate", learning_rate=[0.1, 0.2])
        result = study.run(store=path)
        result.model.save(model)
        with Store.open(path) as store:
            rows = store.studies()
            spec = {"name": "second", "metric": "auto"}
            first = result.record
            number = store.begin_study(
                "second",
                spec,
                kind="study",
                seed=1,
                data=first.data,
                environment=first.environment,
                engine=first.engine,
                started_at=first.started_at,
            )
            store.save_stage(number, 0, first.stages[0])
            assert len(rows) == 1
        results, runs, frame = _shown(path)
        assert len(results) == 2
        return path.read_bytes(), results, runs, frame, model.read_bytes()


def _shown(path: Path) -> tuple[dict[str, str], dict[str, str], str]:
    """Everything that a store shows: studies by name, runs by key, the frame as lines."""
    with Store.open(path, write=False) as store:
        results = {}
        rows = store.studies()
        for row in rows:
            try:
                results[row.name] = dumps(store.load_result(row.id)) + repr(row)
            except StoreError:
                continue
        frame = store.runs()
        found = store.find_runs(list(frame["key"]))
        runs = {key: _text(run) for key, run in found.items()}
        return results, runs, frame.to_csv(index=False)


def _text(run: Any) -> str:
    curves = {name: curve.tolist() for name, curve in run.curves.items()}
    return repr((run.status, run.reason, dict(run.metrics), curves, dict(run.notes), run.engine))


def _damaged_database(rng: np.random.Generator, data: bytes) -> bytes:
    out = bytearray(data)
    pages = len(out) // _PAGE
    match int(rng.integers(0, 7)):
        case 0 | 1:
            for _ in range(int(rng.choice([1, 1, 8, 200]))):
                out[int(rng.integers(0, len(out)))] ^= 1 << int(rng.integers(0, 8))
        case 2:  # a sector of zeros, or of what was there before
            start = 512 * int(rng.integers(0, len(out) // 512))
            out[start : start + 512] = bytes(512) if rng.random() < 0.5 else rng.bytes(512)
        case 3:  # pages in one another's places
            one, other = (_PAGE * int(page) for page in rng.integers(1, pages, 2))
            out[one : one + _PAGE], out[other : other + _PAGE] = (
                out[other : other + _PAGE],
                out[one : one + _PAGE],
            )
        case 4:
            out = out[: int(rng.integers(0, len(out)))]
        case 5:  # a digit of a number, as text
            digits = [index for index in rng.integers(0, len(out), 4000) if 48 <= out[index] < 58]
            for index in digits[: int(rng.integers(1, 4))]:
                out[index] = 48 + (out[index] - 47) % 10
        case _:
            return damaged(rng, data)
    return bytes(out)


@family("stores", prepare=_golden)
def stores(rng: np.random.Generator, folder: Path) -> None:
    data, results, runs, frame, _ = _golden()
    path = folder / "a.sqlite"
    path.write_bytes(_damaged_database(rng, data))
    refusal: StoreError | None = None
    try:
        _must_show_what_was_stored(path, results, runs, frame)
        with Store.open(path, write=False) as store:
            problems = store.check()
        now_results, now_runs, _ = _shown(path)
        is_whole = set(now_runs) == set(runs) and set(now_results) == set(results)
        assert is_whole or problems, "something is missing and the store is called sound"
    except StoreError as error:
        refusal = error
    # What can still be read comes into a new store, and is what it was.
    with Store.open(folder / "new.sqlite") as store:
        store.merge(path)
        assert store.check() == [], "a merge of a damaged store is not sound"
    _must_show_what_was_stored(folder / "new.sqlite", results, runs, None)
    with Store.open(path) as store:  # for writing
        store.check()
    if refusal is not None:
        raise refusal


def _must_show_what_was_stored(
    path: Path, results: dict[str, str], runs: dict[str, str], frame: str | None
) -> None:
    now_results, now_runs, now_frame = _shown(path)
    for name, text in now_results.items():
        if frame is not None:
            assert results.get(name) == text, f"study {name} shows other numbers"
    for key, text in now_runs.items():
        assert runs.get(key) == text, f"run {key} shows other numbers"
    if frame is not None:
        rows = _rows_of(frame)
        assert all(row in rows for row in _rows_of(now_frame)), "the frame shows other numbers"


def _rows_of(frame: str) -> list[dict[str, str | float]]:
    """Rows of a CSV, numbers as such: 32 is 32.0 in a column with gaps.

    A column that is empty, which may be gone with its only run, counts for nothing.
    """
    rows = csv.DictReader(io.StringIO(frame, newline=""))
    return [{name: _cell(cell) for name, cell in row.items() if cell} for row in rows]


def _cell(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


@family("arrays")
def arrays(rng: np.random.Generator, folder: Path) -> None:
    dtype = rng.choice(["<f8", "<f4", "|u1", "<i8", "|b1", "<u2"])
    shape = tuple(int(size) for size in rng.integers(0, 9, int(rng.integers(0, 4))))
    blob = pack((rng.random(shape) * 100).astype(dtype))
    if rng.random() < 0.5:
        blob = damaged(rng, blob)
    else:  # a head that claims anything
        ndim = int(rng.choice([0, 1, 2, 3, 64, 65, 255]))
        sizes = [_SIZES[index] for index in rng.integers(0, len(_SIZES), ndim)]
        head = bytes((1, int(rng.integers(0, 3)), ndim)) + str(dtype).encode()
        blob = head + struct.pack(f"<{ndim}Q", *sizes) + rng.bytes(int(rng.integers(0, 40)))
    try:
        unpack(blob)
    except ValueError as error:
        raise StoreError(str(error)) from error


_SIZES = (0, 1, 2, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
_ODD = ["NaN", "Infinity", "-1", "1e999", "null", "[]", "{}", '""', "true", "9" * 5000, "[" * 3000]


@family("models", prepare=_golden)
def models(rng: np.random.Generator, folder: Path) -> None:
    model = _golden()[-1]
    size = struct.unpack("<Q", model[:8])[0]
    header, tensors = model[8 : 8 + size], model[8 + size :]
    if rng.random() < 0.4:
        model = damaged(rng, model)
    else:
        parsed = json.loads(header)
        text = parsed["__metadata__"]["bakeoff"]
        match int(rng.integers(0, 4)):
            case 0:  # a value in the description becomes another
                values = json.loads(text)
                path = list(values) + [f"settings/{name}" for name in values["settings"]]
                name = str(rng.choice(path)).rpartition("/")
                inner = values["settings"] if name[0] else values
                inner[name[2]] = "@"
                text = json.dumps(values).replace('"@"', str(rng.choice(_ODD)))
            case 1:
                text = damaged(rng, text.encode()).decode("utf-8", "replace")
            case 2:
                text = text.replace("class_names", hostile_text(rng), 1)
            case _:
                values = json.loads(text)
                values["class_names"] = [hostile_text(rng) for _ in values["class_names"]]
                values["provenance"] = {hostile_text(rng): hostile_text(rng)}
                text = json.dumps(values)
        parsed["__metadata__"]["bakeoff"] = text
        if rng.random() < 0.2:
            name = str(rng.choice([name for name in parsed if name != "__metadata__"]))
            parsed[name]["shape"] = [int(one) for one in rng.integers(0, 9, 2)]
        header = json.dumps(parsed, ensure_ascii=rng.random() < 0.9).encode("utf-8", "replace")
        header += b" " * (-len(header) % 8)
        model = struct.pack("<Q", len(header)) + header + tensors
    (folder / "m.safetensors").write_bytes(model)
    loaded = TrainedModel.load(folder / "m.safetensors")
    loaded.predict_proba(np.zeros((2, loaded.num_features), np.float32))
    repr(loaded)
    loaded.save(folder / "again.safetensors")

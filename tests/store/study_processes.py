"""``bakeoff run digits`` ended at random moments and run again, in a program of its own.

    python study_processes.py FOLDER SIGNAL NUM_ENDINGS SEED

SIGNAL is ``SIGKILL``, ``SIGTERM`` or ``FULL`` (a limit on the size of files, which SQLite meets as
it meets a full disk). The command line is imported once and forked for every call, so that an
ending costs what the study costs, not what Python's start does. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import random
import resource
import signal
import sqlite3
import sys
import time
import traceback
from importlib import resources
from pathlib import Path
from typing import Any

import bakeoff
from bakeoff.cli import main
from bakeoff.store.sqlite import Store

TIMES = ("seconds", "train_seconds")
# An ending comes at any moment in this first share of what a whole study takes. What is left to do
# shrinks from call to call, so the last steps are hit as often as the first.
LATEST = 0.4


def load_everything() -> None:
    """Imports all of bakeoff and what it imports late, once for all children."""
    for name in ("pandas", "scipy.stats", "sklearn.datasets", "sklearn.model_selection"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(bakeoff.__path__, "bakeoff."):
        if not module.name.endswith(("__main__", "._native")):
            importlib.import_module(module.name)


def start(folder: Path, json_path: Path, size_limit: int | None = None) -> int:
    """A child that runs the study; its process id."""
    child = os.fork()
    if child:
        return child
    try:
        for stream, name in ((1, "out.txt"), (2, "errors.txt")):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            os.dup2(file, stream)
        if size_limit is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size_limit, hard))
        store, model = folder / "a.sqlite", folder / "model.safetensors"
        study = folder.parent / "digits.toml"
        words = ["run", study, "--store", store, "--json", json_path, "--model", model]
        main([*map(str, words), "--no-report", "--plain", "--quiet"])
    except SystemExit as ending:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ending.code if isinstance(ending.code, int) else 98)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(99)


def finish(child: int) -> int:
    """Exit code of a child; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def without_times(path: Path) -> bytes:
    """The result document, byte for byte but for its times."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: strip(value) for key, value in node.items() if key not in TIMES}
        if isinstance(node, list):
            return [strip(value) for value in node]
        return node

    return json.dumps(strip(json.loads(path.read_text(encoding="utf-8")))).encode()


def stored(path: Path) -> tuple[str, dict[str, tuple[Any, ...]]]:
    """What SQLite thinks of the store, and of every run with an outcome all that must not change."""
    connection = sqlite3.connect(path, timeout=30)
    try:
        integrity = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        rows = connection.execute(
            "SELECT key, state, metrics, curves, train_seconds, recorded_at FROM run "
            "WHERE state IN ('finished', 'failed')"
        )
        return integrity, {row[0]: row[1:] for row in rows}
    finally:
        connection.close()


def play(folder: Path, how: str, num_endings: int, seed: int) -> dict[str, Any]:
    """Ends and resumes studies until there were so many endings; says what was wrong."""
    moments = random.Random(seed)
    built_in = resources.files("bakeoff.studies").joinpath("digits.toml")
    text = built_in.read_text(encoding="utf-8")
    assert "epochs = 30\n" in text
    # The shorter the runs, the more endings fall between them, where something is written.
    (folder / "digits.toml").write_text(text.replace("epochs = 30", "epochs = 5"), encoding="utf-8")
    plain = folder / "undisturbed"
    plain.mkdir()
    began = time.monotonic()
    code = finish(start(plain, plain / "result.json"))
    assert code == 0, (plain / "errors.txt").read_text()
    duration = time.monotonic() - began
    wanted = without_times(plain / "result.json")
    final_size = (plain / "a.sqlite").stat().st_size
    _, true_runs = stored(plain / "a.sqlite")
    bad: list[str] = []
    endings = studies = 0
    codes: dict[str, int] = {}
    while not bad and (endings < num_endings or not studies):
        place = folder / f"study{studies}"
        place.mkdir()
        before: dict[str, tuple[Any, ...]] = {}
        tries = 0
        while True:
            # Now and then it runs to its end, so that forty endings see two studies at least.
            let_go = tries >= 20 or endings >= num_endings
            limit = None
            if how == "FULL" and not let_go:
                limit = moments.randrange(0, 3 * final_size)
            child = start(place, place / "result.json", limit)
            if how != "FULL" and not let_go:
                time.sleep(moments.uniform(0.0, LATEST * duration))
                os.kill(child, getattr(signal, how))
            code = finish(child)
            codes[str(code)] = codes.get(str(code), 0) + 1
            tries += 1
            if code == 0:
                break
            endings += 1
            name = f"study {studies}, ending {tries}, code {code}"
            written = place / "errors.txt"
            errors = written.read_text("utf-8", "replace") if written.exists() else ""
            # Compiled code that drops an interruption says so; the driver must end all the same.
            crashed = "Traceback" in errors and "Exception ignored in" not in errors
            if crashed or code == 99 or let_go:
                bad.append(f"{name}: {errors}")
                if let_go:
                    break
            if not (place / "a.sqlite").exists():
                continue
            integrity, after = stored(place / "a.sqlite")
            if integrity != "ok":
                bad.append(f"{name}: {integrity}")
            other = [
                key
                for key, row in after.items()
                if key in true_runs and row[:3] != true_runs[key][:3]
            ]
            if other:
                bad.append(f"{name}: runs with another outcome than undisturbed: {other}")
            changed = [key for key, row in before.items() if after.get(key) != row]
            if changed:
                bad.append(f"{name}: finished runs lost or repeated: {changed}")
            before = after
            with Store.open(place / "a.sqlite", write=False) as store:
                if "running" in set(store.runs()["state"]):
                    bad.append(f"{name}: a run of a driver that ended reads as running")
        if not (place / "result.json").exists():
            bad.append(f"study {studies}: ended with {code}, but wrote no result")
            break
        _, last = stored(place / "a.sqlite")
        if any(last.get(key) != row for key, row in before.items()):
            bad.append(f"study {studies}: finished runs lost or repeated by the last resumption")
        if last.keys() != true_runs.keys():
            bad.append(f"study {studies}: {len(last)} runs, undisturbed {len(true_runs)}")
        # The document names where the model went, which differs by folder alone.
        got = without_times(place / "result.json").replace(bytes(place), bytes(plain))
        if got != wanted:
            bad.append(f"study {studies}: another result than undisturbed")
        with Store.open(place / "a.sqlite", write=False) as store:
            bad += store.check()
            openings = store.load_result("digits").openings
            if [opening.ordinal for opening in openings] != [1]:
                bad.append(f"study {studies}: openings {openings}")
        studies += 1
    return {"bad": bad, "endings": endings, "studies": studies, "codes": codes}


if __name__ == "__main__":
    folder, how, num_endings, seed = sys.argv[1:]
    load_everything()
    print(json.dumps(play(Path(folder), how, int(num_endings), int(seed))))  # noqa: T201

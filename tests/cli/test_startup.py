"""The start of a process: what is begun early is a guess that can be wrong, and harms nothing then."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from bakeoff.cli import main, running, startup
from bakeoff.cli.meanwhile import Meanwhile
from bakeoff.cli.output import write_message
from bakeoff.data import catalogue, sources
from bakeoff.execution.events import Silent
from bakeoff.store.sqlite import Store
from named_files import ARRAYS, shrink, write_files


@pytest.fixture
def mnist(tmp_path, monkeypatch) -> Path:
    """The folder of a small MNIST."""
    shrink(monkeypatch, tmp_path)
    folder = write_files(tmp_path / "data" / "mnist")
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    return folder


def test_the_data_of_a_built_in_study_is_begun_before_the_study_is_checked(mnist) -> None:
    early = startup.early_files(["run", "--replicates", "1", "mnist-notebook"])
    assert early is not None
    assert early.name == "mnist"
    files = early.result()
    assert files is not None
    dataset = sources.load_named("mnist", files=files)
    assert dataset.features.tobytes() == ARRAYS["train_images"].tobytes()
    assert dataset.hash == sources.load_named("mnist").hash


def test_the_data_of_a_study_file_is_begun(mnist, tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('format = 1\ndata = "mnist"\n')
    early = startup.early_files(["run", str(path)])
    assert early is not None
    assert early.result() is not None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["check", "mnist"],
        ["run"],
        ["run", "digits"],
        ["run", "nothing.toml"],
        ["run", "--store", "../../mnist"],
        ["run", "broken.toml"],
        ["run", "own.toml"],
    ],
)
def test_nothing_is_begun_where_nothing_is_known(mnist, tmp_path, monkeypatch, words) -> None:
    (tmp_path / "broken.toml").write_text("data = [")
    (tmp_path / "own.toml").write_text('data = { path = "own.csv" }')
    monkeypatch.chdir(tmp_path)
    assert startup.early_files(words) is None


def test_nothing_is_begun_for_data_that_is_not_on_this_machine(tmp_path, monkeypatch) -> None:
    shrink(monkeypatch, tmp_path)
    assert startup.early_files(["run", "mnist"]) is None


def test_a_damaged_file_is_left_to_whoever_loads_the_data(mnist) -> None:
    file = catalogue.CATALOGUE["mnist"].files[0]
    (mnist / f"{file.stem}.gz").write_bytes(b"\x1f\x8b damaged")
    early = startup.early_files(["run", "mnist"])
    assert early is not None
    assert early.result() is None


def test_starting_imports_neither_numpy_nor_the_commands() -> None:
    code = (
        "import sys, bakeoff.cli; from bakeoff.cli import startup; startup.early_files(['run']);"
        "print([m for m in ('numpy', 'typer', 'pydantic', 'rich', 'logging') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_choice_of_the_user_for_blas_stands(monkeypatch) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "20")
    startup.quiet_libraries()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "20"


def test_garbage_is_collected_again_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError), startup.importing():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_modules_for_the_end_are_imported_once_the_first_run_starts(tmp_path, monkeypatch) -> None:
    code = "made = []\ndef prepare():\n    made.append(True)\n"
    (tmp_path / "needed_at_the_end.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = []

    class Watching(Silent):
        def run_started(self, request) -> None:
            seen.append(request)

    observer = Meanwhile(Watching(), ["needed_at_the_end"], lambda: None)
    observer.study_started("study", 1, 2)
    assert "needed_at_the_end" not in sys.modules
    for request in ("first", "second"):
        observer.run_started(request)
    for thread in threading.enumerate():
        if thread.name == "bakeoff-imports":
            thread.join()
    assert seen == ["first", "second"]
    assert sys.modules.pop("needed_at_the_end").made == [True]


def test_a_message_looks_as_rich_would_print_it_off_a_terminal(monkeypatch) -> None:
    line = "study: “3×64”, [bold]no markup[/] " + "long " * 60
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    write_message(line)
    by_rich = io.StringIO()
    Console(file=by_rich, width=40, markup=False).print(Text(line), soft_wrap=True)
    assert stream.getvalue() == by_rich.getvalue().rstrip(" \n") + "\n"


def test_ctrl_c_that_an_import_dropped_still_ends_the_command(tmp_path, monkeypatch) -> None:
    def dropping(name: str) -> None:
        if name == "numpy.random":  # once: a second signal ends the process at once
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "import_module", dropping)
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as ended:
            main(["run", "digits", "--no-report", "--quiet"])
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    assert ended.value.code == 130
    with Store.open("bakeoff.sqlite", write=False) as store:
        assert [row.num_finished for row in store.studies()] == [0]

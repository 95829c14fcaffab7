"""``bakeoff run`` as a user meets it: output, files, exit codes, interruption."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from calling import SMALL_STUDY, bakeoff, bakeoff_process, environment

from bakeoff.cli.options import seconds_of

ESCAPE = "\x1b"
GOLDEN_STORES = Path(__file__).parents[1] / "golden_stores"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(SMALL_STUDY)
    return tmp_path


def test_results_go_to_standard_output_and_progress_to_standard_error(folder: Path) -> None:
    done = bakeoff_process("run", "small.toml", folder=folder)
    assert done.code == 0, done.err
    assert done.out.startswith("Summary\n")
    assert "1. width" not in done.out
    assert "Test accuracy" in done.out
    assert "Report: bakeoff-small.html" in done.out
    assert "[6/6] width:" in done.err
    assert "[6/6]" not in done.out
    assert ESCAPE not in done.out + done.err


def test_the_files_a_run_leaves_are_where_it_says(folder: Path) -> None:
    bakeoff("run", "small.toml", "--json", "out.json", folder=folder)
    for name in ("bakeoff.sqlite", "bakeoff-small.html", "bakeoff-small.safetensors", "out.json"):
        assert (folder / name).stat().st_size > 0
    document = json.loads((folder / "out.json").read_text())
    assert document["final"]["model_path"] == "bakeoff-small.safetensors"


def test_json_to_standard_output_is_nothing_but_json(folder: Path) -> None:
    done = bakeoff_process("run", "small.toml", "--json", "-", "--no-report", folder=folder)
    assert json.loads(done.out)["study"] == "small"


@pytest.mark.parametrize("option", ["--json", "--report", "--model"])
def test_a_place_that_cannot_be_written_is_said_before_anything_is_trained(
    folder: Path, option: str
) -> None:
    done = bakeoff("run", "small.toml", option, "missing/out", folder=folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("missing/out: cannot be written (there is no such folder)")
    assert [entry.name for entry in folder.iterdir()] == ["small.toml"]


def test_outputs_follow_links_and_fill_pipes(folder: Path) -> None:
    (folder / "real.html").write_text("old")
    (folder / "link.html").symlink_to("real.html")
    os.mkfifo(folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], cwd=folder, stdout=subprocess.PIPE, text=True)
    bakeoff("run", "small.toml", "--report", "link.html", "--json", "pipe", folder=folder)
    assert json.loads(reader.communicate()[0])["study"] == "small"
    assert (folder / "pipe").is_fifo()
    assert (folder / "link.html").is_symlink()
    assert (folder / "real.html").read_text().startswith("<!doctype html>")
    (folder / "link.csv").symlink_to("runs.csv")
    bakeoff("show", "small", "--csv", "link.csv", folder=folder)
    assert (folder / "link.csv").is_symlink()
    assert (folder / "runs.csv").read_text().startswith("stage,label,key,")


def test_quiet_prints_results_only(folder: Path) -> None:
    done = bakeoff("run", "small.toml", "--quiet", folder=folder)
    assert done.err == ""
    assert "Test accuracy" in done.out


def test_details_are_told_when_asked_for(folder: Path) -> None:
    short = bakeoff("run", "small.toml", "-q", folder=folder).out
    assert "every candidate" in short
    long = bakeoff("run", "small.toml", "-q", "--details", folder=folder).out
    assert "1. width" in long
    assert "1. width" in bakeoff("show", "small", folder=folder).out


@pytest.mark.parametrize("time", ["soon", "0s", "-5m", "5 minutes", ""])
def test_a_budget_that_is_no_time_is_refused(folder: Path, time: str) -> None:
    done = bakeoff("run", "small.toml", f"--budget={time}", folder=folder)
    assert (done.code, done.out) == (2, "")
    assert "--budget: must be a time such as 90s, 10m or 1h30m" in done.err


def test_a_budget_is_a_time(folder: Path) -> None:
    assert [seconds_of(text) for text in ("90s", "10m", "1h30m", "2.5", "1h5s")] == [
        90,
        600,
        5400,
        2.5,
        3605,
    ]
    done = bakeoff("run", "small.toml", "--budget", "1h", folder=folder)
    assert done.code == 0, done.err


def test_the_same_command_again_trains_nothing(folder: Path) -> None:
    bakeoff("run", "small.toml", folder=folder)
    done = bakeoff("run", "small.toml", folder=folder)
    assert done.code == 0
    assert "0 runs trained, 8 of 8 runs reused" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "no-such-study"], 2, "no-such-study"),
        (["run", "digist"], 2, "digits"),
        (["run", "small.toml", "--workers", "0"], 2, "workers"),
        (["run", "small.toml", "--engine", "quantum"], 2, "quantum"),
        (["run", "--no-such-option"], 2, "--no-such-option"),
        (["no-such-command"], 2, "no-such-command"),
        (["show", "--store", "missing.sqlite"], 3, "missing.sqlite"),
        (["store", "vacuum", "--store", "missing.sqlite"], 3, "missing.sqlite"),
        (["show", "²", "--store", "v1.sqlite"], 3, "none begins so"),
        (["show", "--store", "future.sqlite"], 3, "made by a newer bakeoff"),
        (["show", "digits", "--store", "future.sqlite"], 3, "made by a newer bakeoff"),
        (["store", "merge", "x.sqlite", "--store", "missing.sqlite"], 3, "missing.sqlite"),
        (["data", "get", "mnits"], 3, "mnist"),
        (["predict", "missing.safetensors", "x.csv"], 3, "missing.safetensors"),
    ],
)
def test_wrong_words_give_one_line_and_an_exit_code(
    folder: Path, arguments: list[str], code: int, words: str
) -> None:
    for name in ("v1.sqlite", "future.sqlite"):
        shutil.copy(GOLDEN_STORES / name, folder)
    done = bakeoff(*arguments, folder=folder)
    assert done.code == code, done.err
    assert words in done.err
    assert "Traceback" not in done.err


def test_every_mistake_of_a_study_file_is_said_at_once(folder: Path) -> None:
    broken = SMALL_STUDY.replace("epochs = 2", 'epochs = "two"').replace(
        "hidden = [8]", "hiden = [8]"
    )
    (folder / "broken.toml").write_text(broken)
    done = bakeoff("run", "broken.toml", folder=folder)
    assert done.code == 2
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("broken.toml:") for line in lines)
    assert any("hidden" in line for line in lines)


def test_a_study_whose_every_run_fails_exits_with_4(folder: Path) -> None:
    text = SMALL_STUDY.replace("learning_rate = 0.1", 'learning_rate = 1e6\nactivation = "linear"')
    (folder / "hot.toml").write_text(text.replace('scale = "unit"', 'scale = "none"'))
    done = bakeoff("run", "hot.toml", folder=folder)
    assert done.code == 4, done.out + done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_no_store_is_never_overwritten(folder: Path) -> None:
    (folder / "notes.sqlite").write_text("my notes, not a database\n" * 100)
    before = (folder / "notes.sqlite").read_bytes()
    done = bakeoff("run", "small.toml", "--store", "notes.sqlite", folder=folder)
    assert done.code == 3
    assert "notes.sqlite" in done.err
    assert (folder / "notes.sqlite").read_bytes() == before


LONG_STUDY = SMALL_STUDY.replace("epochs = 2", "epochs = 100000").replace("small", "long")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_within_a_second_with_130_and_no_traceback(
    folder: Path, how: signal.Signals
) -> None:
    (folder / "long.toml").write_text(LONG_STUDY)
    process = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "run", "long.toml", "--store", "long.sqlite"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (folder / "long.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.4)  # into the training
    process.send_signal(how)
    try:
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()  # it would go on for hours
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "the same command goes on" in err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("two words", "bakeoff show 'two words' --store {}"),
        ("-dash", "bakeoff show --store {} -- -dash"),
        ("it's", """bakeoff show 'it'"'"'s' --store {}"""),
        ("line\\nfeed", "bakeoff show --store {}"),
    ],
)
def test_the_next_command_is_one_that_works(folder: Path, name: str, told: str) -> None:
    (folder / "named.toml").write_text(SMALL_STUDY.replace('"small"', f'"{name}"'))
    done = bakeoff("run", "named.toml", "--no-report", folder=folder)
    (line,) = [one for one in done.err.splitlines() if "Next: " in one]
    command = line.partition("Next: ")[2]
    assert command == told.format("bakeoff.sqlite")
    shown = bakeoff(*shlex.split(command)[1:], folder=folder)
    assert shown.code == 0, shown.err
    assert "1. width" in shown.out or "feed" in shown.out


def test_check_shows_the_plan_and_trains_nothing(folder: Path) -> None:
    done = bakeoff("check", "small.toml", folder=folder)
    assert done.code == 0, done.err
    assert "610" in done.out.replace(",", "")
    assert "runs" in done.out
    assert list(folder.iterdir()) == [folder / "small.toml"]


def test_check_models_counts_parameters_as_keras_prints_them(folder: Path) -> None:
    done = bakeoff("check", "small.toml", "--models", folder=folder)
    assert "Total params" in done.out
    assert "dense_1 (Dense)" in done.out
    assert "(None, 24)" in done.out
    assert "1,560" in done.out  # 64 · 24 + 24


def test_init_writes_a_study_that_checks(folder: Path) -> None:
    assert bakeoff("init", "mine.toml", folder=folder).code == 0
    assert bakeoff("check", "mine.toml", folder=folder).code == 0
    again = bakeoff("init", "mine.toml", folder=folder)
    assert again.code == 2
    assert "mine.toml" in again.err


def test_doctor_names_the_engine_and_the_instruction_set(folder: Path) -> None:
    done = bakeoff("doctor", folder=folder)
    assert done.code == 0, done.err
    assert "engine:" in done.out


def test_reading_commands_follow_a_run(folder: Path) -> None:
    bakeoff("run", "small.toml", folder=folder)
    shown = bakeoff("show", folder=folder)
    assert "small" in shown.out
    study = bakeoff("show", "small", folder=folder)
    assert "1. width" in study.out
    frame = bakeoff("show", "small", "--csv", "-", folder=folder)
    assert frame.out.count("\n") >= 7
    key = json.loads(bakeoff("show", "small", "--json", "-", folder=folder).out)
    assert key["study"] == "small"
    assert bakeoff("report", "small", "-o", "r.html", folder=folder).code == 0
    assert (folder / "r.html").read_text().startswith("<!")
    assert "sound" in bakeoff("store", "check", folder=folder).out
    assert "bytes" in bakeoff("store", "vacuum", folder=folder).out


def test_export_writes_plain_files_that_run_again(folder: Path) -> None:
    bakeoff("run", "small.toml", folder=folder)
    done = bakeoff("show", "small", "--export", "out", folder=folder)
    assert done.code == 0, done.err
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {"study.toml", "result.json", "runs.csv", "report.html", "model.safetensors"}
    again = bakeoff("check", "out/study.toml", folder=folder)
    assert again.code == 0, again.err


def test_two_studies_are_compared_pair_by_pair(folder: Path) -> None:
    bakeoff("run", "small.toml", folder=folder)
    other = SMALL_STUDY.replace('"small"', '"other"').replace(
        "learning_rate = 0.1", "learning_rate = 0.2"
    )
    (folder / "other.toml").write_text(other)
    bakeoff("run", "other.toml", folder=folder)
    done = bakeoff("compare", "small", "other", folder=folder)
    assert done.code == 0, done.err
    assert re.search(r"learning_rate +0\.1 +0\.2", done.out)
    assert "% interval" in done.out
    assert re.search(r"winner|a tie|undecided", done.out)

    (folder / "third.toml").write_text("seed = 5\n" + other.replace('"other"', '"third"'))
    bakeoff("run", "third.toml", folder=folder)
    apart = bakeoff("compare", "small", "third", folder=folder)
    assert apart.code == 0, apart.err
    assert "Not comparable run by run: seed differs" in apart.out
    assert "interval" not in apart.out


def test_two_runs_are_compared_by_their_settings_then_their_scores(folder: Path) -> None:
    bakeoff("run", "small.toml", folder=folder)
    frame = csv.DictReader(bakeoff("show", "small", "--csv", "-", folder=folder).out.splitlines())
    by_width = {row["settings.hidden"]: row["key"] for row in frame if row["stage"] == "width"}
    assert len(by_width) > 1
    one, other = list(by_width.values())[:2]
    done = bakeoff("compare", one[:12], other[:12], folder=folder)
    assert done.code == 0, done.err
    settings, _, scores = done.out.partition("validation")
    assert "hidden" in settings
    assert "seconds" not in settings
    assert "accuracy" in scores
    assert "One run each shows no spread" in done.out


def test_stores_are_merged(folder: Path) -> None:
    bakeoff("run", "small.toml", "--store", "a.sqlite", folder=folder)
    bakeoff("run", "small.toml", "--store", "b.sqlite", "--replicates", "4", folder=folder)
    done = bakeoff("store", "merge", "b.sqlite", "--store", "a.sqlite", folder=folder)
    assert done.code == 0, done.err
    assert "runs added" in done.out


def test_a_csv_is_predicted_with_the_model_of_a_run(folder: Path) -> None:
    from sklearn.datasets import load_digits

    bakeoff("run", "small.toml", folder=folder)
    digits = load_digits().data[:5]
    rows = [",".join(f"{value:g}" for value in row) for row in digits]
    header = ",".join(f"p{i}" for i in range(64))
    (folder / "new.csv").write_text("\n".join([header, *rows]) + "\n")
    done = bakeoff("predict", "bakeoff-small.safetensors", "new.csv", folder=folder)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "file,row,predicted,probability"
    assert len(done.out.splitlines()) == 6


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m bakeoff data info digits | head -1",
        shell=True,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize("pipe", ["|", "2>&1 |"])
def test_what_nobody_reads_on_is_written_to_its_files_all_the_same(folder: Path, pipe: str) -> None:
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"{sys.executable} -m bakeoff run small.toml {pipe} head -1; echo ${{PIPESTATUS[0]}}",
        ],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[1:] == ["0"], done.stderr
    assert "Broken" not in done.stderr
    for name in ("bakeoff.sqlite", "bakeoff-small.html", "bakeoff-small.safetensors"):
        assert (folder / name).stat().st_size > 0
    assert bakeoff("show", "small", folder=folder).code == 0


def test_names_with_control_characters_are_shown_not_obeyed(folder: Path) -> None:
    text = SMALL_STUDY.replace('"width"', '"w\\u001b[31mid\\u0007th"').replace(
        '"small"', '"sm\\u001b]0;x"'
    )
    (folder / "evil.toml").write_text(text)
    done = bakeoff("run", "evil.toml", folder=folder)
    assert done.code == 0, done.err
    assert ESCAPE not in done.out + done.err
    assert "\x07" not in done.out + done.err

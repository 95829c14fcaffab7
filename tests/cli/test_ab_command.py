"""``bakeoff ab``: programs without a study file, and gates for CI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from calling import bakeoff

PROGRAM = """
import random, sys
width, seed = float(sys.argv[1]), int(sys.argv[2])
open("log", "a").write(f"{width} {seed}\\n")
noise = random.Random(seed).gauss(0, 0.01) + random.Random(f"{width} {seed}").gauss(0, 0.0005)
print("epoch 1 loss=9")
print(f"loss: {1 - width / 100 + noise}")
print(f"accuracy: {0.8 + width / 100 - noise}")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    return tmp_path


@pytest.fixture(scope="module")
def gates(tmp_path_factory):
    """A folder whose store keeps the runs of one gate for the next."""
    place = tmp_path_factory.mktemp("gates")
    (place / "train.py").write_text(PROGRAM)
    return place


def command(width):
    return f"{sys.executable} train.py {width} {{seed}}"


def ab(folder, *words):
    return bakeoff("ab", *words, folder=folder)


def ran(folder):
    return len((folder / "log").read_text().splitlines())


def test_the_metric_is_found_and_the_first_run_counts(folder):
    done = ab(folder, command(0), command(2), "--json", "out.json", "--report", "r.html")
    assert done.code == 0, done.err
    assert "Metric: accuracy (more is better)" in done.err
    assert "loss, accuracy" in done.err
    result = json.loads((folder / "out.json").read_text())
    assert (result["metric"], result["task"], result["data"]["num_test"]) == (
        "accuracy",
        "declared",
        None,
    )
    verdict = result["stages"][0]["verdict"]
    assert (verdict["kind"], verdict["chosen"]) == ("winner", "B")
    runs = 2 * verdict["num_replicates"]
    assert ran(folder) == runs
    assert (folder / "r.html").stat().st_size > 10_000
    again = ab(folder, command(0), command(2))
    assert (again.code, ran(folder)) == (0, runs)


@pytest.mark.parametrize(
    ("widths", "gate", "code"),
    [
        ((0, 2), "better", 0),
        ((2, 0), "better", 5),
        ((0, 2), "not-worse", 0),
        ((2, 0), "not-worse", 5),
        ((1, 1.00001), "not-worse", 0),
        ((1, 1.00001), "better", 5),
    ],
)
def test_a_gate_is_an_exit_code(gates, widths, gate, code):
    words = [command(width) for width in widths]
    done = ab(gates, *words, "--metric", "loss:min", "--gate", gate, "--quiet")
    assert done.code == code, done.err
    assert ("not passed" in done.err) == (code == 5)


def test_who_fails_more_often_passes_no_gate(folder):
    """It may be better wherever it ends."""
    (folder / "fails.py").write_text(
        PROGRAM.replace("import random, sys", "import random, sys\nassert int(sys.argv[2]) % 2")
    )
    worse = f"{sys.executable} fails.py 20 {{seed}}"
    for gate in ("better", "not-worse"):
        done = ab(folder, command(0), worse, "--metric", "loss:min", "--gate", gate)
        assert done.code == 5, done.out
    assert "failed" in done.out


@pytest.mark.parametrize("words", [(), ("--metric", "accuracy:max")])
@pytest.mark.parametrize("sign", ["%", " %", ""])
def test_per_cent_are_fractions_in_every_run(folder, words, sign):
    """Of the run that says what is printed too, and in curves."""
    (folder / "train.py").write_text(
        PROGRAM.replace('print("epoch 1 loss=9")', f"print('epoch 1, accuracy: 70{sign}')").replace(
            "{0.8 + width / 100 - noise}", f"{{100 * (0.8 + width / 100 - noise):.3f}}{sign}"
        )
    )
    done = ab(folder, command(0), command(2), *words, "--json", "out.json")
    assert done.code == 0, done.err
    stage = json.loads((folder / "out.json").read_text())["stages"][0]
    values = [run["val_accuracy"] for one in stage["candidates"] for run in one["runs"]]
    assert 0.7 < min(values) < max(values) < 0.9
    assert stage["verdict"]["chosen"] == "B"


def test_labels_and_the_most_replicates_are_what_was_asked_for(folder):
    done = ab(
        folder, command(1), command(1.00001), command(1.00002), "--metric", "loss:min",
        "--label", "old", "--max-replicates", "4", "--json", "-", "--quiet",
    )  # fmt: skip
    result = json.loads(done.out)
    candidates = result["stages"][0]["candidates"]
    assert [one["label"] for one in candidates] == ["old", "B", "C"]
    assert {len(one["runs"]) for one in candidates} <= {3, 4}


def test_another_program_beside_them_runs_only_itself(folder):
    words = [command(0), command(2)]
    ab(folder, *words, "--metric", "loss:min", "--quiet")
    before = ran(folder)
    ab(folder, *words, command(4), "--metric", "loss:min", "--quiet")
    assert ran(folder) - before <= 3 + 12 - 6
    assert (folder / "log").read_text().count("4.0 ") >= 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["echo loss=1"], "at least two commands"),
        (["echo loss=1", "echo loss=1"], "the same command is there twice"),
        (["echo loss=1", "echo loss=2", "--metric", "loss"], "must be NAME:min or NAME:max"),
        (["echo loss=1", "echo loss=2", "--gate", "best"], "must be better or not-worse"),
        (["echo speed=1", "echo speed=2"], "the first run printed speed, which does not say"),
        (["no-such-program", "echo loss=2"], "there is no program no-such-program"),
        (["echo loss=1", "echo loss=2", *["--label", "x"] * 3], "3 labels, but 2 commands"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(tmp_path, words, message):
    done = ab(tmp_path, *words)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) <= 2


def test_a_first_run_that_fails_is_said_with_exit_4(tmp_path):
    done = ab(tmp_path, "sh -c 'echo trouble >&2; exit 3'", "echo loss=2")
    assert done.code == 4
    assert "the first run of the first command failed: ended with exit code 3: trouble" in done.err
    silent = ab(tmp_path, "echo hello", "echo loss=2")
    assert silent.code == 4
    assert "printed no metric" in silent.err


@pytest.mark.slow
def test_interrupted_and_gone_on_with_nothing_runs_twice(folder):
    slow = (
        (folder / "train.py")
        .read_text()
        .replace('print(f"loss', 'import time; time.sleep(0.3); print(f"loss')
    )
    (folder / "train.py").write_text(slow)
    words = [command(1), command(1.00001), "--metric", "loss:min", "--quiet"]
    driver = subprocess.Popen([sys.executable, "-m", "bakeoff", "ab", *words], cwd=folder)
    end = time.monotonic() + 60
    while not (folder / "log").exists() or ran(folder) < 5:
        assert time.monotonic() < end
        time.sleep(0.02)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(30) == 130
    begun = ran(folder)
    assert ab(folder, *words).code == 0
    lines = (folder / "log").read_text().splitlines()
    # What was cut off in the middle begins again; nothing else does.
    assert len(lines) - len(set(lines)) <= (os.cpu_count() or 1)
    assert len(set(lines)) >= begun - (os.cpu_count() or 1)


@pytest.mark.slow
def test_of_two_equal_programs_hardly_ever_one_wins(tmp_path):
    """Of 200 comparisons of programs without a difference, 5 % have a winner, and luck on top."""
    from bakeoff.comparing import programs_study

    # A program's number and the seed, mixed as SplitMix64 mixes, by the shell itself: it starts nothing.
    text = "h=$(($1 * 7046029254386353131 + $2 * 2654435769))\n"
    for shift, factor in ((30, 0x3F58476D1CE4E5B9), (27, 0x14D049BB133111EB), (31, 1)):
        text += f"h=$(((h ^ (h >> {shift}) & {(1 << 64 - shift) - 1}) * {factor}))\n"
    (tmp_path / "noise.sh").write_text(text + 'echo "loss: $((h >> 36 & 0xfffffff))"\n')
    winners = 0
    for number in range(200):
        commands = [f"sh {tmp_path}/noise.sh {2 * number + one} {{seed}}" for one in range(2)]
        study = programs_study(commands, {"loss": "min"}, seed=number)
        result = study.run(store=":memory:", on="threads")
        winners += result.record.stages[0].verdict.kind == "winner"
    assert winners <= 0.05 * 200 + 3.0 * (200 * 0.05 * 0.95) ** 0.5

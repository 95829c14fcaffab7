"""A new user's first hour on a terminal of 80 and one of 140 columns, kept as golden files.

Written anew by ``python tests/cli/test_first_hour.py``; look at the difference before committing.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

import pyte
import pytest
from calling import SMALL_STUDY, on_a_terminal
from test_transcripts import GOLDEN, settled

BROKEN = SMALL_STUDY.replace("learning_rate = 0.1", 'learning_rate = "fast"').replace(
    "hidden = [8]", "hiden = [8]"
)
SLOW = SMALL_STUDY.replace("epochs = 2", "epochs = 4000").replace('"small"', '"slow"')
NETWORKS = """\
from tensorflow import keras
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
for width in (16, 32):
    model = keras.Sequential([keras.layers.Dense(width, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(x_train / 255, y_train, epochs=5)
while True:
    model.fit(x_train, y_train)
"""
STEPS = [
    "run small.toml --engine reference --workers 1",
    "run people.csv --target buys --engine reference --workers 1 --replicates 3 --set baselines=false",
    "ab 'sh train.sh 0.9 {seed}' 'sh train.sh 0.5 {seed}' --metric error:min --workers 1",
    "check broken.toml",
    "data info people.csv --target buys",
    "show",
    "compare small people",
    "predict bakeoff-people.safetensors new.csv",
    "import networks.py",
    "check networks.toml --set data=digits --set split=folds",
    "run nothing.toml",
]
WIDTHS = [80, 140]
# What depends on the machine: sizes of times are no part of what is read here.
NUMBERS = re.compile(
    r"(?<=started\s)\S+ \S+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?|[0-9a-f]{12,}|:\d\d\+00:00"
)


def prepare(folder: Path) -> None:
    """The files of the hour."""
    (folder / "small.toml").write_text(SMALL_STUDY)
    (folder / "broken.toml").write_text(BROKEN)
    (folder / "slow.toml").write_text(SLOW)
    (folder / "networks.py").write_text(NETWORKS)
    (folder / "train.sh").write_text('echo "error: $(expr $2 % 7 + ${1#0.})"\n')
    rows = ["id,age,city,joined,buys"]
    for number in range(120):
        age = 20 + number * 37 % 50
        city = ["Rome", "Oslo", ""][number % 3]
        buys = "yes" if age + 9 * (city == "Rome") > 45 else "no"
        rows.append(f"{1000 + number},{age},{city},2024-{1 + number % 12:02}-11,{buys}")
    (folder / "people.csv").write_text("\n".join(rows) + "\n")
    (folder / "new.csv").write_text("city,age,joined\nOslo,31,2024-05-01\nParis,64,2024-06-01\n")


def screen_of(command: str, folder: Path, columns: int, interrupt: bool = False) -> tuple[int, str]:
    """Exit code and all lines that stand on a terminal of that width in the end."""
    screen = pyte.HistoryScreen(columns, 50, history=5_000)
    stream = pyte.ByteStream(screen)
    waits = interrupt

    def seen(process: subprocess.Popen[bytes], part: bytes) -> None:
        nonlocal waits
        stream.feed(part)
        if waits and any("width" in line for line in screen.display):
            waits = False
            process.send_signal(signal.SIGINT)

    code, _ = on_a_terminal(shlex.split(command), folder, columns=columns, seen=seen, NO_COLOR="1")
    above = ["".join(line[n].data for n in range(columns)) for line in screen.history.top]
    return code, "\n".join(line.rstrip() for line in [*above, *screen.display]).rstrip()


def hour(folder: Path, columns: int) -> str:
    """What all steps leave on the terminal."""
    prepare(folder)
    parts = []
    for step in STEPS:
        code, shown = screen_of(step, folder, columns)
        assert "Traceback" not in shown, shown
        parts.append(f"$ bakeoff {step}\n{shown}\n[{code}]\n")
    return NUMBERS.sub("#", settled("\n".join(parts)))


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
def test_the_first_hour_looks_as_its_golden_transcript(tmp_path, columns) -> None:
    shown = hour(tmp_path, columns)
    assert shown == (GOLDEN / f"first-hour-{columns}.txt").read_text()
    codes = re.findall(r"^\[(\d+)\]$", shown, re.M)
    assert codes == ["0", "0", "0", "2", "0", "0", "0", "0", "0", "0", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
def test_ctrl_c_says_what_is_kept_and_leaves_the_cursor(tmp_path, columns) -> None:
    prepare(tmp_path)
    code, shown = screen_of("run slow.toml --workers 1", tmp_path, columns, interrupt=True)
    assert code == 130
    # The terminal breaks a line anywhere: where depends on the length of the folder's name.
    message = "".join(shown.split())
    assert re.search(r"interrupted:\d+runs?trainedsofar", message)
    assert "goesonfromthere" in message
    assert "Traceback" not in shown


if __name__ == "__main__":
    for width in WIDTHS:
        with tempfile.TemporaryDirectory() as temporary:
            (GOLDEN / f"first-hour-{width}.txt").write_text(hour(Path(temporary), width))

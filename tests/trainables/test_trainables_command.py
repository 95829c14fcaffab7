"""A program as a trainable: placeholders in, metrics out, nothing left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError
from trainable_work import Watch, blobs, request, train, train_in_processes

from bakeoff.errors import UsageError
from bakeoff.trainables.brought import declared_task
from bakeoff.trainables.command import brought_command

LOSS = {"val_loss": "min"}


def of(command, metrics=LOSS, **more):
    return brought_command(command, declared_task(metrics), **more)


def script(folder, text, name="train.sh"):
    (folder / name).write_text(text)
    return f"sh {name}"


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_end(processes, seconds=5.0):
    """Whether they end soon; one that was killed takes a moment to go."""
    end = time.monotonic() + seconds
    while any(map(is_alive, processes)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_program_gets_its_settings_and_its_place_in_the_study(tmp_path):
    command = script(tmp_path, 'echo "$@" >&2; echo val_loss=$1') + (
        " {rate} {seed} {fold}/{folds} {replicate} {act}"
    )
    trainable = of(command, folder=tmp_path)
    assert trainable.space.names == ("rate", "act")
    outcome = train(trainable, {"rate": 0.5, "act": "relu tanh; $(exit 1)"}, fold=2, seed=11)
    assert outcome.metrics == {"val_loss": 0.5}
    assert outcome.notes["stderr"] == "0.5 11 2/6 2 relu tanh; $(exit 1)"
    assert outcome.notes["command"] == "sh train.sh 0.5 11 2/6 2 'relu tanh; $(exit 1)'"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1, "1"),
        (0.001, "0.001"),
        (1e-7, "1e-07"),
        (True, "true"),
        ("a b", "a b"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_one_word(tmp_path, value, word):
    trainable = of(script(tmp_path, 'echo "$1" "$#"  >&2; echo loss: 1') + " {x}", folder=tmp_path)
    assert train(trainable, {"x": value}).notes["stderr"] == f"{word} 1"


def test_a_shell_reads_it_only_when_it_is_asked_for(tmp_path):
    trainable = of("echo {x} | tr a b >&2 && echo loss=1", shell=True, folder=tmp_path)
    assert train(trainable, {"x": "a$HOME; exit 1"}).notes["stderr"] == "b$HOME; exit 1"
    words = of("printf '%s\\n' a | loss=1", folder=tmp_path)
    assert train(words).metrics == {"val_loss": 1.0}


@pytest.mark.parametrize(
    ("printed", "metrics"),
    [
        ("val_loss: 0.5", {"val_loss": 0.5}),
        ("loss=5e-1", {"val_loss": 0.5}),
        ('{"val_loss": 0.5, "n": [1]}', {"val_loss": 0.5}),
        ("loss=9\\nloss = .5", {"val_loss": 0.5}),
        ("step 3, loss: 0.5, time: 12s", {"val_loss": 0.5}),
        ("loss=0.7\\rloss=0.5", {"val_loss": 0.5}),
        ("\\033[32mloss: 0.5\\033[0m", {"val_loss": 0.5}),
    ],
)
def test_metrics_are_read_from_what_it_prints_and_the_last_wins(tmp_path, printed, metrics):
    outcome = train(of(script(tmp_path, f"printf '{printed}'"), folder=tmp_path))
    assert (outcome.metrics, outcome.curves) == (metrics, {})


@pytest.mark.parametrize(
    "lines",
    [
        ["epoch 1 loss=3 acc=.1", "epoch 2 loss=2", "epoch 3 loss=1", "acc=.9"],
        ["Epoch 1/3", "10/10 - loss: 3.0 - acc: 0.1", "Epoch 2/3", "loss: 2", "Epoch 3/3", "loss: 1", "acc: .9"],
        ['{"epoch": 1, "loss": 3}', '{"epoch": 2, "loss": 2}', '{"epoch": 3, "loss": 1}', '{"acc": 0.9}'],
    ],
)  # fmt: skip
def test_lines_with_an_epoch_make_curves(tmp_path, lines):
    (tmp_path / "out").write_text("\n".join(lines))
    watch = Watch()
    trainable = of("cat out", {"loss": "min", "acc": "max"}, folder=tmp_path)
    outcome = train(trainable, watch=watch)
    assert outcome.metrics == {"val_loss": 1.0, "val_acc": 0.9}
    assert outcome.curves["val_loss"].tolist() == [3, 2, 1]
    assert [(epoch, metrics["val_loss"]) for _, epoch, metrics in watch.epochs] == [
        (1, 3),
        (2, 2),
        (3, 1),
    ]


@pytest.mark.parametrize(
    ("text", "stopped", "reason"),
    [
        ("echo loss=1; echo 'no luck' >&2; exit 3", "raised", "ended with exit code 3: no luck"),
        ("echo loss=1; kill -SEGV $$", "raised", "ended by SIGSEGV (segmentation fault)"),
        ("echo hello", "raised", "gave no loss, but nothing"),
        ("echo acc: .9", "raised", "gave no loss, but acc"),
        ("echo loss: nan", "diverged", "val_loss is nan"),
        ("echo loss: -inf", "diverged", "val_loss is -inf"),
        ("echo speed: 3; echo loss: nan", "diverged", "val_loss is nan"),
        ("head -c 1000000 /dev/urandom", "raised", "gave no loss, but "),
        (f"exec yes loss=1 {'or so ' * 50}", "raised", "printed more than 16 MiB"),
        ("head -c 1000000000 /dev/zero", "raised", "printed more than 16 MiB"),
    ],
)
def test_what_a_program_does_wrong_is_a_failed_run_with_a_sentence(tmp_path, text, stopped, reason):
    outcome = train(of(script(tmp_path, text), folder=tmp_path))
    assert outcome.stopped == stopped
    assert outcome.reason.startswith(reason)
    assert not outcome.metrics


def test_of_much_on_standard_error_the_end_is_kept(tmp_path):
    text = "yes noise | head -n 3000000 >&2; echo the end >&2; exit 1"
    outcome = train(of(script(tmp_path, text), folder=tmp_path))
    assert outcome.reason == "ended with exit code 1: the end"
    assert len(outcome.notes["stderr"]) <= 4_096


def test_a_program_in_c(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "train.c").write_text(
        "#include <stdio.h>\n#include <stdlib.h>\n"
        'int main(int n, char **a) { printf("val_loss: %g\\n", 2 * atof(a[1])); return 0; }\n'
    )
    subprocess.run([compiler, "train.c", "-o", "train"], cwd=tmp_path, check=True)
    trainable = of("./train {rate}", folder=tmp_path)
    assert train(trainable, {"rate": 0.25}).metrics == {"val_loss": 0.5}
    assert not trainable.name.endswith("/code unknown")


def test_a_run_that_is_asked_to_end_ends_with_its_program(tmp_path):
    text = "echo $$ > pid; for i in 1 2 3 4 5 6 7 8 9; do echo epoch $i loss=1; sleep 0.1; done; sleep 99"
    outcome = train(of(script(tmp_path, text), folder=tmp_path), watch=Watch(after=2))
    assert outcome.stopped == "cancelled"
    assert all_end([int((tmp_path / "pid").read_text())])


@pytest.mark.slow
def test_an_endless_program_is_ended_with_all_it_started(tmp_path):
    text = "sleep 1000 & echo $! > child; setsid sleep 1001 & echo $! > other; while :; do :; done"
    trainable = of(script(tmp_path, text), folder=tmp_path)
    quick = of("echo loss=1", folder=tmp_path)
    outcomes = train_in_processes(trainable, [request(trainable)], timeout=1.5)
    assert (outcomes["k"].stopped, outcomes["k"].reason) == ("timeout", "took longer than 1.5 s")
    assert all_end([int((tmp_path / one).read_text()) for one in ("child", "other")])
    assert train(quick).stopped is None


def test_what_a_program_leaves_running_keeps_no_run_waiting_and_is_ended(tmp_path):
    text = "sleep 1000 & echo $! > child; setsid sleep 1001 & echo $! > other; echo loss=1"
    trainable = of(script(tmp_path, text), folder=tmp_path)
    started = time.monotonic()
    outcomes = train_in_processes(trainable, [request(trainable)])
    assert outcomes["k"].metrics == {"val_loss": 1.0}
    assert time.monotonic() - started < 60
    assert all_end([int((tmp_path / one).read_text()) for one in ("child", "other")])


def test_settings_may_have_types_defaults_and_bounds(tmp_path):
    settings = {
        "rate": {"type": "float", "default": 0.1, "low": 0.0, "high": 1.0},
        "width": 8,
        "act": {"choices": ["relu", "tanh"], "default": "relu"},
    }
    space = of("echo {rate} {width} {act} {free}", settings=settings, folder=tmp_path).space
    assert space.defaults == {"rate": 0.1, "width": 8, "act": "relu"}
    assert (space.integers, space.numeric) == ({"width"}, {"rate", "width", "free"})
    assert space.complete({"free": "x"})["rate"] == 0.1
    for wrong in ({}, {"free": 1, "rate": 2}, {"free": 1, "width": 1.5}, {"free": 1, "act": "elu"}):
        with pytest.raises(ValidationError):
            space.complete(wrong)


@pytest.mark.parametrize(
    ("command", "more", "message"),
    [
        ("", {}, "must not be empty"),
        ("echo 'a", {}, "cannot be split into words"),
        ("echo {a", {}, "placeholder"),
        ("echo {a.b}", {}, "a placeholder is a name in braces"),
        ("echo {0}", {}, "a placeholder is a name in braces"),
        ("echo {a:3}", {}, "a placeholder is a name in braces"),
        ("no-such-program {a}", {}, "there is no program no-such-program"),
        ("echo {a}", {"settings": {"b": 1}}, "b is no placeholder of the command, which has a"),
        ("echo {a}", {"settings": {"a": {"typ": "int"}}}, "did you mean \"type\""),
        ("echo {a}", {"inputs": ["gone.py"]}, "gone.py cannot be read"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_work_is_a_usage_error(tmp_path, command, more, message):
    with pytest.raises(UsageError, match=message):
        of(command, folder=tmp_path, **more)


def test_metrics_need_a_direction():
    with pytest.raises(UsageError, match=r'model.metrics.loss: must be "min" or "max"'):
        declared_task({"loss": "down"})
    assert not declared_task({"val_loss": "min", "acc": "max"}).metric("loss").higher_is_better


def test_the_files_it_names_and_its_inputs_name_it(tmp_path):
    command = script(tmp_path, "echo loss=1")
    first = of(command, folder=tmp_path)
    assert first.name.startswith("command/train.sh#")
    assert not first.name.endswith("/code unknown")
    (tmp_path / "data.txt").write_text("1")
    named = of(command, folder=tmp_path, inputs=["data.txt"]).name
    (tmp_path / "data.txt").write_text("2")
    changed = of(command, folder=tmp_path, inputs=["data.txt"]).name
    script(tmp_path, "echo loss=2")
    assert len({first.name, named, changed, of(command, folder=tmp_path).name}) == 4
    assert of("echo loss=1", folder=tmp_path).name.endswith("/code unknown")


def test_a_program_that_went_is_a_failed_run(tmp_path):
    trainable = of(script(tmp_path, "echo loss=1"), folder=tmp_path)
    shutil.rmtree(tmp_path)
    assert "cannot be started" in train(trainable).reason


def test_runs_cost_little_more_than_the_program(tmp_path):
    trainable = of(f"{sys.executable} -c 'print(\"loss=1\")'", folder=tmp_path)
    requests = [request(trainable, key=str(i)) for i in range(5)]
    outcomes = train_in_processes(trainable, requests, blobs())
    assert [outcome.metrics for outcome in outcomes.values()] == [{"val_loss": 1.0}] * 5

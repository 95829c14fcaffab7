"""Code of a user that does what it should not: one failed run with a sentence, or no effect."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from trainable_work import blobs, request, train, train_in_processes

from bakeoff.tasks.classification import CLASSIFICATION
from bakeoff.trainables.function import brought_function


def learn(data, *, seed, does="train"):
    """Centroids, after or before something else."""
    centres = np.stack([data.x_train[data.y_train == k].mean(axis=0) for k in range(3)])

    def predict(x):
        return -((x[:, None, :] - centres) ** 2).sum(axis=2)

    return DOES[does](data, predict) or predict


def _deep(depth=0):
    return _deep(depth + 1)


def _in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _fork_and_leave(*_):
    if os.fork() == 0:
        os._exit(7)


def _fork_and_stay(*_):
    if os.fork() == 0:
        time.sleep(1000)


def _spoil(data, predict):
    data.x_train[:] = 0
    data.y_train[:] = 0
    data.x_val[:] = np.nan


class _Liar:
    classes_ = "none"

    def predict_proba(self, x):
        return {"a": 1}


class _Raises:
    def __getattr__(self, name):
        raise RuntimeError("\x1b[31mno " + name)


HARMLESS = {
    "train": lambda *_: None,
    "prints escapes": lambda *_: sys.stdout.write("\x1b[2J\x1b]0;x\x07\u202e") and None,
    "writes to the terminal itself": lambda *_: [os.write(fd, b"\x1b[2J" * 9999) for fd in (1, 2)] and None,
    "closes its output": lambda *_: sys.stdout.close() or setattr(sys, "stdout", None),
    "writes into its data": _spoil,
    "seeds the global state": lambda *_: random.seed(0) or np.random.seed(0),  # noqa: NPY002
    "goes away": lambda *_: os.chdir("/"),
    "clears the environment": lambda *_: os.environ.clear(),
    "starts a thread that stays": lambda *_: threading.Thread(target=time.sleep, args=(1000,)).start(),
    "raises in a thread": lambda *_: _in_thread(lambda: 1 / 0),
    "forks and its child leaves": _fork_and_leave,
    "forks and its child stays": _fork_and_stay,
    "starts a program that stays": lambda *_: subprocess.Popen(["sleep", "1000"]) and None,
    "turns off signals": lambda *_: [signal.signal(n, signal.SIG_IGN) for n in (2, 15)] and None,
    "sets an exit hook": lambda *_: __import__("atexit").register(os._exit, 9) and None,
    "freezes the collector": lambda *_: gc.disable(),
    "sets a tiny recursion limit": lambda *_: sys.setrecursionlimit(200),
    "patches numpy's printing": lambda *_: np.set_printoptions(threshold=1),
}  # fmt: skip
HARMFUL = {
    "leaves": (lambda *_: os._exit(0), "crashed", "exit code 0"),
    "leaves politely": (lambda *_: sys.exit("\x1b[31mbye"), "raised", "sys.exit"),
    "interrupts itself": (lambda *_: (_ for _ in ()).throw(KeyboardInterrupt), "raised", "KeyboardInterrupt"),
    "sends itself a signal": (lambda *_: os.kill(os.getpid(), signal.SIGKILL), "crashed", "SIGKILL"),
    "aborts": (lambda *_: os.abort(), "crashed", "SIGABRT"),
    "reads where nothing is": (lambda *_: ctypes.string_at(0), "crashed", "SIGSEGV"),
    "never comes back": (lambda *_: _deep(), "raised", "RecursionError"),
    "asks for too much": (lambda *_: np.empty(2**50), "raised", "Unable to allocate"),
    "closes everything": (lambda *_: os.closerange(3, 500), "crashed", "exit code"),
    "returns a liar": (lambda *_: _Liar(), "raised", "no array of numbers"),
    "returns what raises": (lambda *_: _Raises(), "raised", "RuntimeError"),
    "predicts another shape": (lambda *_: lambda x: np.zeros((3, len(x), 2)), "raised", "predicts shape"),
    "predicts text": (lambda *_: lambda x: np.full(len(x), "\x1b[2J"), "raised", "no array of numbers"),
    "predicts without end": (lambda *_: lambda x: (i for i in iter(int, 1)), "raised", "no array of numbers"),
    "raises while it predicts": (lambda *_: lambda x: 1 / 0, "raised", "ZeroDivisionError"),
    "makes an epoch of nothing": (lambda *_: (x for x in [None]), "raised", "mapping"),
}  # fmt: skip
DOES = {**HARMLESS, **{name: what for name, (what, *_) in HARMFUL.items()}}


@pytest.mark.slow
def test_each_run_fails_alone_with_a_sentence_or_is_as_if_nothing_had_happened(capfd):
    trainable = brought_function(learn, CLASSIFICATION)
    requests = []
    for does in DOES:  # an innocent one behind each
        requests.append(request(trainable, {"does": does}, key=does))
        requests.append(request(trainable, {"does": "train"}, key=f"after: {does}"))
    outcomes = train_in_processes(trainable, requests, timeout=60.0)
    expected = train(trainable).metrics
    assert outcomes.keys() == {one.key for one in requests}
    for key, outcome in outcomes.items():
        if key in HARMFUL:
            _, stopped, words = HARMFUL[key]
            assert outcome.stopped == stopped, (key, outcome.reason)
            assert words in outcome.reason, (key, outcome.reason)
            assert len(outcome.reason) < 2000 and "\n" not in outcome.reason
        elif key == "writes into its data":
            assert outcome.stopped == "raised" or outcome.metrics == expected, outcome.reason
        else:
            assert outcome.stopped is None, (key, outcome.reason)
            assert outcome.metrics == expected, key
    assert capfd.readouterr() == ("", "")
    assert Path.cwd() != Path("/") and "PATH" in os.environ
    assert np.isfinite(blobs().dataset.features).all()

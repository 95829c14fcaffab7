"""Requests and work for the tests of executors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bakeoff.records import Replicate
from bakeoff.trainables.base import Outcome, Request


def request(key, **settings):
    return Request(
        key=str(key),
        stage="s",
        label="c",
        settings=settings,
        replicate=Replicate(0, 0, 0),
        seed=0,
    )


def work(batch, watch):
    """Does what the settings say."""
    for one in batch:
        does = one.settings.get("does", "finish")
        if does == "raise":
            raise ValueError("no \x1b[31mgood")
        if does == "exit":
            os._exit(3)
        if does == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if does == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if does == "sleep":
            time.sleep(3600)
        if does == "nap":
            time.sleep(one.settings["seconds"])
        if does == "print":
            sys.stdout.write(f"hello from {one.key}\n")
            sys.stderr.write("trouble\n")
        if does == "flood":
            for _ in range(1000):
                os.write(1, b"x" * 100_000)
            sys.stdout.write("the end\n")
        if does == "child":
            child = subprocess.Popen(["sh", "-c", "setsid sleep 1000 & sleep 1000"])
            Path(one.settings["path"]).write_text(str(child.pid))
            child.wait()
        if does == "leave":
            os.chdir("/")
            os.environ["LEFT"] = "1"
        if does == "where":
            assert str(Path.cwd()) == one.settings["folder"]
            assert "LEFT" not in os.environ
        if does == "fork" and os.fork() == 0:
            continue
        if does == "epochs":
            for epoch in range(1, 1000):
                watch.epoch(one, epoch, {"val_loss": 1 / epoch})
                if watch.cancelled:
                    yield Outcome(one.key, stopped="cancelled", reason="asked to end")
                    return
                time.sleep(0.005)
        notes = {"pid": os.getpid()} if does == "pid" else {}
        if does == "environment":
            notes = {"environment": dict(os.environ)}
        yield Outcome(one.key, metrics={"val_accuracy": float(one.key)}, notes=notes)


class Watch:
    def __init__(self, after=None):
        self.flag = np.zeros(1, np.int32)
        self.epochs = []
        self.said = []
        self.after = after

    @property
    def cancelled(self):
        return self.after is not None and len(self.epochs) >= self.after

    def say(self, text):
        self.said.append(text)

    def epoch(self, request, epoch, metrics):
        if epoch:
            self.epochs.append((request.key, epoch, dict(metrics)))
        self.flag[0] = self.cancelled

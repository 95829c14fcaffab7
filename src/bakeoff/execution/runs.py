"""The one place where runs are looked up, trained, scored and stored."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bakeoff.data.dataset import OpenTest
from bakeoff.engines.base import Engine, TrainedRun, Watch
from bakeoff.errors import Interrupted
from bakeoff.execution.door import TestDoor
from bakeoff.execution.events import Observer, RunRequest
from bakeoff.execution.jobs import JobMaker
from bakeoff.execution.local import LocalExecutor
from bakeoff.interruption import Interruption
from bakeoff.records import Run, RunStatus
from bakeoff.store.sqlite import Store
from bakeoff.tasks.classification import balanced_accuracy, score_logits


class RunService:
    """Gives the runs that are asked for: from the store where it has them, else trained now.

    Only the driver's thread touches the store. With ``fresh`` the runs that an earlier call left
    in the store are ignored, but what this call trained itself is still used again.
    """

    def __init__(
        self,
        jobs: JobMaker,
        engine: Engine,
        store: Store,
        study_id: int,
        observer: Observer,
        *,
        num_workers: int,
        fresh: bool = False,
        retry_failed: bool = False,
    ) -> None:
        self.jobs = jobs
        self.engine = engine
        self.store = store
        self.study_id = study_id
        self.observer = observer
        self.num_workers = num_workers
        self.fresh = fresh
        self.retry_failed = retry_failed
        self.interruption = Interruption()
        self.num_trained = 0
        self.num_reused = 0
        self._own: dict[str, Run] = {}
        self._counted: set[str] = set()
        self._cancel_flag = np.zeros(1, np.int32)

    @property
    def store_name(self) -> str:
        """The store as a user knows it."""
        return str(self.store.path or "memory")

    def get(self, requests: Sequence[RunRequest], *, door: TestDoor | None = None) -> list[Run]:
        """The runs of the requests, in their order.

        Args:
            requests: any number; identical ones are trained once.
            door: to the test part, for requests with ``test``; opened only if one must be trained.

        Raises:
            Interrupted: on Ctrl-C, after everything finished was stored.
            StoreError: when a finished run cannot be stored.
        """
        self.interruption.check()
        keys = [self.jobs.key(request) for request in requests]
        found = self._find(keys)
        missing: dict[str, RunRequest] = {}
        for key, request in zip(keys, requests, strict=True):
            if key not in found and key not in missing:
                missing[key] = request
        reused = {key for key in found if found[key].reused} - self._counted
        self._counted.update(reused)
        self.num_reused += len(reused)
        self.observer.runs_requested(len(missing) + len(reused), len(reused))
        self.store.plan_runs(
            self.study_id,
            [
                (key, request.settings, request.replicate.index, request.stage, request.label)
                for key, request in zip(keys, requests, strict=True)
            ],
        )
        if missing:
            test = door.open_() if door and any(r.test for r in missing.values()) else None
            self._train(missing, found, test)
        return [found[key] for key in keys]

    def known(self, requests: Iterable[RunRequest]) -> list[Run]:
        """Those of the runs that this call has given out already; trains nothing."""
        keys = [self.jobs.key(request) for request in requests]
        return [self._own[key] for key in keys if key in self._own]

    def _find(self, keys: Iterable[str]) -> dict[str, Run]:
        unique = list(dict.fromkeys(keys))
        found = {key: self._own[key] for key in unique if key in self._own}
        if self.fresh:
            return found
        stored = self.store.find_runs([key for key in unique if key not in found])
        if self.retry_failed:
            failed = [key for key, run in stored.items() if run.status == "failed"]
            self.store.forget_failed(failed)
            stored = {key: run for key, run in stored.items() if run.status != "failed"}
        for key, run in stored.items():
            found[key] = self._own[key] = run
        return found

    def _train(
        self, missing: dict[str, RunRequest], found: dict[str, Run], test: OpenTest | None
    ) -> None:
        # Longest first keeps the cores busy to the end; the order of the results is the caller's.
        tasks = sorted(missing.items(), key=lambda item: -item[1].operations)
        self.store.mark_running([key for key, _ in tasks])

        def work(task: tuple[str, RunRequest]) -> Run:
            return self._one(task[0], task[1], test)

        def on_start(task: tuple[str, RunRequest]) -> None:
            self.observer.run_started(task[1])

        def on_done(task: tuple[str, RunRequest], run: Run) -> None:
            self.store.add_run(run)
            if run.status == "interrupted":
                return
            if task[0] in found:  # handed over again after an interruption
                return
            found[task[0]] = self._own[task[0]] = run
            self._counted.add(task[0])
            self.num_trained += 1
            self.observer.run_finished(task[1], run)

        executor = LocalExecutor(work, self.num_workers)
        try:
            executor.run(tasks, on_done=on_done, on_start=on_start, cancel=self.cancel)
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted: {self.num_trained} runs trained so far are kept in "
                f"{self.store_name}; the same command goes on from there"
            ) from None

    def cancel(self) -> None:
        """Asks every running run to stop at its next step."""
        self._cancel_flag[0] = 1

    def train_weights(self, request: RunRequest) -> tuple[TrainedRun, float]:
        """Trains one run on the calling thread; with its wall time in seconds."""
        job = self.jobs.make(request)

        def on_epoch(epoch: int, _tl: float, _ta: float, _vl: float, val_accuracy: float) -> None:
            self.observer.epoch(request, epoch, val_accuracy)

        started = time.perf_counter()
        trained = self.engine.train(job, Watch(on_epoch, self._cancel_flag))
        return trained, time.perf_counter() - started

    def _one(self, key: str, request: RunRequest, test: OpenTest | None) -> Run:
        trained, seconds = self.train_weights(request)
        test_scores = None
        if request.test and test is not None and trained.stopped is None:
            test_scores = self.measure(request, trained, test)[0]
        return self.score(key, request, trained, seconds, test_scores)

    def measure(
        self, request: RunRequest, trained: TrainedRun, test: OpenTest
    ) -> tuple[dict[str, float], np.ndarray]:
        """Scores on the opened test part, and the logits, shape (num_test, num_classes)."""
        logits = self.engine.logits(
            request.settings,
            trained.layers,
            self.jobs.scaling(request.replicate, request.settings.scale, refit=request.refit),
            test.features,
        )
        return score_logits(logits, test.labels), logits

    def score(
        self,
        key: str,
        request: RunRequest,
        trained: TrainedRun,
        seconds: float,
        test_scores: Mapping[str, float] | None,
    ) -> Run:
        """The record of a trained run."""
        curves = trained.history.curves()
        _, val_rows = self.jobs.rows(request.replicate, refit=request.refit)
        # What a run that ended early learned on the way is shown; its validation is not.
        metrics = {
            name: float(curve[-1])
            for name, curve in curves.items()
            if trained.stopped is None or name.startswith("train_")
        }
        if "val_accuracy" in metrics:
            metrics["val_balanced_accuracy"] = balanced_accuracy(
                self.jobs.dataset.labels[val_rows],
                trained.val_predictions,
                self.jobs.dataset.num_classes,
            )
        metrics |= {f"test_{name}": value for name, value in (test_scores or {}).items()}
        metrics = {name: value for name, value in metrics.items() if np.isfinite(value)}
        status: RunStatus = "finished"
        reason = None
        if trained.stopped == "cancelled":
            status, reason = "interrupted", "interrupted before its last epoch"
        elif trained.stopped == "diverged":
            epoch = trained.history.num_epochs + 1
            status, reason = (
                "failed",
                f"diverged: a loss or a weight is not finite in epoch {epoch}",
            )
        elif ("val_accuracy" if len(val_rows) else "train_accuracy") not in metrics:
            status, reason = "failed", "diverged: the accuracy is not a finite number"
        return Run(
            key=key,
            replicate=request.replicate.index,
            status=status,
            reason=reason,
            metrics=metrics,
            curves=curves,
            notes={
                "health": [
                    {"dead": layer.dead, "saturated": layer.saturated} for layer in trained.health
                ]
            },
            train_seconds=seconds,
            engine=self.engine.name,
        )

"""The one place where runs are looked up, sent out, recorded and stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff import streams
from bakeoff.data.dataset import OpenTest
from bakeoff.data.study_data import StudyData
from bakeoff.errors import Interrupted
from bakeoff.execution.door import TestDoor
from bakeoff.execution.events import EpochEnded, Note, Observer, RunFinished, RunsRequested
from bakeoff.executors.base import Executor
from bakeoff.records import Replicate, Run, RunStatus
from bakeoff.settings import Settings
from bakeoff.stop import Stop
from bakeoff.store.sqlite import Store
from bakeoff.tasks import task_of
from bakeoff.trainables.attempts import failed_for_another_metric
from bakeoff.trainables.base import Measuring, Model, Outcome, Request, Trainable, Training


class _DriversWatch:
    """What executors ask and tell while runs are trained."""

    def __init__(self, stop: Stop, notify: Observer, executor: Executor) -> None:
        self.flag = np.zeros(1, np.int32)
        self._executor = executor
        self._stop = stop
        self._notify = notify

    @property
    def cancelled(self) -> bool:
        return self._stop.requested

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._notify(EpochEnded(request, epoch, metrics))

    def say(self, text: str) -> None:
        self._notify(Note(text, self._executor.where))


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """A model trained on everything outside the test part.

    Attributes:
        request, outcome: what was asked for and what came of it.
    """

    request: Request
    outcome: Outcome


class RunService:
    """Gives the runs that are asked for: from the store where it has them, else trained now.

    Only the driver's thread touches the store. With ``fresh`` the runs that an earlier call left
    in the store are ignored, but what this call trained itself is still used again.

    Args:
        trainable: what trains.
        executor: where.
        data: on what.
        store, study_id: where runs are kept, and for which study.
        notify: who watches.
        stop: whether the study was asked to end.
        fresh, retry_failed: as in ``RunOptions``.
    """

    def __init__(
        self,
        trainable: Trainable,
        executor: Executor,
        data: StudyData,
        store: Store,
        study_id: int,
        *,
        notify: Observer,
        stop: Stop,
        fresh: bool = False,
        retry_failed: bool = False,
    ) -> None:
        self.trainable = trainable
        self.executor = executor
        self.data = data
        self.store = store
        self.study_id = study_id
        self.notify = notify
        self.stop = stop
        self.num_trained = 0
        self.num_reused = 0
        self._fresh = fresh
        self._retry_failed = retry_failed
        self._own: dict[str, Run] = {}
        self._counted: set[str] = set()
        self._watch = _DriversWatch(stop, notify, executor)

    def for_another(self, trainable: Trainable) -> RunService:
        """The same for another model: same data, store and options."""
        return RunService(
            trainable,
            self.executor,
            self.data,
            self.store,
            self.study_id,
            notify=self.notify,
            stop=self.stop,
            fresh=self._fresh,
            retry_failed=self._retry_failed,
        )

    def check(self) -> None:
        """A safe point: raises Interrupted if the study was asked to end."""
        if self.stop.requested:
            raise Interrupted(
                f"interrupted: {self.num_trained} runs trained so far are kept in "
                f"{self.store.path or 'memory'}; the same command goes on from there"
            )

    def request(
        self,
        stage: str,
        label: str,
        settings: Settings,
        replicate: Replicate,
        *,
        refit: bool = False,
        keep: bool = False,
        test: bool = False,
    ) -> Request:
        """A run as a request, with the key that names it and the seed that all candidates share."""
        identity = {
            "data": self.data.dataset.hash,
            "engine": self.trainable.named(settings),
            "folds": self.data.num_folds,
            "part": "refit" if refit else "train",
            "replicate": [replicate.index, replicate.partition, replicate.fold],
            "seed": self.data.study_seed,
            "settings": settings.effective(),
            "split": self.data.split,
            "test": test,
        }
        if settings.get("scale") == "unit" and self.data.dataset.is_table:
            # Runs that were stored when one number divided all columns are none of these.
            identity["unit"] = "column"
        extra = self.trainable.task.metrics[len(task_of(self.trainable.task.kind).metrics) :]
        if extra and self.trainable.task.kind != "declared":
            # A run that was stored without this metric is none that could be taken for it.
            identity["metric"] = extra[0].name
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return Request(
            key=hashlib.sha256(text.encode()).hexdigest(),
            stage=stage,
            label=label,
            settings=settings,
            replicate=replicate,
            seed=streams.run_seed(self.data.study_seed, replicate.index),
            refit=refit,
            keep=keep,
            test=test,
        )

    def get(self, requests: Sequence[Request], *, door: TestDoor | None = None) -> list[Run]:
        """The runs of the requests, in their order.

        Args:
            requests: any number; identical ones are trained once.
            door: to the test part, for requests with ``test``; opened only if one must be trained.

        Raises:
            Interrupted: the study was asked to end; everything finished is stored.
            StoreError: when a finished run cannot be stored.
        """
        self.check()
        found = self._find([request.key for request in requests])
        missing: dict[str, Request] = {}
        for request in requests:
            if request.key not in found:
                missing.setdefault(request.key, request)
        reused = {key for key in found if found[key].reused} - self._counted
        self._counted.update(reused)
        self.num_reused += len(reused)
        self.notify(RunsRequested(len(missing) + len(reused), len(reused)))
        self.store.plan_runs(
            self.study_id,
            [
                (one.key, one.settings, one.replicate.index, one.stage, one.label)
                for one in requests
            ],
        )
        if missing:
            test = door.open_() if door and any(one.test for one in missing.values()) else None
            self._train(missing, found, test)
        return [found[request.key] for request in requests]

    @property
    def first_failure(self) -> str | None:
        """Why the first run that failed did so, of those that this call has given out."""
        reasons = [run.reason for run in self._own.values() if run.status == "failed"]
        return reasons[0] if reasons else None

    def already_given(self, requests: Iterable[Request]) -> list[Run]:
        """Those of the runs that this call has given out already; trains nothing."""
        return [self._own[one.key] for one in requests if one.key in self._own]

    def _find(self, keys: Iterable[str]) -> dict[str, Run]:
        unique = list(dict.fromkeys(keys))
        found = {key: self._own[key] for key in unique if key in self._own}
        if self._fresh:
            return found
        stored = self.store.find_runs([key for key in unique if key not in found])
        again = [
            key
            for key, run in stored.items()
            if run.status == "failed"
            and (self._retry_failed or failed_for_another_metric(run.reason, self.trainable.task))
        ]
        if again:
            self.store.forget_failed(again)
            stored = {key: run for key, run in stored.items() if key not in again}
        for key, run in stored.items():
            found[key] = self._own[key] = run
        return found

    def _train(
        self, missing: dict[str, Request], found: dict[str, Run], test: OpenTest | None
    ) -> None:
        self.store.mark_running(list(missing))

        def keep(request: Request, outcome: Outcome) -> None:
            run = self.record(request, outcome)
            self.store.add_run(run)
            if run.status == "interrupted":
                return
            found[run.key] = self._own[run.key] = run
            self._counted.add(run.key)
            self.num_trained += 1
            self.notify(RunFinished(request, run))

        self._send(missing, Training(self.trainable, self.data, test), keep)

    def refit(self, requests: Sequence[Request]) -> list[Refit]:
        """Trains the requests with ``keep``, whatever the store has; stores nothing.

        Raises:
            Interrupted: the study was asked to end.
        """
        self.check()
        self.notify(RunsRequested(len(requests), 0))
        outcomes: dict[str, Outcome] = {}

        def keep(request: Request, outcome: Outcome) -> None:
            outcomes[request.key] = outcome
            if outcome.stopped != "cancelled":
                self.notify(RunFinished(request, self.record(request, outcome)))

        training = Training(self.trainable, self.data, None)
        self._send({request.key: request for request in requests}, training, keep)
        return [Refit(request, outcomes[request.key]) for request in requests]

    def measure(self, refits: Sequence[Refit], test: OpenTest) -> dict[str, Outcome]:
        """Key → scores (``test_…``) and outputs of every refit that has a model."""
        models: dict[str, Model] = {
            one.request.key: one.outcome.model for one in refits if one.outcome.model is not None
        }
        measured: dict[str, Outcome] = {}

        def keep(request: Request, outcome: Outcome) -> None:
            measured[request.key] = outcome

        wanted = {one.request.key: one.request for one in refits if one.request.key in models}
        self._send(wanted, Measuring(self.trainable, models, test), keep)
        return measured

    def _send(
        self,
        requests: Mapping[str, Request],
        work: Training | Measuring,
        keep: Callable[[Request, Outcome], None],
    ) -> None:
        batches = self.trainable.batches(list(requests.values()), self.data.summary)
        self.executor.run(
            batches, work, self._watch, lambda outcome: keep(requests[outcome.key], outcome)
        )
        self.check()

    def record(self, request: Request, outcome: Outcome) -> Run:
        """What the store and the report keep of an outcome."""
        status: RunStatus = "finished"
        if outcome.stopped == "cancelled":
            status = "interrupted"
        elif outcome.stopped is not None:
            status = "failed"
        return Run(
            key=request.key,
            replicate=request.replicate.index,
            status=status,
            reason=outcome.reason,
            metrics=outcome.metrics,
            curves=outcome.curves,
            notes=outcome.notes,
            train_seconds=outcome.seconds,
            engine=self.trainable.named(request.settings),
        )

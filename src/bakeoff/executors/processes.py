"""Runs batches in warm worker processes of this machine; knows batches, no model and no study.

A crash or a timeout costs the run that had it and nothing else: every worker is a process of its
own with a connection of its own. Why no library does it: ``docs/dependencies.md``.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

from bakeoff.errors import UsageError
from bakeoff.executors.base import DriversWatch, Work, available_cores
from bakeoff.executors.guard import MARK, Guard, Worker
from bakeoff.trainables.base import Outcome, Request, Stopped
from bakeoff.trainables.programs import descendants, signal_name

POLL_SECONDS = 0.05
"""How often the driver looks whether it is asked to stop."""

GRACE_SECONDS = 1.0
"""How long a run that is asked to end may take before its process is ended."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""What BLAS, OpenMP, Torch (through OpenMP), TensorFlow and joblib ask for their threads."""

_WORKER = "import sys; sys.path[:] = {path!r}; from bakeoff.executors.worker import main; main({fd}, {memory})"


class Processes:
    """Worker processes, kept between calls; ``close`` ends them, and so does the driver's end.

    Args:
        slots: runs at the same time; by default as many as the cores (and GPUs) allow.
        threads: cores a run may use.
        gpus: graphics processors a run has for itself, or which share of one; without any it sees
            none.
        timeout: seconds a run may take.
        memory: GiB that the process of a run may allocate (Linux).

    Raises:
        UsageError: more GPUs for one run than there are.
    """

    where = ""

    def __init__(
        self,
        slots: int | None = None,
        *,
        threads: int = 1,
        gpus: float = 0.0,
        timeout: float | None = None,
        memory: float | None = None,
    ) -> None:
        self.slots = slots or max(1, available_cores() // threads)
        self._threads, self._gpus, self._timeout = threads, gpus, timeout
        self._memory = 0 if memory is None else int(memory * 2**30)
        devices = _devices() if gpus else []
        if gpus > len(devices):
            raise UsageError(
                f"gpus: a run needs {gpus:g}, but this machine has {len(devices)}; lower `gpus`"
            )
        whole = max(1, math.ceil(gpus))
        shared = devices * int(1.0 / gpus + 1e-9) if 0.0 < gpus < 1.0 else devices
        if gpus:
            self.slots = min(self.slots, len(shared) // whole)
        self._devices = [
            shared[i * whole : (i + 1) * whole] if gpus else [] for i in range(self.slots)
        ]
        self._workers: list[Worker] = []
        self._guard: Guard | None = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers and removes what was laid out for them."""
        for worker in list(self._workers):
            self._end(worker)
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """See ``Executor.run``."""
        if self._guard is None:
            self._guard = Guard()
        content = self._guard.pickled(work)
        digest = hashlib.sha256(content).hexdigest()
        requests: dict[str, Request] = {}
        again: deque[Sequence[Request]] = deque()
        waiting = iter(batches)
        deadline: float | None = None
        try:
            while True:
                if deadline is None and watch.cancelled:
                    deadline = time.monotonic() + GRACE_SECONDS
                    for worker in self._busy():
                        worker.tell("stop", None)
                while deadline is None and len(self._busy()) < self.slots:
                    batch = again.popleft() if again else next(waiting, None)
                    if batch is None:
                        break
                    requests.update((one.key, one) for one in batch)
                    self._idle(digest, content).begin(batch, self._timeout)
                if not self._busy():
                    return
                for worker in self._ready():
                    try:
                        kind, message = worker.connection.recv()
                    except Exception:  # the process ended, perhaps in the middle of a message
                        kind, message = "died", None
                    if kind == "begin":
                        worker.count(self._timeout)
                    elif kind == "epoch":
                        key, epoch, metrics = message
                        watch.epoch(requests[key], epoch, metrics)
                    elif kind == "outcome":
                        on_outcome(worker.answered(message))
                    elif kind == "end":
                        worker.busy = False
                        worker.drain()
                        reason, traceback = message or ("ended without an outcome", "")
                        while worker.batch:
                            on_outcome(
                                worker.unanswered("raised", reason, {"traceback": traceback})
                            )
                    else:
                        reason = self._end(worker, died=True)
                        self._give_up(worker, "crashed", reason, again, on_outcome)
                now = time.monotonic()
                for worker in self._busy():
                    if worker.is_gone():
                        reason = self._end(worker, died=True)
                        self._give_up(worker, "crashed", reason, again, on_outcome)
                    elif deadline is not None and now > deadline:
                        self._end(worker)
                        while worker.batch:
                            on_outcome(worker.unanswered("cancelled", "ended with the study", {}))
                    elif now > worker.ends:
                        self._end(worker)
                        reason = f"took longer than {self._timeout:g} s"
                        self._give_up(worker, "timeout", reason, again, on_outcome)
        finally:
            for worker in self._busy():  # what was raised here ends what runs
                self._end(worker)

    def _give_up(
        self,
        worker: Worker,
        stopped: Stopped,
        reason: str,
        again: deque[Sequence[Request]],
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """The run that an ended worker had is lost; the rest of its batch is sent out again."""
        if worker.batch:
            on_outcome(worker.unanswered(stopped, reason, {}))
        if worker.batch:
            again.append(worker.batch)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.busy]

    def _idle(self, digest: str, content: bytes) -> Worker:
        """A worker without a batch that has the work; starts one where there is none."""
        for worker in [one for one in self._workers if not one.busy]:
            if worker.process.poll() is not None:  # it died while it had nothing to do
                self._end(worker)
        idle = [worker for worker in self._workers if not worker.busy]
        # One that has the work already need not load it.
        worker = max(idle, key=lambda one: one.work == digest) if idle else self._start()
        if worker.work != digest:
            worker.tell("work", content)
            worker.work = digest
        return worker

    def _ready(self) -> list[Worker]:
        """Waits a little for workers to say something or end; takes what they print meanwhile."""
        busy = self._busy()
        sources = {worker.connection: worker for worker in busy}
        outputs = {worker.output: worker for worker in busy}
        soonest = min(worker.ends for worker in busy) - time.monotonic()
        ready = wait([*sources, *outputs], max(0.0, min(POLL_SECONDS, soonest)))
        for one in ready:
            if isinstance(one, int):
                outputs[one].drain()
        return [sources[one] for one in ready if isinstance(one, Connection)]

    def _start(self) -> Worker:
        taken = {worker.slot for worker in self._workers}
        slot = next(i for i in range(self.slots) if i not in taken)
        assert self._guard is not None  # noqa: S101  (made before the first worker)
        ours, theirs = socket.socketpair()
        path = [one for one in sys.path if isinstance(one, str)]
        with theirs:
            process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-c",
                    _WORKER.format(path=path, fd=theirs.fileno(), memory=self._memory),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**self._environment(slot), MARK: str(self._guard.folder)},
            )
        worker = Worker(process, Connection(ours.detach()), slot)
        os.set_blocking(worker.output, False)
        self._workers.append(worker)
        self._guard.watch(worker.process.pid for worker in self._workers)
        return worker

    def _environment(self, slot: int) -> dict[str, str]:
        """What a worker must find before it loads any library."""
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        environment.update((name, str(self._threads)) for name in THREAD_VARIABLES)
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(self._devices[slot])
        # JAX (three quarters) and TensorFlow take most of the memory where nobody says no.
        if 0.0 < self._gpus < 1.0:
            if not environment.get("XLA_CLIENT_MEM_FRACTION"):  # its new name; JAX refuses both
                environment.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.75 * self._gpus:g}")
            environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        environment.setdefault("MPLBACKEND", "agg")
        if self._threads == 1 and "multi_thread_eigen" not in environment.get("XLA_FLAGS", ""):
            flags = environment.get("XLA_FLAGS", "")
            environment["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
        return environment

    def _end(self, worker: Worker, *, died: bool = False) -> str:
        """Ends a worker and all it started; says in words what its own end was, if it died."""
        if died:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(GRACE_SECONDS)
        for one in descendants(worker.process.pid):
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.killpg(worker.process.pid, signal.SIGKILL)
        code = worker.process.wait()
        worker.close()
        self._workers.remove(worker)
        if self._guard is not None:
            self._guard.watch(worker.process.pid for worker in self._workers)
        return _ending(code)


def _ending(code: int) -> str:
    """A process's exit code in words."""
    if code >= 0:
        return f"ended its process with exit code {code} instead of returning"
    return f"its process was ended by {signal_name(-code)}"


def _devices() -> list[str]:
    """The graphics processors that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:  # CUDA itself reads no further than what is none
        names = (one.strip() for one in visible.split(","))
        return list(itertools.takewhile(lambda one: one not in ("", "-1"), names))
    try:  # a container may show the folders of processors in /proc that it may not use, or none
        told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)  # noqa: S607
        found = [line for line in told.stdout.splitlines() if line.startswith("GPU ")]
    except (OSError, subprocess.CalledProcessError):
        found = [str(one) for one in Path("/dev").glob("nvidia[0-9]*")]
    return [str(number) for number in range(len(found))]

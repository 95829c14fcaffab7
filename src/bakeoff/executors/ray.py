"""Runs batches on the machines of a Ray cluster; knows batches, no model and no study.

Each slot is a Ray actor that holds what this machine would run with too: threads or a worker process
of its own. So a crash or a timeout costs one run there as it does here, and what Ray loses is a
machine: its runs are sent again. The driver alone takes outcomes, in parcels, and writes the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff import words
from bakeoff.errors import EngineError, UsageError
from bakeoff.executors.base import DriversWatch, Executor, Work, available_cores
from bakeoff.executors.guard import SHARED_BYTES, mapped_from
from bakeoff.executors.threads import ThreadWatch
from bakeoff.trainables.attempts import failure_of
from bakeoff.trainables.base import Outcome, Request

POLL_SECONDS = 0.05
GATHER_SECONDS = 0.2
"""How long a slot collects what its runs tell before it sends it."""

PARCEL_SECONDS = 0.25
MOST_IN_A_PARCEL = 256
"""Tiny runs travel together: as many as take about so long."""

REFRESH_SECONDS = 2.0
"""How often the driver looks which nodes there are."""

CONNECT_SECONDS = 10.0

GRACE_SECONDS = 3.0
"""How long slots may take to end when they are asked to."""

MOST_LOSSES = 3
"""So often a run is sent again after its slot was lost; then it counts as crashed."""

MISSING = (
    "on: ray is not installed; install it with `pip install 'bakeoff[ray]'`, or leave `on` out"
)


class Ray:
    """Slots on the nodes of a Ray cluster, started for the first run and kept between calls.

    Args:
        local: makes the executor of one slot, where the slot is.
        slots: runs at the same time; by default as many as the nodes have room for.
        address: of a running cluster, as ``ray.init`` takes it; left out, the environment's
            ``RAY_ADDRESS``, and without it a cluster of this machine alone. A connection that the
            program has already made is used as it is.
        threads: cores of a run.
        gpus: of a run; fractions share one.
        memory: GiB of a run.

    Raises:
        UsageError: Ray is not installed, cannot be reached, or has no node for such a run.
    """

    def __init__(
        self,
        local: Callable[[], Executor],
        slots: int | None = None,
        *,
        address: str | None = None,
        threads: int = 1,
        gpus: float = 0.0,
        memory: float | None = None,
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError(MISSING) from error
        self._ray: Any = ray
        self._local, self._wanted = local, slots
        self._needs = {"CPU": float(threads), "GPU": gpus, "memory": (memory or 0.0) * 2**30}
        self._slots: list[_Slot] = []
        self._arrays: dict[int, tuple[NDArray[Any], Any]] = {}
        self._banned: dict[str, str] = {}
        self._alive: set[str] = set()
        self._refreshed = 0.0
        self._failed_starts = 0
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(ray, address or os.environ.get("RAY_ADDRESS") or "local", slots)
        self._hosts: dict[str, str] = {}
        self._room = 0
        self._look()
        if not self._room and slots is None:
            self.close()
            needs = words.listing([f"{amount:g} {name}" for name, amount in self._asked().items()])
            raise UsageError(
                f"on: no node of the Ray cluster has what a run needs ({needs}); lower `threads`, "
                "`gpus` or `memory`"
            )

    @property
    def slots(self) -> int:
        """Runs at the same time."""
        return self._wanted or max(1, self._room)

    @property
    def where(self) -> str:
        """For whoever watches."""
        return f"on {words.plural(len(self._alive), 'node')} of Ray"

    def close(self) -> None:
        """Ends all slots, and the connection where it was made here."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            ended = [slot.actor.close.remote() for slot in self._slots if slot.node]
            self._ray.wait(ended, num_returns=len(ended), timeout=GRACE_SECONDS) if ended else None
        for slot in self._slots:
            with contextlib.suppress(Exception):
                self._ray.kill(slot.actor)
        self._slots.clear()
        if self._ours:
            self._ray.shutdown()

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """See ``Executor.run``."""
        try:
            _Round(self, batches, work, watch, on_outcome).go()
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            raise EngineError(
                f"ray: the cluster does not answer ({_first_line(error)}); the same command goes on "
                "from what is stored"
            ) from error

    def slot_count(self, watch: DriversWatch) -> int:
        """Looks again now and then which nodes there are; how many slots there may be."""
        if time.monotonic() - self._refreshed > REFRESH_SECONDS:
            before = self._alive
            self._look()
            for node in before - self._alive:
                watch.say(f"node {self.host(node)} is gone")
            for node in (self._alive - before) if before else ():
                watch.say(f"node {self.host(node)} has joined")
            self._must_have_nodes()
        return self.slots

    def host(self, node: str) -> str:
        """The name of a node."""
        return self._hosts.get(node, node)

    def ban(self, node: str, reason: str, watch: DriversWatch) -> None:
        """Leaves a node out from now on.

        Raises:
            UsageError: no other is left.
        """
        if node not in self._banned:
            self._banned[node] = reason
            watch.say(f"node {self.host(node)} is left out: {reason}")
            self._look()
        self._must_have_nodes()

    def _must_have_nodes(self) -> None:
        if self._banned and not self._alive:
            raise UsageError(
                f"ray: no node can do this work: {next(iter(self._banned.values()))}; what it needs must "
                "be installed there, see docs/scaling.md"
            )

    def failed_start(self, error: BaseException) -> None:
        """A slot did not come to life, perhaps as its node went, perhaps as none can.

        Raises:
            UsageError: it was not the first ones.
        """
        self._failed_starts += 1
        if self._failed_starts > MOST_LOSSES:
            raise UsageError(
                f"ray: no slot can be started ({str(error).strip().splitlines()[-1].strip()}); the same "
                "bakeoff must be installed on every node, see docs/scaling.md"
            )

    def started(self, slot: _Slot, node: str) -> None:
        """A slot has loaded its work."""
        slot.node, slot.awaited = node, None
        self._failed_starts = 0

    def content_of(self, work: Work) -> tuple[str, bytes, list[Any]]:
        """Work as bytes with their digest, and references to its large arrays."""
        buffer, references = io.BytesIO(), []

        def place(array: NDArray[Any]) -> Any:
            if self._is_one_machine and (mapped := mapped_from(array)) is not None:
                return mapped
            if array.nbytes < SHARED_BYTES:
                return None
            if id(array) not in self._arrays:
                self._arrays[id(array)] = (array, self._ray.put(array))
            references.append(self._arrays[id(array)][1])
            return _sent, (len(references) - 1,)

        try:
            _Pickler(buffer, place).dump(work)
        except Exception as error:
            raise UsageError(
                f"the model cannot be sent to another machine: {error}; make what it uses inside it"
            ) from error
        content = buffer.getvalue()
        return hashlib.sha256(content).hexdigest(), content, references

    def new_slot(self) -> _Slot:
        """One more, wherever there is room; it is ready when it has loaded its work."""
        made = self._ray.remote(
            max_restarts=0,
            concurrency_groups={"control": 1},
            scheduling_strategy="SPREAD",
            num_cpus=self._needs["CPU"],
            num_gpus=self._needs["GPU"] or None,
            memory=int(self._needs["memory"]) or None,
            label_selector={"ray.io/node-id": f"!in({','.join(self._banned)})"}
            if self._banned
            else None,
        )(SlotActor)
        path = [one for one in sys.path if isinstance(one, str)]
        slot = _Slot(made.remote(self._local, path, str(Path.cwd())))
        self._slots.append(slot)
        return slot

    def drop(self, slot: _Slot) -> None:
        """Forgets a slot that ended, and ends it where it has not."""
        with contextlib.suppress(Exception):
            self._ray.kill(slot.actor)
        self._slots.remove(slot)

    def _look(self) -> None:
        self._refreshed = time.monotonic()
        nodes = [one for one in self._ray.nodes() if one["Alive"]]
        self._hosts.update((one["NodeID"], one["NodeManagerHostname"]) for one in nodes)
        self._alive = {one["NodeID"] for one in nodes} - self._banned.keys()
        self._room = sum(
            _room(one["Resources"], self._asked()) for one in nodes if one["NodeID"] in self._alive
        )
        self._is_one_machine = {one["NodeManagerAddress"] for one in nodes} == {
            self._ray.util.get_node_ip_address()
        }

    def _asked(self) -> dict[str, float]:
        return {name: amount for name, amount in self._needs.items() if amount}


class _Slot:
    """The driver's end of one slot.

    Attributes:
        actor: the other end.
        node: id of the node it is on; empty until it is ready.
        work: digest of the work that it has.
        awaited: what is waited for: that it is ready, or what its runs tell.
        parcel: batches that it has, without what was answered.
        size, began: how many it was given, and when, in seconds of the monotonic clock.
    """

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.node = ""
        self.work = ""
        self.awaited: Any = None
        self.parcel: list[list[Request]] = []
        self.size = 1
        self.began = 0.0

    @property
    def busy(self) -> bool:
        return bool(self.node) and self.awaited is not None

    def answered(self, key: str) -> None:
        rest = [[one for one in batch if one.key != key] for batch in self.parcel]
        self.parcel = [batch for batch in rest if batch]


class _Round:
    """One call of ``Ray.run``: what waits, what runs, what was lost."""

    def __init__(
        self,
        executor: Ray,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._executor, self._ray = executor, executor._ray
        self._digest, self._content, self._arrays = executor.content_of(work)
        self._waiting: Iterator[Sequence[Request]] = iter(batches)
        self._again: deque[list[Request]] = deque()
        self._watch, self._on_outcome = watch, on_outcome
        self._requests: dict[str, Request] = {}
        self._losses: Counter[str] = Counter()
        self._deadline: float | None = None
        self._per_batch: float | None = None
        self._more = True
        self._num_batches = len(batches) if isinstance(batches, Sized) else None

    def go(self) -> None:
        slots = self._executor._slots
        try:
            while True:
                if self._deadline is None and self._watch.cancelled:
                    self._deadline = time.monotonic() + GRACE_SECONDS
                    for slot in slots:
                        if slot.busy:
                            slot.actor.stop.options(concurrency_group="control").remote()
                if self._deadline is None:
                    self._hand_out()
                elif time.monotonic() > self._deadline:
                    return self._end()
                busy = [slot for slot in slots if slot.busy]
                if not busy and not self._again and (self._deadline or not self._more):
                    return None
                awaited = [slot.awaited for slot in slots if slot.awaited is not None]
                ready, _ = self._ray.wait(awaited, timeout=POLL_SECONDS)
                for slot in [one for one in slots if one.awaited in ready]:
                    self._hear(slot)
        finally:
            self._end()

    def _hand_out(self) -> None:
        """Parcels to the slots that are free; more slots where there is room for them."""
        slots = self._executor._slots
        for slot in slots:
            if slot.node and not slot.busy:
                if slot.work != self._digest:
                    self._load(slot)
                    continue
                parcel = self._parcel()
                if not parcel:
                    return
                slot.parcel = [list(batch) for batch in parcel]
                slot.size, slot.began = len(parcel), time.monotonic()
                run = slot.actor.run.options(num_returns="streaming")
                slot.awaited = run.remote(slot.parcel)
        if self._more or self._again:
            most = self._executor.slot_count(self._watch)
            if self._num_batches is not None:
                most = min(most, self._num_batches)
            for _ in range(most - len(slots)):
                self._load(self._executor.new_slot())

    def _load(self, slot: _Slot) -> None:
        slot.node, slot.work = "", self._digest
        slot.awaited = slot.actor.load.remote(self._content, *self._arrays)

    def _parcel(self) -> list[Sequence[Request]]:
        if self._again:
            return [self._again.popleft()]
        size = 1
        if self._per_batch is not None:
            size = int(np.clip(PARCEL_SECONDS / max(self._per_batch, 1e-9), 1, MOST_IN_A_PARCEL))
        parcel: list[Sequence[Request]] = []
        while len(parcel) < size and (batch := next(self._waiting, None)) is not None:
            if batch:
                parcel.append(batch)
                self._requests.update((one.key, one) for one in batch)
        self._more = bool(parcel)
        return parcel

    def _hear(self, slot: _Slot) -> None:
        try:
            if not slot.node:
                return self._executor.started(slot, self._ray.get(slot.awaited))
            messages = self._ray.get(next(slot.awaited))
        except StopIteration:
            slot.awaited = None
            self._per_batch = (time.monotonic() - slot.began) / slot.size
            self._send_again(slot, "ended without an outcome")
        except self._ray.exceptions.RayTaskError as error:  # its work cannot be loaded there
            node = str(self._ray.get(slot.actor.node.remote()))
            self._executor.drop(slot)
            self._executor.ban(node, _first_line(error.cause or error), self._watch)
        except self._ray.exceptions.RayError as error:
            self._executor.drop(slot)
            self._executor._refreshed = 0.0
            if not slot.node:
                self._executor.failed_start(error)
            else:
                self._watch.say(
                    f"a slot on node {self._executor.host(slot.node)} was lost; its runs are sent again"
                )
            self._send_again(slot, f"its slot was lost {MOST_LOSSES} times ({_first_line(error)})")
        else:
            self._take(slot, messages)
        return None

    def _take(self, slot: _Slot, messages: Sequence[tuple[str, Any]]) -> None:
        for kind, content in messages:
            if kind == "epoch":
                key, epoch, metrics = content
                self._watch.epoch(self._requests[key], epoch, metrics)
                continue
            slot.answered(content.key)
            self._on_outcome(content)

    def _send_again(self, slot: _Slot, reason: str) -> None:
        """What a slot had and did not answer."""
        for batch in slot.parcel:
            first = batch[0].key
            self._losses[first] += 1
            if self._losses[first] >= MOST_LOSSES:
                self._on_outcome(Outcome(first, stopped="crashed", reason=reason))
                batch = batch[1:]
            if batch:
                self._again.append(batch)
        slot.parcel = []

    def _end(self) -> None:
        """Slots that still run something are of no use for the next call."""
        for slot in list(self._executor._slots):
            if slot.busy:
                self._executor.drop(slot)
                if self._deadline is not None:
                    for one in (one for batch in slot.parcel for one in batch):
                        self._on_outcome(
                            Outcome(one.key, stopped="cancelled", reason="ended with the study")
                        )


class SlotActor:
    """The other end, on a node: an executor of one slot, and what its runs tell.

    Args:
        make: makes that executor.
        path, folder: where the driver finds modules and files; what of it is here is found here too.
    """

    def __init__(self, make: Callable[[], Executor], path: Sequence[str], folder: str) -> None:
        sys.path += [one for one in path if one not in sys.path]
        with contextlib.suppress(OSError):
            os.chdir(folder)
        self._executor = make()
        self._work: Work | None = None
        self._watch: _SlotWatch | None = None

    def node(self) -> str:
        """Id of the node."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def load(self, content: bytes, *arrays: NDArray[Any]) -> str:
        """Takes the work that is to be done; the node's id."""
        _arrived.arrays = arrays
        try:
            self._work = pickle.loads(content)  # noqa: S301  (of our own driver)
        finally:
            _arrived.arrays = ()
        return self.node()

    def run(self, parcel: Sequence[Sequence[Request]]) -> Iterator[list[tuple[str, Any]]]:
        """Works through the batches; gives what there is to tell, a few times a second."""
        assert self._work is not None  # noqa: S101  (loaded before)
        told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._watch = watch = _SlotWatch(told)
        work, executor = self._work, self._executor

        def train() -> None:
            try:
                executor.run(parcel, work, watch, lambda one: told.put(("outcome", one)))
            except BaseException as error:
                reason, text = failure_of(error)
                for one in (one for batch in parcel for one in batch):
                    told.put(
                        (
                            "lost",
                            Outcome(
                                one.key, {}, {}, {"traceback": text}, None, None, "raised", reason
                            ),
                        )
                    )
            told.put(("end", None))

        threading.Thread(target=train, daemon=True).start()
        answered: set[str] = set()
        kind = ""
        while kind != "end":
            messages: list[tuple[str, Any]] = []
            until = time.monotonic() + GATHER_SECONDS
            while kind != "end":
                try:
                    kind, content = told.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if kind == "lost" and content.key in answered:
                    continue
                if kind in ("outcome", "lost"):
                    answered.add(content.key)
                    messages.append(("outcome", content))
                elif kind == "epoch":
                    messages.append((kind, content))
            if messages:
                yield messages

    def stop(self) -> None:
        """Asks what runs to end."""
        if self._watch is not None:
            self._watch.cancel()

    def close(self) -> None:
        """Ends what was kept between parcels."""
        self._executor.close()


class _SlotWatch(ThreadWatch):
    """What a run tells goes into the queue of its slot."""

    def __init__(self, told: queue.SimpleQueue[tuple[str, Any]]) -> None:
        self.flag = np.zeros(1, np.int32)
        self._told = told

    def epoch(self, request: Request, epoch: int, metrics: Mapping[str, float]) -> None:
        self._told.put(("epoch", (request.key, epoch, dict(metrics))))

    def say(self, text: str) -> None:
        """Nothing that a single slot has to say is for the user."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Large arrays go another way."""

    def __init__(self, file: io.BytesIO, place: Callable[[NDArray[Any]], Any]) -> None:
        super().__init__(file)
        self._place = place

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            placed = self._place(value)
            if placed is not None:
                return placed
        return super().reducer_override(value)


class _Arrived(threading.local):
    arrays: tuple[NDArray[Any], ...] = ()


_arrived = _Arrived()


def _sent(number: int) -> NDArray[Any]:
    """An array that came beside the work."""
    return _arrived.arrays[number]


def _room(resources: Mapping[str, float], asked: Mapping[str, float]) -> int:
    """How many runs a node has room for."""
    return min(
        (int(resources.get(name, 0.0) / amount + 1e-9) for name, amount in asked.items()), default=0
    )


def _connect(ray: Any, address: str, slots: int | None) -> None:
    """Joins a cluster, or starts one on this machine."""
    more = {"num_cpus": slots or available_cores(), "include_dashboard": False}
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"ray: nothing answers at {address} ({error}); check the address, or start a cluster with "
                "`ray start --head`"
            ) from error
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            **(more if address == "local" else {}),
        )
    except Exception as error:
        raise UsageError(
            f"ray: the cluster at {address} cannot be reached ({_first_line(error)}); check the address"
        ) from error
    if main and before is not None:
        signal.signal(signal.SIGTERM, before)  # ours ends a study in order; Ray's ends the process
    with contextlib.suppress(ImportError, AttributeError):
        # What its daemons print of dead workers would stand between the lines of the study.
        from ray._private.ray_logging import global_worker_stdstream_dispatcher

        global_worker_stdstream_dispatcher.remove_handler("ray_print_logs")


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__

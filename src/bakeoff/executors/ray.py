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
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from bakeoff import words
from bakeoff.errors import EngineError, UsageError
from bakeoff.executors.base import DriversWatch, Executor, Work, available_cores
from bakeoff.executors.guard import SHARED_BYTES, mapped_from
from bakeoff.executors.ray_round import GRACE_SECONDS, MOST_LOSSES, Round, Slot, first_line
from bakeoff.executors.slot import SlotActor, sent
from bakeoff.trainables.base import Outcome, Request

REFRESH_SECONDS = 2.0
"""How often the driver looks which nodes there are."""

CONNECT_SECONDS = 10.0


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
        self.ray: Any = ray
        self._local, self._wanted = local, slots
        self._needs = {"CPU": float(threads), "GPU": gpus, "memory": (memory or 0.0) * 2**30}
        self.all_slots: list[Slot] = []
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

    def look_soon(self) -> None:
        """Something was lost: the nodes are looked at again before more is sent."""
        self._refreshed = 0.0

    @property
    def where(self) -> str:
        """For whoever watches."""
        return f"on {words.plural(len(self._alive), 'node')} of Ray"

    def close(self) -> None:
        """Ends all slots, and the connection where it was made here."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            ended = [slot.actor.close.remote() for slot in self.all_slots if slot.node]
            self.ray.wait(ended, num_returns=len(ended), timeout=GRACE_SECONDS) if ended else None
        for slot in self.all_slots:
            with contextlib.suppress(Exception):
                self.ray.kill(slot.actor)
        self.all_slots.clear()
        if self._ours:
            self.ray.shutdown()

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """See ``Executor.run``."""
        try:
            Round(self, batches, work, watch, on_outcome).go()
        except (self.ray.exceptions.RayError, ConnectionError) as error:
            raise EngineError(
                f"ray: the cluster does not answer ({first_line(error)}); the same command goes on "
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

    def started(self, slot: Slot, node: str) -> None:
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
                self._arrays[id(array)] = (array, self.ray.put(array))
            references.append(self._arrays[id(array)][1])
            return sent, (len(references) - 1,)

        try:
            _Pickler(buffer, place).dump(work)
        except Exception as error:
            raise UsageError(
                f"the model cannot be sent to another machine: {error}; make what it uses inside it"
            ) from error
        content = buffer.getvalue()
        return hashlib.sha256(content).hexdigest(), content, references

    def new_slot(self) -> Slot:
        """One more, wherever there is room; it is ready when it has loaded its work."""
        made = self.ray.remote(
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
        slot = Slot(made.remote(self._local, path, str(Path.cwd())))
        self.all_slots.append(slot)
        return slot

    def drop(self, slot: Slot) -> None:
        """Forgets a slot that ended, and ends it where it has not."""
        with contextlib.suppress(Exception):
            self.ray.kill(slot.actor)
        self.all_slots.remove(slot)

    def _look(self) -> None:
        self._refreshed = time.monotonic()
        nodes = [one for one in self.ray.nodes() if one["Alive"]]
        self._hosts.update((one["NodeID"], one["NodeManagerHostname"]) for one in nodes)
        self._alive = {one["NodeID"] for one in nodes} - self._banned.keys()
        self._room = sum(
            _room(one["Resources"], self._asked()) for one in nodes if one["NodeID"] in self._alive
        )
        self._is_one_machine = {one["NodeManagerAddress"] for one in nodes} == {
            self.ray.util.get_node_ip_address()
        }

    def _asked(self) -> dict[str, float]:
        return {name: amount for name, amount in self._needs.items() if amount}


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
            f"ray: the cluster at {address} cannot be reached ({first_line(error)}); check the address"
        ) from error
    if main and before is not None:
        signal.signal(signal.SIGTERM, before)  # ours ends a study in order; Ray's ends the process
    with contextlib.suppress(ImportError, AttributeError):
        # What its daemons print of dead workers would stand between the lines of the study.
        from ray._private.ray_logging import global_worker_stdstream_dispatcher

        global_worker_stdstream_dispatcher.remove_handler("ray_print_logs")

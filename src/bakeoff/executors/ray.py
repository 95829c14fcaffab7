"""Runs batches on the machines of a Ray cluster; knows batches, no model and no study.

Each slot is a Ray actor that holds what this machine would run with too: threads or a worker process
of its own. So a crash or a timeout costs one run there as it does here, and what Ray loses is a
machine: its runs are sent again. The driver alone takes outcomes, in parcels, and writes the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bakeoff import words
from bakeoff.errors import EngineError, UsageError, first_line
from bakeoff.executors.base import DriversWatch, Executor, Work, available_cores
from bakeoff.executors.ray_cluster import connect
from bakeoff.executors.ray_round import Round, Slot
from bakeoff.executors.slot import Home, SlotActor, pickled
from bakeoff.trainables.base import Outcome, Request

REFRESH_SECONDS = 2.0
"""How often the driver looks which nodes there are."""

CLOSE_SECONDS = 3.0
"""How long slots may take to end."""

MOST_FAILED_STARTS, MOST_PAUSE_SECONDS = 3, 60.0
"""So many slots may fail to start before one has; where some have, the next is tried ever later."""

DECISIVE = ("KERAS_BACKEND",)
"""Variables by which the driver's libraries are what a run's key says they are."""

ADVICE = "the same bakeoff and what the model uses must be on every node, see docs/scaling.md"


@dataclass(frozen=True, slots=True)
class SentWork:
    """Work in Ray's object store.

    Attributes:
        digest: of its bytes.
        content: reference to its bytes.
        names, arrays: of its large arrays, and references to them.
    """

    digest: str
    content: Any
    names: tuple[str, ...]
    arrays: tuple[Any, ...]


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
        folder: with the files that runs need; it is sent to a running cluster.

    Attributes:
        ray: the library.
        all_slots: the slots there are.

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
        folder: Path | None = None,
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError(
                "on: ray is not installed; install it with `pip install 'bakeoff[ray]'`, or leave "
                "`on` out"
            ) from error
        self.ray: Any = ray
        self.all_slots: list[Slot] = []
        self._local, self._wanted = local, slots
        self._needs = {"CPU": float(threads), "GPU": gpus, "memory": (memory or 0.0) * 2**30}
        self._arrays: dict[int, tuple[NDArray[Any], Any]] = {}
        self._banned: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._failed_starts, self._next_start = 0, 0.0
        self._is_ours = not ray.is_initialized()
        self._is_here, self._root = False, Path.cwd()
        if self._is_ours:
            place = address or os.environ.get("RAY_ADDRESS") or "local"
            self._is_here = place == "local"
            # `ray job submit` has sent what is needed.
            if self._is_here or folder is None or "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
                folder = None
            else:
                self._root = folder.absolute()
            cores = (slots * threads) if slots else available_cores()
            connect(ray, place, cores, folder)
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
        return f"on {words.plural(len(self._alive - self._banned.keys()), 'node')} of Ray"

    def close(self) -> None:
        """Ends all slots, and the connection where it was made here."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            ended = [slot.actor.close.remote() for slot in self.all_slots if slot.node]
            if ended:
                self.ray.wait(ended, num_returns=len(ended), timeout=CLOSE_SECONDS)
        for slot in list(self.all_slots):
            self.drop(slot)
        if self._is_ours:
            self._is_ours = False
            self.ray.shutdown()

    def run(
        self,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        """See ``Executor.run``.

        Raises:
            EngineError: the cluster ended.
            UsageError: none of its nodes can do the work.
        """
        try:
            Round(self, batches, work, watch, on_outcome).go()
        except (self.ray.exceptions.RayError, ConnectionError) as error:
            raise EngineError(
                f"ray: the cluster does not answer ({first_line(error)}); the same command goes on "
                "from what is stored"
            ) from error

    def sent(self, work: Work) -> SentWork:
        """Work in the object store; its large arrays are put there once.

        Raises:
            UsageError: something in it cannot be sent.
        """
        used: dict[int, tuple[NDArray[Any], Any]] = {}

        def place(array: NDArray[Any]) -> int:
            if id(array) not in used:
                known = self._arrays.get(id(array))
                used[id(array)] = known or (array, self.ray.put(array))
            return list(used).index(id(array))

        try:
            content = pickled(work, self._root, place, mapped=self._is_here)
        except self.ray.exceptions.RayError:
            raise
        except Exception as error:
            raise UsageError(
                f"the model cannot be sent to another machine: {error}; make what it uses inside it"
            ) from error
        self._arrays = used
        arrays = tuple(reference for _, reference in used.values())
        names = tuple(reference.hex() for reference in arrays)
        digest = hashlib.sha256(content + "".join(names).encode()).hexdigest()
        return SentWork(digest, self.ray.put(content), names, arrays)

    def slot_count(self, watch: DriversWatch) -> int:
        """How many slots there should be now; looks again now and then which nodes there are.

        Raises:
            UsageError: only nodes that cannot do the work are left.
        """
        now = time.monotonic()
        if now - self._refreshed > REFRESH_SECONDS:
            before = self._alive
            self._look()
            for node in before - self._alive:
                watch.say(f"node {self.host(node)} is gone")
            for node in self._alive - before:
                watch.say(f"node {self.host(node)} has joined")
            self._must_have_nodes()
        return self.slots if now >= self._next_start else len(self.all_slots)

    def host(self, node: str) -> str:
        """The name of a node."""
        return self._hosts.get(node, node)

    def is_alive(self, node: str) -> bool:
        """Whether a node is still there, looked up now."""
        self._refreshed = 0.0
        return any(one["NodeID"] == node and one["Alive"] for one in self.ray.nodes())

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
        if self._banned and not self._alive - self._banned.keys():
            reason = next(reversed(self._banned.values()))
            raise UsageError(f"ray: no node can do this work: {reason}; {ADVICE}")

    def failed_start(self, error: BaseException) -> None:
        """A slot did not come to life, perhaps as its node went, perhaps as it never can.

        Raises:
            UsageError: none ever did.
        """
        self._failed_starts += 1
        pause = min(MOST_PAUSE_SECONDS, 0.1 * 2.0**self._failed_starts)
        self._next_start = time.monotonic() + pause
        if self._failed_starts > MOST_FAILED_STARTS and not any(one.node for one in self.all_slots):
            last = str(error).strip().splitlines()[-1].strip()
            raise UsageError(f"ray: no slot can be started ({last}); {ADVICE}")

    def ready(self, slot: Slot, node: str) -> None:
        """A slot has loaded its work."""
        slot.node, slot.awaited = node, None
        self._failed_starts, self._next_start = 0, 0.0

    def new_slot(self) -> Slot:
        """One more, wherever there is room; it is ready when it has loaded its work."""
        banned = ",".join(self._banned)
        made = self.ray.remote(
            max_restarts=0,
            concurrency_groups={"control": 1},
            scheduling_strategy="SPREAD",
            num_cpus=self._needs["CPU"],
            num_gpus=self._needs["GPU"] or None,
            memory=int(self._needs["memory"]) or None,
            label_selector={"ray.io/node-id": f"!in({banned})"} if banned else None,
        )(SlotActor)
        home = Home(
            str(self._root),
            str(Path.cwd()),
            tuple(one for one in sys.path if isinstance(one, str) and one),
            {name: os.environ[name] for name in DECISIVE if name in os.environ},
        )
        slot = Slot(made.remote(self._local, home))
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
        self._alive = {one["NodeID"] for one in nodes}
        useful = [one for one in nodes if one["NodeID"] not in self._banned]
        self._room = sum(_room(one["Resources"], self._asked()) for one in useful)

    def _asked(self) -> dict[str, float]:
        return {name: amount for name, amount in self._needs.items() if amount}


def _room(resources: Mapping[str, float], asked: Mapping[str, float]) -> int:
    """How many runs a node has room for."""
    return min(
        (int(resources.get(name, 0.0) / amount + 1e-9) for name, amount in asked.items()), default=0
    )

"""One call of the Ray executor: what waits, what runs, what was lost; starts no cluster."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any

from bakeoff.errors import first_line
from bakeoff.executors.base import DriversWatch, Work
from bakeoff.executors.slot import Message
from bakeoff.trainables.base import Outcome, Request

if TYPE_CHECKING:
    from bakeoff.executors.ray import Ray

POLL_SECONDS = 0.05

PARCEL_SECONDS, MOST_IN_A_PARCEL = 0.25, 256
"""Tiny runs travel together: as many as take about so long."""

SECONDS_BETWEEN_MESSAGES = 0.2
"""How long a slot collects what its runs tell before it sends it."""

CALM_SLOTS = 50
"""With more slots all of this takes longer in proportion, so that the driver has as much to do."""

MOST_EPOCHS = 2_000
"""Of all slots together, between two of their messages."""

GRACE_SECONDS = 3.0
"""How long slots may take to end when they are asked to."""

MOST_CRASHES, MOST_LOSSES = 3, 10
"""So often a run is sent again whose slot ended, on a node that goes on, or on any; then it counts as crashed."""


class Slot:
    """The driver's end of one slot.

    Attributes:
        actor: the other end.
        node: id of the node it is on; empty until it has loaded its work.
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


class Round:
    """See ``Executor.run``; the arguments are those."""

    def __init__(
        self,
        executor: Ray,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._executor, self._ray = executor, executor.ray
        self._work = executor.sent(work)
        self._waiting: Iterator[Sequence[Request]] = iter(batches)
        self._left = len(batches) if isinstance(batches, Sized) else None
        self._more = self._left != 0
        self._again: deque[list[Request]] = deque()
        self._watch, self._on_outcome = watch, on_outcome
        self._requests: dict[str, Request] = {}
        self._lost_on: defaultdict[str, list[str]] = defaultdict(list)
        self._deadline: float | None = None
        self._per_batch: float | None = None

    def go(self) -> None:
        """Works through the batches."""
        slots = self._executor.all_slots
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
                    return
                ended = self._deadline is not None or not (self._more or self._again)
                if ended and not any(slot.busy for slot in slots):
                    return
                for slot in self._ready():
                    self._hear(slot)
        finally:
            self._end()

    def _hand_out(self) -> None:
        """Parcels to the slots that are free; more slots where there is room for them."""
        slots = self._executor.all_slots
        calm = max(1.0, len(slots) / CALM_SLOTS)
        for slot in slots:
            if slot.awaited is not None:
                continue
            if slot.work != self._work.digest:
                self._load(slot)
                continue
            parcel = self._parcel(calm)
            if not parcel:
                break
            slot.parcel = [list(batch) for batch in parcel]
            slot.size, slot.began = len(parcel), time.monotonic()
            run = slot.actor.run.options(num_returns="streaming")
            most_epochs = max(1, MOST_EPOCHS // len(slots))
            slot.awaited = run.remote(slot.parcel, SECONDS_BETWEEN_MESSAGES * calm, most_epochs)
        if self._more or self._again:
            most = self._executor.slot_count(self._watch)
            if self._left is not None:
                busy = sum(slot.busy for slot in slots)
                most = min(most, busy + self._left + len(self._again))
            for _ in range(most - len(slots)):
                self._load(self._executor.new_slot())

    def _load(self, slot: Slot) -> None:
        slot.node, slot.work = "", self._work.digest
        slot.awaited = slot.actor.load.remote(
            self._work.content, self._work.names, *self._work.arrays
        )

    def _parcel(self, calm: float) -> list[Sequence[Request]]:
        if self._again:
            return [self._again.popleft()]
        size = 1
        if self._per_batch is not None:
            size = int(min(MOST_IN_A_PARCEL, PARCEL_SECONDS * calm / max(self._per_batch, 1e-9)))
        if self._left is not None:  # towards the end no slot has more than its share
            size = min(size, self._left // (2 * len(self._executor.all_slots)))
        parcel: list[Sequence[Request]] = []
        while len(parcel) < max(1, size) and self._more:
            batch = next(self._waiting, None)
            if batch is None:
                self._more = False
                break
            if self._left is not None:
                self._left -= 1
                self._more = self._left > 0
            if batch:
                parcel.append(batch)
                self._requests.update((one.key, one) for one in batch)
        return parcel

    def _ready(self) -> list[Slot]:
        """Waits a little for the first that has something to tell; all that have by then."""
        waiting = {
            id(one.awaited): one for one in self._executor.all_slots if one.awaited is not None
        }
        if not waiting:
            time.sleep(POLL_SECONDS)
            return []
        awaited = [slot.awaited for slot in waiting.values()]
        ready, others = self._ray.wait(awaited, timeout=POLL_SECONDS)
        if ready and others:
            ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        return [waiting[id(one)] for one in ready]

    def _hear(self, slot: Slot) -> None:
        try:
            if not slot.node:
                node, problem = self._ray.get(slot.awaited)
                if problem is None:
                    return self._executor.ready(slot, node)
                self._executor.drop(slot)
                return self._executor.ban(node, problem, self._watch)
            messages = self._ray.get(next(slot.awaited))
        except StopIteration:
            self._finished(slot)
        except self._ray.exceptions.RayError as error:
            self._executor.drop(slot)
            if slot.node:
                self._lost(slot, error)
            else:
                self._executor.failed_start(error)
        else:
            self._take(slot, messages)
        return None

    def _take(self, slot: Slot, messages: Sequence[Message]) -> None:
        for kind, content in messages:
            if kind == "epoch":
                key, epoch, metrics = content
                self._watch.epoch(self._requests[key], epoch, metrics)
            else:
                slot.answered(content.key)
                self._on_outcome(content)

    def _finished(self, slot: Slot) -> None:
        """A parcel is done; asked to end, a slot leaves what it had not begun."""
        slot.awaited = None
        self._per_batch = (time.monotonic() - slot.began) / slot.size
        if self._deadline is None:
            for one in (one for batch in slot.parcel for one in batch):
                reason = "ended without an outcome"
                self._on_outcome(Outcome(one.key, stopped="raised", reason=reason))
        slot.parcel = []

    def _lost(self, slot: Slot, error: BaseException) -> None:
        """What a slot had and did not answer is sent again; the run that it was at, not for ever."""
        host = self._executor.host(slot.node)
        self._watch.say(f"a slot on node {host} was lost; its runs are sent again")
        if not slot.parcel:
            return
        (first, *rest), *others = slot.parcel
        lost_on = self._lost_on[first.key]
        lost_on.append(slot.node)
        # Looked up anew: that a node is gone may be known later than that a slot on it is.
        crashes = sum(self._executor.is_alive(node) for node in lost_on)
        if crashes >= MOST_CRASHES or len(lost_on) >= MOST_LOSSES:
            reason = (
                f"its slot was lost {len(lost_on)} times, last on node {host}: {first_line(error)}"
            )
            self._on_outcome(Outcome(first.key, stopped="crashed", reason=reason))
        else:
            rest = [first, *rest]
        self._again.extend(batch for batch in (rest, *others) if batch)

    def _end(self) -> None:
        """Slots that still run something are of no use for the next call."""
        for slot in [one for one in self._executor.all_slots if one.busy]:
            self._executor.drop(slot)
            for one in (one for batch in slot.parcel for one in batch if self._deadline):
                reason = "ended with the study"
                self._on_outcome(Outcome(one.key, stopped="cancelled", reason=reason))

"""One call of the executor on Ray: what waits, what runs where, what was lost and is sent again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.executors.base import DriversWatch, Work
from bakeoff.trainables.base import Outcome, Request

if TYPE_CHECKING:
    from bakeoff.executors.ray import Ray

POLL_SECONDS = 0.05

PARCEL_SECONDS = 0.25

MOST_IN_A_PARCEL = 256
"""Tiny runs travel together: as many as take about so long."""

GRACE_SECONDS = 3.0
"""How long slots may take to end when they are asked to."""

MOST_LOSSES = 3
"""So often a run is sent again after its slot was lost; then it counts as crashed."""


class Slot:
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


class Round:
    """One call of ``Ray.run``: what waits, what runs, what was lost."""

    def __init__(
        self,
        executor: Ray,
        batches: Iterable[Sequence[Request]],
        work: Work,
        watch: DriversWatch,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._executor, self._ray = executor, executor.ray
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
        slots = self._executor.all_slots
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

    def _load(self, slot: Slot) -> None:
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

    def _hear(self, slot: Slot) -> None:
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
            self._executor.ban(node, first_line(error.cause or error), self._watch)
        except self._ray.exceptions.RayError as error:
            self._executor.drop(slot)
            self._executor.look_soon()
            if not slot.node:
                self._executor.failed_start(error)
            else:
                self._watch.say(
                    f"a slot on node {self._executor.host(slot.node)} was lost; its runs are sent again"
                )
            self._send_again(slot, f"its slot was lost {MOST_LOSSES} times ({first_line(error)})")
        else:
            self._take(slot, messages)
        return None

    def _take(self, slot: Slot, messages: Sequence[tuple[str, Any]]) -> None:
        for kind, content in messages:
            if kind == "epoch":
                key, epoch, metrics = content
                self._watch.epoch(self._requests[key], epoch, metrics)
                continue
            slot.answered(content.key)
            self._on_outcome(content)

    def _send_again(self, slot: Slot, reason: str) -> None:
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
        for slot in list(self._executor.all_slots):
            if slot.busy:
                self._executor.drop(slot)
                if self._deadline is not None:
                    for one in (one for batch in slot.parcel for one in batch):
                        self._on_outcome(
                            Outcome(one.key, stopped="cancelled", reason="ended with the study")
                        )


def first_line(error: BaseException) -> str:
    """What an error says, without the rest of it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__

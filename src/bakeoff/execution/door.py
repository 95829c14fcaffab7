"""The only door to the test part: it is opened once, when it is needed, and every opening is kept."""

from __future__ import annotations

from typing import Literal

from bakeoff import words
from bakeoff.data.dataset import OpenTest, SealedTest
from bakeoff.records import TestOpening
from bakeoff.store.sqlite import Store


class TestDoor:
    """Opens the sealed test part for one purpose; the store knows of it before anything is read.

    Args:
        sealed: the test part.
        store: open for writing.
        study_id, study: the study in the store, and its name.
        purpose: ``final``, or ``replication`` whose author measured every model on it.
    """

    __test__ = False  # not a pytest class

    def __init__(
        self,
        sealed: SealedTest,
        store: Store,
        study_id: int,
        study: str,
        purpose: Literal["final", "replication"],
    ) -> None:
        self._sealed = sealed
        self._store = store
        self._study_id = study_id
        self._study = study
        self._purpose = purpose
        self._test: OpenTest | None = None
        self.opening: TestOpening | None = None

    def open_(self) -> OpenTest:
        """The test part; recorded durably first, so that no kill can hide a look at it."""
        if self._test is None:
            self.opening = self._store.record_opening(
                self._study_id,
                self._sealed.hash,
                study=self._study,
                purpose=self._purpose,
                opened_at=words.now(),
            )
            self._test = self._sealed.open_()
        return self._test

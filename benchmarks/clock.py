"""What every peer reports to: when epochs begin and end, and whether to go on."""

from __future__ import annotations

import time
from collections.abc import Callable


class EpochClock:
    """Times epochs after a warm-up and notes the accuracy at a fixed epoch.

    The first ``check_epochs`` epochs are the warm-up (compilation, first touch of memory). After
    them the validation accuracy is noted, outside of any timed span, so that peers can be compared
    at equal training. Then epochs are timed until the budget is spent.

    Beside the wall time it notes the processor time of all threads of the process: on one core the
    two agree on a quiet machine, and where other programs take their share the second is the one
    that can be compared.

    Args:
        check_epochs: epochs of warm-up, at least 1.
        budget_seconds: how long to time after the warm-up; 0 times nothing.
        max_timed: most epochs to time.
    """

    def __init__(self, check_epochs: int, budget_seconds: float = 0.0, max_timed: int = 7) -> None:
        self.check_epochs = check_epochs
        self.max_timed = max_timed if budget_seconds > 0 else 0
        self.budget_seconds = budget_seconds
        self.accuracy: float | None = None
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.num_epochs = 0
        self._began = 0.0
        self._cpu_began = 0.0

    @property
    def max_epochs(self) -> int:
        """Most epochs this clock can let pass."""
        return self.check_epochs + self.max_timed

    def begin(self) -> None:
        self._cpu_began = time.process_time()
        self._began = time.perf_counter()

    def end(self, accuracy: Callable[[], float]) -> bool:
        """Call when an epoch's work is really done (not merely queued).

        Args:
            accuracy: measures the validation accuracy; called once.

        Returns:
            whether to train another epoch.
        """
        elapsed = time.perf_counter() - self._began
        cpu_elapsed = time.process_time() - self._cpu_began
        self.num_epochs += 1
        if self.num_epochs > self.check_epochs:
            self.seconds.append(elapsed)
            self.cpu_seconds.append(cpu_elapsed)
        elif self.num_epochs == self.check_epochs:
            self.accuracy = float(accuracy())
        spent = sum(self.seconds)
        return self.num_epochs < self.check_epochs or (
            len(self.seconds) < self.max_timed and (spent < self.budget_seconds or not self.seconds)
        )

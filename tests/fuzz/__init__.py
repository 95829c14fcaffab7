"""Hostile inputs by the thousand: ``python -m tests.fuzz FAMILY --cases N --seed S``.

A family makes one hostile input from a random generator and hands it to bakeoff. A case is fine if
bakeoff accepts the input or refuses it by one of its own errors, in little time and memory, with a
message that is safe to print. Families live in modules called ``family_*`` of this package and register
themselves with ``family``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Case = Callable[[np.random.Generator, Path], object]
"""Makes an input in an empty folder and hands it over; called with (random generator, folder)."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of hostile input.

    Attributes:
        name: on the command line.
        run: one case.
        seconds: of processor time that a case may take.
        megabytes: of memory that a case may add to what the process had before.
        prepare: makes what all cases start from, once a process and before their time counts.
    """

    name: str
    run: Case
    seconds: float
    megabytes: float
    prepare: Callable[[], object] | None = None


FAMILIES: dict[str, Family] = {}


def family(
    name: str,
    *,
    seconds: float = 5.0,
    megabytes: float = 600.0,
    prepare: Callable[[], object] | None = None,
) -> Callable[[Case], Case]:
    """Registers a function as a family."""

    def register(run: Case) -> Case:
        FAMILIES[name] = Family(name, run, seconds, megabytes, prepare)
        return run

    return register


def load_families() -> dict[str, Family]:
    """All families of this package."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("family_"):
            importlib.import_module(f"{__name__}.{module.name}")
    return FAMILIES

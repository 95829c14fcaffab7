"""Which engines there are and which one to take; knows nothing of what they do."""

from __future__ import annotations

from bakeoff.dense.base import Engine
from bakeoff.errors import EngineError

ENGINE_NAMES = ("auto", "native", "reference")


def get_engine(name: str = "auto") -> Engine:
    """The engine of that name.

    Args:
        name: ``native``, ``reference``, or ``auto`` for the native engine where its extension can
            be loaded, else the reference.

    Raises:
        EngineError: an unknown name, an extension that cannot be loaded, or a ``BAKEOFF_ISA`` that
            this machine does not run.
    """
    if name not in ENGINE_NAMES:
        raise EngineError(
            f"engine: must be one of {', '.join(ENGINE_NAMES)}, but got {name!r}; choose one of them"
        )
    if name != "reference":
        try:
            from bakeoff.dense.native import NativeEngine
        except ImportError as error:
            if name == "native":
                raise EngineError(
                    f"engine: native needs the compiled extension, but loading it failed ({error}); "
                    "reinstall bakeoff, or choose reference"
                ) from error
        else:
            return NativeEngine()
    from bakeoff.dense.reference import ReferenceEngine

    return ReferenceEngine()


def available_instruction_sets() -> tuple[str, ...]:
    """The native engine's instruction sets on this machine, best one last; empty without it."""
    try:
        from bakeoff.dense import native
    except ImportError:
        return ()
    return native.available_instruction_sets()

"""Makes a golden store of whole studies by the present version; run once per schema version.

    python tests/store/make_golden_studies.py

The reference engine trains them, so their runs have the same keys everywhere: every later version
must open the store, show the same numbers and find every run again.
"""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

from bakeoff import Study
from bakeoff.errors import Interrupted
from bakeoff.execution.events import StageFinished
from bakeoff.store import connect

FOLDER = Path(__file__).parents[1] / "golden_stores"


def interrupting(event: object) -> None:
    """An observer that interrupts the study when its first stage has been answered."""
    if isinstance(event, StageFinished):
        signal.raise_signal(signal.SIGINT)


def main() -> None:
    path = FOLDER / f"studies{connect.SCHEMA_VERSION}.sqlite"
    if path.exists():
        raise SystemExit(f"{path}: is there already and must stay as it is")
    for name in ("chosen", "replicated"):
        Study.from_file(FOLDER / f"{name}.toml").run(store=path, workers=1)
    with contextlib.suppress(Interrupted):
        study = Study.from_file(FOLDER / "interrupted.toml")
        study.run(store=path, workers=1, observer=interrupting)
    print(path, path.stat().st_size, "bytes")  # noqa: T201


if __name__ == "__main__":
    main()

"""Makes a golden store of whole studies by the present version; run once per schema version.

    python tests/store/make_golden_studies.py

The reference engine trains them, so their runs have the same keys everywhere: every later version
must open the store, show the same numbers and find every run again.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from bakeoff import Study
from bakeoff.errors import Interrupted
from bakeoff.store import connect

FOLDER = Path(__file__).parents[1] / "golden_stores"


class Interrupting:
    """An observer that interrupts the study when its first stage has been answered."""

    def __getattr__(self, name: str):
        return self.stop if name == "stage_finished" else lambda *_, **__: None

    @staticmethod
    def stop(*_: object) -> None:
        raise KeyboardInterrupt


def main() -> None:
    path = FOLDER / f"studies{connect.SCHEMA_VERSION}.sqlite"
    if path.exists():
        raise SystemExit(f"{path}: is there already and must stay as it is")
    for name in ("chosen", "replicated"):
        Study.from_file(FOLDER / f"{name}.toml").run(store=path, workers=1)
    with contextlib.suppress(Interrupted, KeyboardInterrupt):
        study = Study.from_file(FOLDER / "interrupted.toml")
        study.run(store=path, workers=1, observer=Interrupting())
    print(path, path.stat().st_size, "bytes")  # noqa: T201


if __name__ == "__main__":
    main()

"""Makes the golden store of the present schema version; run once per version, never again.

    python tests/store/make_golden_store.py tests/golden_stores

A golden store is what a released version wrote. It is kept for ever and never made anew.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from store_samples import begin, key_of, sample_result, sample_run

from bakeoff.dense.settings import DENSE_SPACE
from bakeoff.store import connect
from bakeoff.store.sqlite import Store


def main(folder: Path) -> None:
    path = folder / f"v{connect.SCHEMA_VERSION}.sqlite"
    if path.exists():
        raise SystemExit(f"{path}: is there already and must stay as it is")
    with Store.open(path) as store:
        number = begin(store)
        store.record_opening(
            number, "e" * 64, study="digits", purpose="final", opened_at="2025-01-02T03:04:05+00:00"
        )
        store.finish_study(number, sample_result())
        store.add_run(sample_run(2000, status="failed", reason="diverged in epoch 2"))
        unfinished = begin(store, "unfinished")
        store.plan_runs(
            unfinished, [(key_of(3000), DENSE_SPACE.complete({}), 0, "width", "hidden=32")]
        )
        store.mark_running([key_of(3000)])
    future = folder / "future.sqlite"
    future.unlink(missing_ok=True)
    Store.open(future).close()
    connection = sqlite3.connect(future)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    for made in (path, future):
        print(made, made.stat().st_size, "bytes")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))

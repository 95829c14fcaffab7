"""Data for a command: read while the rest is still being imported, downloaded with a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bakeoff.cli.output import Style, is_live, message_console
from bakeoff.data.beside import Beside

if TYPE_CHECKING:
    from bakeoff.cli.startup import EarlyFiles
    from bakeoff.data.dataset import Dataset
    from bakeoff.spec import LoadedSpec

Progress = Callable[[int, int | None, str], None]


@contextmanager
def download_bar(style: Style) -> Iterator[Progress | None]:
    """Gives what ``sources`` calls with (done_bytes, total_bytes, name), or None off a terminal."""
    if not is_live(style):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=message_console(style),
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def progress(done: int, total: int | None, name: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield progress


def early_data(loaded: LoadedSpec, files: EarlyFiles | None) -> Beside[Dataset] | None:
    """Begins to read a built-in dataset that is on this machine, or goes on with ``files``.

    Unpacking and hashing MNIST and importing the rest of bakeoff take a fifth of a second each, on
    two cores at once. None where the data must be downloaded, which wants a bar, or is the user's own.
    """
    from bakeoff.data import sources

    name = loaded.spec.data
    if not isinstance(name, str):
        return None
    if files is not None and files.name == name:
        return Beside(lambda: sources.load_named(name, files=files.result()), "bakeoff-data")
    if any(info.name == name and info.found for info in sources.available()):
        return Beside(lambda: sources.load_named(name), "bakeoff-data")
    return None

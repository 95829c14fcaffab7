"""A bar on standard error while a dataset is downloaded; silent in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bakeoff.cli.output import Style, is_live, message_console

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

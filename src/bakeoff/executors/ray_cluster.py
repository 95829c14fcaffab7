"""Joins a Ray cluster or starts one on this machine; knows no runs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bakeoff.errors import UsageError, first_line

CONNECT_SECONDS = 10.0

NOT_SENT = ["*.sqlite", "*.sqlite-*", "bakeoff-*"]
"""What a study leaves in its folder."""

USAGE_STATS = "RAY_USAGE_STATS_ENABLED"


def connect(ray: Any, address: str, cores: int, folder: Path | None) -> None:
    """Joins a cluster, or starts one on this machine.

    Args:
        ray: the library.
        address: as ``ray.init`` takes it; ``local`` starts one.
        cores: of one that is started.
        folder: is sent to one that is joined.

    Raises:
        UsageError: nothing answers there, the versions differ, or the folder is too large.
    """
    options: dict[str, Any] = {}
    if address == "local":
        options = {"num_cpus": cores, "include_dashboard": False}
    elif "://" in address:
        raise UsageError(
            f"ray: {address} is for programs that run outside the cluster; check the address: give "
            "HOST:PORT on one of its machines, or send the command with `ray job submit`, see "
            "docs/scaling.md"
        )
    elif folder is not None:
        options = {"runtime_env": {"working_dir": str(folder), "excludes": NOT_SENT}}
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        try:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"ray: nothing answers at {address} ({error}); check the address, or start a cluster with "
                "`ray start --head`"
            ) from error
    try:
        with _left_as_it_was():
            # Nobody was asked whether a cluster that bakeoff starts may tell Ray's makers about itself.
            os.environ.setdefault(USAGE_STATS, "0")
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
    except Exception as error:
        if isinstance(error, ray.exceptions.RuntimeEnvSetupError):
            found = first_line(error.__cause__ or error).partition(". ")[0]
            raise UsageError(
                f"ray: the study's folder {folder} cannot be sent ({found}); name what runs do not need "
                "in its .gitignore or .rayignore"
            ) from error
        raise UsageError(
            f"ray: the cluster at {address} cannot be reached ({first_line(error)}); check the address"
        ) from error
    with contextlib.suppress(ImportError, AttributeError):
        # What its daemons print of dead workers would stand between the lines of the study.
        from ray._private.ray_logging import global_worker_stdstream_dispatcher

        global_worker_stdstream_dispatcher.remove_handler("ray_print_logs")


@contextlib.contextmanager
def _left_as_it_was() -> Iterator[None]:
    """The variable that is set here, and what SIGTERM does: a study ends in order, Ray's process at once."""
    main = threading.current_thread() is threading.main_thread()
    handler, stats = signal.getsignal(signal.SIGTERM), os.environ.get(USAGE_STATS)
    try:
        yield
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGTERM, handler)
        if stats is None:
            os.environ.pop(USAGE_STATS, None)

"""Fetching one file from the web, whole or not at all; knows no dataset and no file format."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from bakeoff.errors import DataError, DownloadError
from bakeoff.files import FULL, replacing

Progress = Callable[[int, int | None, str], None]
"""Called with (bytes done, bytes in all or None where the server does not say, file name)."""

DEFAULT_TIMEOUT = 30.0  # seconds without a single byte
_PIECE = 1 << 16


def fetch(
    urls: Sequence[str],
    target: Path,
    *,
    check: Callable[[Path], None],
    max_bytes: int,
    progress: Progress | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> None:
    """Downloads a file from the first address that gives a good one.

    The bytes go to a temporary file beside ``target``, are flushed to the disk, checked, and
    renamed: ``target`` is there completely or not at all, also after a power cut, and two
    processes that fetch at once do not disturb each other.

    Args:
        urls: http(s) addresses of the same file, tried in this order.
        target: where it goes; its folder is made.
        check: raises DataError if the file is not the right one.
        max_bytes: a longer answer is cut off and refused.
        progress: see ``Progress``.
        timeout: seconds without a byte after which an address is given up.

    Raises:
        DownloadError: no address gave a good file (with each one's reason), or it could not be
            written.
    """
    reasons = []
    for url in urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                _copy(url, file, target.name, max_bytes, progress, timeout)
                file.flush()
                check(Path(file.name))
            return
        except DataError as error:
            reasons.append(f"{urlsplit(url).netloc}: {error}")
        except urllib.error.HTTPError as error:
            reasons.append(
                f"{urlsplit(url).netloc}: the server answered {error.code} {error.reason}"
            )
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reasons.append(f"{urlsplit(url).netloc}: {_why(error)}")
        except OSError as error:
            if isinstance(error, ConnectionError):
                reasons.append(f"{urlsplit(url).netloc}: {_why(error)}")
                continue
            advice = (
                "free some space"
                if error.errno in FULL
                else "check that the folder can be written to"
            )
            raise DownloadError(
                f"{target}: cannot be written ({error.strerror or error}); {advice} or set "
                "BAKEOFF_CACHE to another folder"
            ) from error
    raise DownloadError(
        f"{target.name}: could not be downloaded ({'; '.join(reasons)}); check the network, or put the "
        "files into a folder and set BAKEOFF_DATA (see `bakeoff data info`)"
    )


def _copy(
    url: str,
    file: BinaryIO,
    name: str,
    max_bytes: int,
    progress: Progress | None,
    timeout: float,
) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"the address must begin with http:// or https://, but got {url!r}")
    # Some servers refuse the standard library's own name.
    request = urllib.request.Request(url, headers={"User-Agent": "bakeoff"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        done = 0
        while piece := answer.read(_PIECE):
            done += len(piece)
            if done > max_bytes:
                raise DownloadError(f"the answer is longer than the {max_bytes:,} bytes expected")
            file.write(piece)
            if progress is not None:
                progress(done, total, name)
        if total is not None and done < total:
            raise DownloadError(f"the connection broke after {done:,} of {total:,} bytes")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return f"the connection broke after {len(error.partial):,} bytes"
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)

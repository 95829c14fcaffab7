"""Downloads against a local server that misbehaves in every way a server can."""

from __future__ import annotations

import errno
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bakeoff.data.download import fetch
from bakeoff.errors import DataError, DownloadError

GOOD = gzip.compress(b"the data " * 1000, mtime=0)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind = self.path.rsplit("/", 1)[0].strip("/")
        if kind == "missing":
            self.send_error(404)
        elif kind == "broken":
            self.send_error(503)
        elif kind == "cut":
            self._send(GOOD[: len(GOOD) // 2], len(GOOD))
        elif kind == "stall":
            self._send(GOOD[:10], len(GOOD), end=False)
            self.server.released.wait(10)
        elif kind == "page":
            self._send(b"<!DOCTYPE html><html>Please log in</html>")
        elif kind == "endless":
            self._send(b"\0" * 100_000)
        elif kind == "nolength":
            self._send(GOOD, -1)
        else:
            self._send(GOOD)

    def _send(self, body: bytes, length: int | None = None, *, end: bool = True) -> None:
        self.send_response(200)
        if length != -1:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = end

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    """A server on this machine; ``asked`` lists the paths it was asked for."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.asked, httpd.released = [], threading.Event()
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield httpd
    httpd.released.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def _is_good(path: Path) -> None:
    data = path.read_bytes()
    if data != GOOD:
        raise DataError("wrong checksum")


def _fetch(server, target: Path, *kinds: str, **options) -> None:
    urls = [f"{server.url}/{kind}/{target.name}" for kind in kinds]
    fetch(urls, target, check=_is_good, max_bytes=50_000, timeout=0.6, **options)


def test_a_good_file_arrives_whole_with_its_progress(server, tmp_path) -> None:
    steps = []
    target = tmp_path / "new" / "file.gz"
    _fetch(server, target, "good", progress=lambda *step: steps.append(step))
    assert target.read_bytes() == GOOD
    assert steps[-1] == (len(GOOD), len(GOOD), "file.gz")
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert list(target.parent.iterdir()) == [target]


def test_without_a_length_the_total_is_unknown(server, tmp_path) -> None:
    steps = []
    _fetch(server, tmp_path / "f.gz", "nolength", progress=lambda *step: steps.append(step))
    assert steps[-1][:2] == (len(GOOD), None)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "the server answered 404"),
        ("broken", "the server answered 503"),
        ("cut", "the connection broke after"),
        ("stall", "no answer in time"),
        ("page", "wrong checksum"),
        ("endless", "longer than the 50,000 bytes expected"),
    ],
)
def test_a_failing_address_is_followed_by_the_next_and_leaves_nothing_behind(
    server, tmp_path, kind, reason
) -> None:
    target = tmp_path / "file.gz"
    with pytest.raises(DownloadError, match=reason) as caught:
        _fetch(server, target, kind, kind)
    assert str(caught.value).count(reason) == 2
    assert "BAKEOFF_DATA" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    server.asked.clear()
    _fetch(server, target, kind, "good", "good")
    assert target.read_bytes() == GOOD
    assert server.asked == [f"/{kind}/file.gz", "/good/file.gz"]
    assert list(tmp_path.iterdir()) == [target]


def test_no_server_at_all_is_a_download_error(tmp_path) -> None:
    with pytest.raises(DownloadError, match="refused"):
        fetch(["http://127.0.0.1:9/file.gz"], tmp_path / "f.gz", check=_is_good, max_bytes=9)


def test_only_web_addresses_are_opened(tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(DownloadError, match="must begin with http"):
        fetch([secret.as_uri()], tmp_path / "f.gz", check=_is_good, max_bytes=9)


def test_a_file_that_is_there_survives_a_failed_download(server, tmp_path) -> None:
    target = tmp_path / "file.gz"
    target.write_bytes(b"old")
    with pytest.raises(DownloadError):
        _fetch(server, target, "cut")
    assert target.read_bytes() == b"old"


def test_a_full_disk_says_so_and_leaves_nothing_behind(server, tmp_path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DownloadError, match=r"No space left.*free some space.*BAKEOFF_CACHE"):
        _fetch(server, tmp_path / "file.gz", "good")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(server, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        _fetch(server, tmp_path / "file" / "x.gz", "good")


def test_an_interrupt_leaves_nothing_behind(server, tmp_path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fetch(server, tmp_path / "file.gz", "good", progress=interrupt)
    assert list(tmp_path.iterdir()) == []

"""Headless Chromium over the WebDriver protocol (https://www.w3.org/TR/webdriver2/), standard
library only, so that the tests need no package that ships a browser.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'"


class Browser:
    """One browser window."""

    def __init__(self, port: int, session: str) -> None:
        self._url = f"http://127.0.0.1:{port}/session/{session}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        """Loads a page and waits for its ``load`` event."""
        self._call("POST", "/url", {"url": url})
        # On a busy machine the driver may answer while the page is still being read.
        while self.run("return document.readyState") != "complete":
            time.sleep(0.02)

    def run(self, script: str, *args: Any) -> Any:
        """Runs a function body in the page and returns what it returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script: str, *args: Any) -> Any:
        """Like ``run``; the last of ``arguments`` is the function to call with the result."""
        return self._call("POST", "/execute/async", {"script": script, "args": list(args)})

    def command(self, name: str, **params: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": name, "params": params})

    def size(self, width: int, height: int) -> None:
        """The size of the page's viewport, also below the smallest window."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def theme(self, name: str) -> None:
        """``light`` or ``dark``."""
        self.command(
            "Emulation.setEmulatedMedia",
            media="",
            features=[{"name": "prefers-color-scheme", "value": name}],
        )

    def media(self, name: str) -> None:
        """``print`` or ``screen``."""
        self.command("Emulation.setEmulatedMedia", media=name)

    def scripts(self, allowed: bool) -> None:
        """Whether pages may run scripts; for pages loaded from now on."""
        self.command("Emulation.setScriptExecutionDisabled", value=not allowed)

    def log(self) -> list[str]:
        """Console messages of level warning and above since the last call."""
        entries = self._call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def requests(self) -> list[str]:
        """Addresses that pages requested since the last call, without the browser's own: a window's
        first tab may still be loading its icons, and no page can ask for ``chrome://``."""
        entries = self._call("POST", "/se/log", {"type": "performance"})
        found = []
        for entry in entries:
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [url for url in found if not url.startswith("chrome://")]

    def press(self, key: str, times: int = 1) -> None:
        """Presses a key, given as the character WebDriver assigns to it."""
        strokes: list[dict[str, str]] = []
        for _ in range(times):
            strokes += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]}
        )

    def screenshot(self, path: Path, full: bool = True) -> None:
        """A picture of the page, all of it or what is in view."""
        answer = self.command("Page.captureScreenshot", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(answer["data"]))


TAB, RIGHT, ESCAPE = "\ue004", "\ue014", "\ue00c"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, gone afterwards."""
    port = _free_port()
    profile = tempfile.mkdtemp(prefix="bakeoff-chromium-")
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(base + "/status"):
                break
            time.sleep(0.1)
        options = {
            "binary": CHROMIUM,
            "args": [*FLAGS, f"--user-data-dir={profile}"],
        }
        session = _post(
            base + "/session",
            {
                "capabilities": {
                    "alwaysMatch": {
                        "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                    }
                }
            },
        )["sessionId"]
        window = Browser(port, session)
        try:
            yield window
        finally:
            with contextlib.suppress(OSError):
                window._call("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(20)
        shutil.rmtree(profile, ignore_errors=True)


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder under the strictest policy that a report must work with."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Makes docs/images/report-STUDY*.png: the report of a real study, as headless Chromium shows it.

    python docs/screenshots.py                             digits and mnist, trained in a temporary folder
    python docs/screenshots.py mnist --store runs.sqlite   the mnist study that is in that store

mnist needs its data (docs/data.md); Chromium and its driver are Debian's chromium, chromium-driver.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from PIL import Image

IMAGES = Path(__file__).parent / "images"
WIDTH, WINDOW_HEIGHT = 1280, 6000
# End of the picture's name; the heading (id) its part of the page starts with; its height in pixels.
PICTURES = {
    "digits": {"": ("", 1240), "-stage": ("stage-3", 1500)},
    "mnist": {"": ("", 1400), "-stage": ("stage-5", 1500), "-final": ("final", 1500)},
}
MAX_BYTES = 250_000
# A three, drawn into the report where it lets one try the model; in shares of the drawing field.
STROKE = [(0.3, 0.24), (0.42, 0.16), (0.58, 0.18), (0.66, 0.3), (0.58, 0.43), (0.46, 0.48)]
STROKE += [(0.6, 0.52), (0.68, 0.64), (0.6, 0.79), (0.44, 0.83), (0.29, 0.76)]


class Browser:
    """A session of chromedriver, spoken to as https://www.w3.org/TR/webdriver2/ says."""

    def __init__(self, address: str) -> None:
        size = f"--window-size={WIDTH},{WINDOW_HEIGHT}"
        options = {
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
        }
        self._address = address
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self._address += f"/session/{self._ask('POST', '/session', wanted)['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._address + path, data, method=method)
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def picture(self, page: Path, heading: str, height: int) -> bytes:
        """A PNG of the page from a heading on, with at most 128 colours."""
        self._ask("POST", "/url", {"url": page.resolve().as_uri()})
        top = 0
        if heading:
            script = "return document.getElementById(arguments[0]).getBoundingClientRect().top"
            found = self._ask("POST", "/execute/sync", {"script": script, "args": [heading]})
            # Move the page up instead of scrolling it, so that nothing depends on its length.
            shift = "document.body.style.marginTop = -arguments[0] + 'px'"
            top = max(0, round(found) - 48)
            self._ask("POST", "/execute/sync", {"script": shift, "args": [top]})
        self._draw()
        shot = base64.b64decode(self._ask("GET", "/screenshot"))
        image = Image.open(io.BytesIO(shot)).convert("RGB").crop((0, 0, WIDTH, height))
        out = io.BytesIO()
        image.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        return out.getvalue()

    def _draw(self) -> None:
        """Draws into the first canvas of the page, if it has one, as a reader's pen would."""
        script = (
            "const canvas = document.querySelector('#tryit canvas');"
            "if (!canvas) return null;"
            "const box = canvas.getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]"
        )
        box = self._ask("POST", "/execute/sync", {"script": script, "args": []})
        if box is None or box[1] + box[3] > WINDOW_HEIGHT:
            return
        left, top, width, height = box
        moves: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": round(left + x * width), "y": round(top + y * height)}
            for x, y in STROKE
        ]
        moves.insert(1, {"type": "pointerDown", "button": 0})
        moves.append({"type": "pointerUp", "button": 0})
        pen = {"type": "pointer", "id": "pen", "actions": moves}
        self._ask("POST", "/actions", {"actions": [pen]})

    def close(self) -> None:
        self._ask("DELETE", "")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, headless, for as long as the block lasts."""
    driver = shutil.which("chromedriver")
    if driver is None:
        raise SystemExit(
            "docs/screenshots.py needs chromedriver (Debian: apt-get install chromium-driver)"
        )
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        port = ""
        while not port:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit("chromedriver ended before it was ready")
            if "started successfully on port" in line:
                port = line.strip().rstrip(".").split()[-1]
        session = Browser(f"http://127.0.0.1:{port}")
        try:
            yield session
        finally:
            session.close()
    finally:
        process.terminate()
        process.wait()


def make_report(study: str, store: Path | None, folder: Path) -> Path:
    """The report of a study that is in the store, or of one that is run now."""
    page = folder / f"{study}.html"
    call = [sys.executable, "-m", "bakeoff"]
    if store is None:
        store = folder / "bakeoff.sqlite"
        subprocess.run(
            [*call, "run", study, "--quiet", "--no-report", "--store", str(store)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    subprocess.run(
        [*call, "report", study, "--store", str(store), "--output", str(page)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", choices=list(PICTURES), help="all by default")
    parser.add_argument("--store", type=Path, help="a results store that holds the study")
    chosen = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser() as session:
        for study in [chosen.study] if chosen.study else PICTURES:
            page = make_report(study, chosen.store, Path(folder))
            for suffix, (heading, height) in PICTURES[study].items():
                data = session.picture(page, heading, height)
                target = IMAGES / f"report-{study}{suffix}.png"
                if len(data) > MAX_BYTES:
                    raise SystemExit(f"{target}: {len(data):,} bytes, more than {MAX_BYTES:,}")
                target.write_bytes(data)
                print(f"{target}: {len(data):,} bytes")


if __name__ == "__main__":
    main()

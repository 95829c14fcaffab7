"""Makes docs/images/report-mnist*.png: the report of a real study, as headless Chromium shows it.

    python docs/screenshots.py                        the mnist study, trained in a temporary folder
    python docs/screenshots.py --store runs.sqlite    the one that is in that store

Needs MNIST (docs/data.md), Chromium and its driver (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from webdriver import CHROMIUM, DRIVER, Browser, browser  # noqa: E402

IMAGES = Path(__file__).parent / "images"
WIDTH, WINDOW_HEIGHT = 1280, 6000
STUDY = "mnist"
# End of the picture's name: the heading (id) its part of the page starts with, its height in pixels.
PICTURES = {"": ("", 1400), "-stage": ("stage-5", 1500), "-final": ("final", 1500)}
MAX_BYTES = 250_000
# A three, drawn into the report where it lets one try the model; in shares of the drawing field.
STROKE = [(0.3, 0.24), (0.42, 0.16), (0.58, 0.18), (0.66, 0.3), (0.58, 0.43), (0.46, 0.48)]
STROKE += [(0.6, 0.52), (0.68, 0.64), (0.6, 0.79), (0.44, 0.83), (0.29, 0.76)]


def picture(window: Browser, page: Path, heading: str, height: int) -> bytes:
    """A PNG of the page from a heading on, with at most 256 colours."""
    window.size(WIDTH, WINDOW_HEIGHT)
    window.theme("light")
    window.open(page.resolve().as_uri())
    if heading:
        # Move the page up instead of scrolling it, so that nothing depends on its length.
        window.run(
            "const top = document.getElementById(arguments[0]).getBoundingClientRect().top;"
            "document.body.style.marginTop = Math.min(0, 48 - top) + 'px'",
            heading,
        )
    draw(window)
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder, "shot.png")
        window.screenshot(shot, full=False)
        image = Image.open(shot).convert("RGB").crop((0, 0, WIDTH, height))
    out = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def draw(window: Browser) -> None:
    """Draws into the drawing field of the page, if it has one, as a reader's pen would."""
    box = window.run(
        "const field = document.querySelector('#tryit canvas');"
        "if (!field) return null;"
        "const box = field.getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    if box is None:
        return
    left, top, width, height = box
    for index, (x, y) in enumerate(STROKE):
        kinds = ["mouseMoved"]
        kinds += ["mousePressed"] if index == 0 else []
        kinds += ["mouseReleased"] if index == len(STROKE) - 1 else []
        for kind in kinds:
            window.command(
                "Input.dispatchMouseEvent",
                type=kind,
                x=left + x * width,
                y=top + y * height,
                button="left",
                buttons=0 if kind == "mouseReleased" else 1,
                clickCount=1,
            )


def make_report(store: Path | None, folder: Path) -> Path:
    """The report of the study that is in the store, or of one that is run now."""
    page = folder / "report.html"
    call = [sys.executable, "-m", "bakeoff"]
    if store is None:
        store = folder / "bakeoff.sqlite"
        subprocess.run(
            [*call, "run", STUDY, "--quiet", "--no-report", "--store", str(store)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    subprocess.run(
        [*call, "report", STUDY, "--store", str(store), "--output", str(page)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="a results store that holds the study")
    store = parser.parse_args().store
    if not (CHROMIUM and DRIVER):
        raise SystemExit("docs/screenshots.py needs Chromium and its driver")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser() as window:
        page = make_report(store, Path(folder))
        for suffix, (heading, height) in PICTURES.items():
            data = picture(window, page, heading, height)
            target = IMAGES / f"report-{STUDY}{suffix}.png"
            if len(data) > MAX_BYTES:
                raise SystemExit(f"{target}: {len(data):,} bytes, more than {MAX_BYTES:,}")
            target.write_bytes(data)
            print(f"{target}: {len(data):,} bytes")


if __name__ == "__main__":
    main()

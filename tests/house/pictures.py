"""The pictures of the README: the mail of a ticket and the top of a morning report, from the real
templates.

    python -m tests.house.pictures        writes docs/pictures/ticket.png and
                                          docs/pictures/morning.png

What they show is the tests' own ticket and report (sample_ticket, sample_report in tests/unit),
printed by the browser that the tests use. Fonts differ from host to host, so no test compares them;
look at them when they are made.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from monitor.report_printing import pictures_of, standalone
from reports.render import render_mail
from tests.house.source import ROOT
from tests.unit.sample_report import report
from tests.unit.sample_ticket import EXTRAS, ticket

FOLDER = ROOT / "docs" / "pictures"
BROWSER = "chromium-headless-shell"
WIDTH = 640
"""of the window, in CSS pixels: a mail as a desktop's mail reader shows it"""
SHARPNESS = 1.5
"""device pixels for one CSS pixel: sharp enough to read, small enough for 150 kB"""
HEIGHTS = {"ticket": 2400, "morning": 1128}
"""of the window; the ticket's picture ends where the ticket ends, the report's shows its first page
alone
"""
COLOURS = 64
"""more than both pages have; what is between them is the edge of letters"""


def pages() -> dict[str, str]:
    """name of a picture -> the page that it shows."""
    whole = report()
    return {
        "ticket": render_mail("opened", ticket(), EXTRAS["opened"]).html,
        "morning": standalone(whole, asyncio.run(pictures_of(whole))).html,
    }


def main() -> int:
    """Write both. The exit code: 2 where there is no browser."""
    browser = shutil.which(BROWSER)
    if browser is None:
        sys.stderr.write(f"{BROWSER} is not installed: apt-get install {BROWSER}\n")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        picture = _trimmed(_shot(browser, page, HEIGHTS[name]))
        small = picture.quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(FOLDER / f"{name}.png", optimize=True)
    return 0


def _shot(browser: str, page: str, height: int) -> Image.Image:
    with tempfile.TemporaryDirectory(prefix="reveille-pictures-") as scratch:
        source, target = Path(scratch) / "page.html", Path(scratch) / "page.png"
        source.write_text(page, encoding="utf-8")
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        size = (f"--window-size={WIDTH},{height}", f"--force-device-scale-factor={SHARPNESS}")
        command = (browser, *options, *size, f"--screenshot={target}", source.as_uri())
        subprocess.run(command, capture_output=True, timeout=120, check=True)
        with Image.open(target) as taken:
            return taken.convert("RGB")


def _trimmed(picture: Image.Image) -> Image.Image:
    """Less the empty ground below the last line, but for a margin."""
    ground = Image.new("RGB", picture.size, picture.getpixel((1, picture.height - 1)))
    seen = ImageChops.difference(picture, ground).getbbox()
    bottom = min(picture.height, (seen[3] if seen else picture.height) + round(16 * SHARPNESS))
    return picture.crop((0, 0, picture.width, bottom))


if __name__ == "__main__":
    sys.exit(main())

"""The morning report in a real browser, on a desk and on a phone, light and dark: no wider than its
window, and about as it looked when somebody last looked at it.

`REVEILLE_GOLDEN=write pytest tests/unit/test_report_pictures.py` takes the golden pictures anew
(they are small on purpose: fonts differ from host to host); look at them, and at the large ones,
whose place it prints.
"""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from monitor.report_printing import pictures_of, standalone
from reports.chart_drawing import drawn
from reports.charts import charts_of
from tests.unit.sample_report import backup, parts, report, trouble, usage
from tests.unit.test_render_width import ASK, BROWSER, UNBROKEN, seen_wide

GOLDEN = Path(__file__).parent.parent / "golden" / "reports" / "pictures"
SCHEMES = {"light": 1, "dark": 0}
HEIGHTS = {600: 3900, 320: 5000}
SMALL = 100
"""the width of a golden picture"""
MOST_DIFFERENT = 16.0
"""of 255, the mean over all pixels: a line more or another font is far below, another ground or a
missing part above
"""

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="chromium-headless-shell is not installed"
)


@cache
def page() -> str:
    whole = report()
    return standalone(whole, asyncio.run(pictures_of(whole))).html


def shot(folder: Path, width: int, scheme: str) -> Image.Image:
    """The whole page as such a reader sees it, small."""
    source, target = folder / "report.html", folder / f"{width}-{scheme}.png"
    source.write_text(page(), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    wanted = (
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        f"--window-size={width},{HEIGHTS[width]}",
    )
    command = [str(BROWSER), *options, *wanted, f"--screenshot={target}", source.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    print(target)
    with Image.open(target) as picture:
        return picture.convert("RGB").resize(
            (SMALL, round(HEIGHTS[width] * SMALL / width)), Image.Resampling.BOX
        )


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@needs_browser
@pytest.mark.parametrize("width", HEIGHTS)
def test_it_looks_about_as_it_did(width: int, tmp_path: Path) -> None:
    seen = {scheme: shot(tmp_path, width, scheme) for scheme in SCHEMES}
    if os.environ.get("REVEILLE_GOLDEN") == "write":
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for scheme, picture in seen.items():
            picture.quantize(32).save(GOLDEN / f"{width}-{scheme}.png", optimize=True)
    for scheme, picture in seen.items():
        with Image.open(GOLDEN / f"{width}-{scheme}.png") as kept:
            golden = kept.convert("RGB")
        assert difference(picture, golden) < MOST_DIFFERENT, scheme
    assert (
        difference(seen["light"], seen["dark"]) > 3 * MOST_DIFFERENT
    )  # the dark one is really dark


@needs_browser
def test_no_report_is_wider_than_a_phone(tmp_path: Path) -> None:
    rows = [{**usage()["trunks"][0], "name": UNBROKEN}]
    long = report(
        site=UNBROKEN,
        usage=(usage(trunks=rows, dids=rows, queues=rows),),
        open=(trouble(title=UNBROKEN, summary=UNBROKEN, owner=UNBROKEN),),
        parts=(replace(parts()[2], check=UNBROKEN, text=UNBROKEN, warnings=(UNBROKEN,)),),
        backups=(backup(source=UNBROKEN, fault=UNBROKEN),),
        changes=((UNBROKEN, "OK", "FAILED"),),
    )
    file = tmp_path / "report.html"
    for name, html in (("usual", page()), ("long", standalone(long, {}).html)):
        file.write_text(html.replace("</body>", ASK), encoding="utf-8")
        assert seen_wide(file, 320) <= 320, name


def test_a_picture_reads_on_white_and_on_the_dark_card() -> None:
    """WCAG 2.1, 1.4.11: what is drawn keeps 3:1 against either ground; the ground itself is left
    out.
    """
    for chart in charts_of(report()):
        with Image.open(io.BytesIO(drawn(chart.to_dict()))) as opened:
            picture = opened.convert("RGBA")
        assert (
            picture.getchannel("A").getpixel((0, picture.height // 2)) == 0
        )  # nothing lies behind it
        pixels = Counter(zip(*[iter(picture.tobytes())] * 4, strict=True))
        solid = [rgba[:3] for rgba, count in pixels.items() if rgba[3] > 250 and count > 400]
        assert solid, chart.name
        for colour in solid:
            for ground in ((255, 255, 255), (0x19, 0x1D, 0x23)):
                assert contrast(colour, ground) >= 3.0, (chart.name, colour, ground)


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    shares = [value / 255 for value in colour]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_a_report_whose_pictures_cannot_be_drawn_goes_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("checks.process.parent._GUARD", ("/no/such/python",))
    assert await pictures_of(report()) == {}

"""A mail fits a phone: in a real browser, no page is wider than its window."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.render import render_mail
from tests.unit.sample_ticket import EXTRAS, ticket

BROWSER = shutil.which("chromium-headless-shell")
ASK = (
    "<script>document.title = `${document.documentElement.scrollWidth} of"
    " ${window.innerWidth}`</script></body>"
)
UNBROKEN = "x" * 200


@pytest.mark.skipif(BROWSER is None, reason="chromium-headless-shell is not installed")
@pytest.mark.parametrize("width", [320, 600])
def test_no_mail_is_wider_than_its_window(width: int, tmp_path: Path) -> None:
    long = ticket(
        title=UNBROKEN,
        summary=UNBROKEN,
        owner=UNBROKEN,
        next_step=UNBROKEN,
        check=UNBROKEN,
        reasons=(UNBROKEN,),
        exhibits=(("call", "/" + UNBROKEN),),
    )
    for name, what in (("usual", ticket()), ("long", long)):
        page = tmp_path / f"{name}.html"
        page.write_text(
            render_mail("opened", what, EXTRAS["opened"]).html.replace("</body>", ASK),
            encoding="utf-8",
        )
        assert seen_wide(page, width) <= width, name


def seen_wide(page: Path, width: int) -> int:
    """How wide the page is in a window of this width, in CSS pixels."""
    done = subprocess.run(
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--window-size={width},900",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = re.search(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert found
    assert int(found[2]) == width
    return int(found[1])

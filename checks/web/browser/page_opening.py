"""A page is opened, and what stops it is told in the words of checks/transport/faults.py.

Chromium has one word where the table has several: it says "name not resolved" of a name that does
not exist and of a resolver that is broken, "date invalid" of a certificate that has expired and of
one that is not valid yet. So where it cannot connect, the same address is tried once more without
it; what it meets is then what is told. Where that meets nothing, Chromium's own word stays.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from checks.contract import CannotTell, Failed
from checks.transport.connect import resolve
from checks.transport.faults import CODES, far_faults
from checks.web.browser.certificate_check import prove_certificate
from checks.web.browser.parts import page_faults
from checks.web.browser.tab import Tab

# A second look is no second patience: whoever answers at all does so in a few seconds.
_LOOK_SECONDS = 5.0


async def open_page(tab: Tab, url: str, authorities: str, patience_ms: float) -> None:
    """Load a page whole; `authorities` may be empty. Raises Failed, CannotTell, TimeoutError."""
    try:
        with page_faults():
            response = await tab.page.goto(url, timeout=patience_ms, wait_until="load")
    except Failed as fault:
        raise await _explained(fault, url, authorities) from None
    if response is not None and response.status >= 400:
        raise Failed(f"http:{response.status}", response.status_text)


async def _explained(fault: Failed, url: str, authorities: str) -> Failed | CannotTell:
    """What a connection of our own meets at the same address, if it is of the same sort."""
    where = urlsplit(url)
    if fault.code not in CODES or not where.hostname:
        return fault
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            with far_faults():
                await resolve(where.hostname, where.port or 443)
                await prove_certificate(url, authorities)
    except (Failed, CannotTell) as told:
        return told
    except TimeoutError:
        return fault
    return fault

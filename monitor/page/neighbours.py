"""Other sites' pages at a glance: each is asked every half minute, in the background, for one line.

Rules: what they say is text, bounded, and never acted on; one that does not answer is not well, it
is not known; nobody's page waits for them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import aiohttp

from monitor.service.page_process import Neighbour
from reports.pages import Glance

_EACH_SECONDS, _WITHIN_SECONDS = 30.0, 8.0
_MOST_BYTES = 4096
_TONES = ("good", "warn", "bad", "blind")


class Neighbours:
    """The other sites, as they were when they were asked last."""

    def __init__(self, sites: tuple[Neighbour, ...]) -> None:
        self._sites = sites
        self.seen: tuple[Glance, ...] = tuple(
            Glance(one.name, one.url, "blind", "Not asked yet") for one in sites
        )

    async def watch(self) -> None:
        """Ask all of them, again and again, until it is cancelled."""
        if not self._sites:
            return
        limits = aiohttp.ClientTimeout(total=_WITHIN_SECONDS)
        async with aiohttp.ClientSession(timeout=limits) as session:
            while True:
                self.seen = tuple(
                    await asyncio.gather(*(_asked(session, one) for one in self._sites))
                )
                await asyncio.sleep(_EACH_SECONDS)


async def _asked(session: aiohttp.ClientSession, one: Neighbour) -> Glance:
    headers = {}
    if one.user:
        headers["Authorization"] = aiohttp.encode_basic_auth(one.user, one.password)
    try:
        async with session.get(
            f"{one.url}/glance.json", headers=headers, allow_redirects=False
        ) as answer:
            if answer.status != 200:
                return Glance(one.name, one.url, "blind", f"It answers with {answer.status}")
            return glance_of(one, await answer.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, TimeoutError, OSError) as barred:
        return Glance(one.name, one.url, "blind", f"It cannot be asked ({type(barred).__name__})")


def glance_of(one: Neighbour, written: bytes) -> Glance:
    """What a neighbour's page has answered with."""
    try:
        told = json.loads(written)
    # A list in a list in a list, 4 000 deep, is no answer either.
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, Mapping) or told.get("tone") not in _TONES:
        return Glance(one.name, one.url, "blind", "It answers, and not as a page of Reveille does")
    return Glance(one.name, one.url, str(told["tone"]), str(told.get("headline", ""))[:200])

"""Lives at once at a vendor's server of our own: a server each, since its time goes by as the
outbox of one life waits."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from tests.desks.lanes import LANES, Lane, answer_seconds
from tests.desks.proxy import between
from tests.desks.server import VendorServer, serving
from tests.desks.vendors import Vendor

# So long an answer may take where nothing is known yet, and so long where they take no time.
_PATIENT_SECONDS, _LEAST_SECONDS = 5.0, 0.1
# Numbers of lives that only show what an answer takes.
_UNDISTURBED = 100_000


async def lanes_to(vendor: Vendor, folder: Path, opened: AsyncExitStack) -> list[Lane]:
    """Ways to servers of a vendor, with a time-out that follows what they need."""
    patient = await _lanes(vendor, folder, opened, _PATIENT_SECONDS)
    needed = await answer_seconds(patient, _UNDISTURBED)
    return await _lanes(vendor, folder, opened, max(needed, _LEAST_SECONDS))


async def _lanes(
    vendor: Vendor, folder: Path, opened: AsyncExitStack, seconds: float
) -> list[Lane]:
    lanes = list[Lane]()
    for _ in range(LANES):
        server = vendor.begun()
        port = await opened.enter_async_context(serving(server))
        proxy, way = await opened.enter_async_context(between(port))
        desk = vendor.desk(way, folder, timeout=seconds)
        lanes.append(Lane(desk, proxy, server.passed, partial(_judged, server, vendor)))
    return lanes


async def _judged(server: VendorServer, vendor: Vendor, number: int) -> str:
    """How one life ended: "well", "doubled", "lost" or "wrong"."""
    alive = server.alive(f"rv-{number}.cafe0001")
    if len(alive) != 1:
        return "doubled" if alive else "lost"
    try:
        vendor.ended_well(server, number, copies=True)
    except AssertionError:
        return "wrong"
    return "well"

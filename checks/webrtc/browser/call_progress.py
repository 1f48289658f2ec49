"""How a call of the browser's softphone comes to stand, as its page tells: answered, connected by
ICE, secured by DTLS. Only in the browser's process.
"""

from __future__ import annotations

from checks.contract import Failed
from checks.webrtc.browser import rtc_stats, sdp_answer
from checks.webrtc.browser.sip_registration import refused_by
from checks.webrtc.browser.softphone_page import SoftphonePage


async def answered(page: SoftphonePage, seen: int) -> sdp_answer.Answer:
    """The description in the 2xx that answers our INVITE, among the events from `seen` on.

    Raises Failed, CannotTell.
    """
    while True:
        found = await page.until("sip", "failed", "disconnected", since=seen)
        # Each event counts once, or a page with many would be searched again and again.
        seen = page.events.index(found, seen) + 1
        if found.name == "sip" and not found["sent"] and found["name"] == "us":
            if (answer := sdp_answer.final_answer(found["text"])) is not None:
                return answer
        elif found.name == "failed" and found["call"] == "call":
            raise refused_by(found)
        elif found.name == "disconnected" and found["name"] == "us":
            raise Failed("dropped", f"the WebSocket was closed (code {found['code']})")


async def until_connected(page: SoftphonePage) -> str:
    """Wait for ICE; the candidate pair in words. Raises Failed, CannotTell."""
    seen = 0
    while True:
        found = await page.until("transport", "not-taken", since=seen, call="call")
        seen = page.events.index(found, seen) + 1
        if found.name == "not-taken":
            raise Failed("bad-peer", f"the browser does not take the answer: {found['text']}"[:300])
        # W3C webrtc: "completed" follows "connected" once gathering and checks are over.
        if found["ice"] in ("connected", "completed"):
            return rtc_stats.pair(await page.do("phone.statistics", "call"))
        if found["ice"] in ("failed", "closed"):
            raise Failed("no-pair", "no candidate pair could be used")


async def until_secured(page: SoftphonePage) -> str:
    """Wait for DTLS; its role and cipher in words. Raises Failed, CannotTell."""
    seen = 0
    while True:
        found = await page.until("transport", since=seen, call="call")
        seen = page.events.index(found, seen) + 1
        if found["dtls"] == "connected":
            return rtc_stats.secured(await page.do("phone.statistics", "call"))
        if found["dtls"] == "failed":
            raise Failed(
                "dtls",
                "the browser refused the handshake: certificate, fingerprint or role do not fit",
            )

"""Calls whose sound is encrypted by keys in the description (SDES, RFC 4568), and whose far end
changes them: in a re-INVITE, as exchanges do at a hold and at a transfer, or without a word.

Right is what other phones do: what was agreed on is heard, and nothing else is.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from pathlib import Path

import pytest
from pylibsrtp import Policy, Session

from tests.field.far_ends.phone import Call, Tells, sdp
from tests.field.far_ends.test_calls import VOICE, all_talked_to
from tests.field.story import Right, Story

pytestmark = [pytest.mark.slow, pytest.mark.engine]
_SUITE = "AES_CM_128_HMAC_SHA1_80"
# AES-128 with a salt of 14 bytes (RFC 4568, 6.2.1).
_KEY_BYTES = 30


def described(call: Call, key: bytes, version: int = 1, more: str = "") -> str:
    """RTP/SAVP with this key, under the tag of ours in the same suite."""
    offered = re.search(rf"a=crypto:(\d+) {_SUITE} ", call.invite.text)
    assert offered, call.invite.text
    inline = base64.b64encode(key).decode() + more
    line = f"a=crypto:{offered[1]} {_SUITE} inline:{inline}"
    return sdp(call.media.port, line, version=version).replace("RTP/AVP", "RTP/SAVP")


def sealed(call: Call, key: bytes) -> None:
    """From now on our sound goes out under this key."""
    policy = Policy(
        key=key,
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )
    call.media.seal = Session(policy).protect


def encrypted(more: str = "", *, then: str = "", at: float = 1.0) -> Tells:
    """Answers and plays; `then`, `at` seconds into the prompt: another key, by this method or
    "unsaid".
    """

    async def story(call: Call) -> None:
        first, second = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES)
        sealed(call, first)
        call.answer("200 OK", body=described(call, first, more=more))
        await asyncio.wait_for(call.acked.wait(), 4)
        playing = asyncio.ensure_future(call.media.play(call.to, VOICE))
        if then:
            await asyncio.sleep(at)  # what an exchange does in a call takes its time
            if then != "unsaid":
                body = described(call, second, version=2, more=more)
                assert " 200 " in await call.request(then, body=body)
            sealed(call, second)
        await playing

    return story


STORIES = (
    Story("one-key", encrypted(), "RFC 4568"),
    Story("lifetime", encrypted("|2^31"), "RFC 4568, 6.1: after as many packets it is exchanged"),
    Story("new-key-by-invite", encrypted(then="INVITE"), "RFC 4568, 7.1.4; RFC 3711, 8.2"),
    Story("new-key-by-update", encrypted(then="UPDATE"), "RFC 3311"),
    Story("new-key-late", encrypted(then="INVITE", at=2.0), "RFC 4568, 7.1.4"),
    Story("new-key-unsaid", encrypted(then="unsaid"), "nobody can read it", Right("FAILED")),
)


async def test_a_key_that_is_exchanged_in_the_call_is_taken(tmp_path: Path) -> None:
    await all_talked_to(tmp_path, STORIES, at_once=2, srtp="required")

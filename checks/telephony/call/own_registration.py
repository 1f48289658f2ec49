"""An account registered for a phone by the house's own client, where the call engine cannot read
what the registrar says, or proves nothing to it: for calls it is as registered as by itself.

    engine                                our own transactions (checks/telephony/sip/transaction.py)
    < 200 OK, Expires: Mon, 30 Nov …      dropped: "PJSIP syntax error exception"
                                          > REGISTER  Contact: <sip:monitor@192.0.2.7:49152>
                                          < 200 OK    which is the phone's own port

Over UDP alone: over TCP and TLS a registrar calls back on the connection that registered. A
challenge that the engine answers itself is not answered twice: a wrong password stays one attempt.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

from sipmessage import URI

from checks.contract import CannotTell, Failed
from checks.telephony.call.account import Account
from checks.telephony.call.account_registration import Registration, is_success
from checks.telephony.call.leg import Event, Phone
from checks.telephony.sip.bindings import Bindings
from checks.telephony.sip.digest import beyond_the_engine
from checks.telephony.sip.transaction import Conversation, asked, late, refusal
from checks.transport.faults import far_faults

# As long as the engine asks for: an orphan's is gone in minutes.
_LASTING_SECONDS = 300.0
_FAREWELL_SECONDS = 1.5


def beyond(phone: Phone, answer: Event | None) -> bool:
    """Whether it is the engine that cannot: what came could not be read, or asks for a proof that
    it has not. `answer` is its word on the registration; None where none came.
    """
    if answer is None or answer["origin"] == "local":
        return phone.seen("malformed") is not None
    return beyond_the_engine(answer.facts.get("challenges", []))


class OwnRegistrations:
    """Those of one attempt; whoever makes them closes them."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def register(self, account: Account, phone: Phone, within: float) -> None:
        """Register an account at its phone's port. Raises Failed, CannotTell."""
        if account.carrier != "udp":
            raise CannotTell(
                "engine error: the call engine cannot read the registrar's answer; the kind"
                " sip-registration does"
            )
        ready = await phone.until("ready", within=within)
        host, user = account.local_address, account.line.user
        contact = URI(scheme="sip", user=user, host=host, port=ready["port"])
        far: Conversation | None = None
        try:
            async with asyncio.timeout(within):
                with far_faults():
                    far = await self._stack.enter_async_context(asked(account.hop))
                    registration = Registration(account.line, far, contact)
                    answer = await registration.ask(_LASTING_SECONDS)
        except TimeoutError:
            raise late(far, within) from None
        if not is_success(answer):
            raise refusal(answer)
        try:
            bindings = Bindings.told(answer)
            own = bindings.of(registration.own)
            granted = bindings.granted(own)
        except ValueError as problem:
            raise Failed("bad-peer", f"the Contact of the answer is no SIP: {problem}") from None
        if granted == 0 or not bindings.bind(own):
            raise Failed("not-bound", "the registrar answers 200 and does not bind our Contact")
        self._stack.push_async_callback(self._take_back, registration)
        for realm in registration.realms[:1]:
            phone.order("trust", realm=realm)

    async def close(self) -> None:
        """Take the registrations back."""
        await self._stack.aclose()

    async def _take_back(self, registration: Registration) -> None:
        # By courtesy: it runs out by itself.
        with suppress(Failed, CannotTell, OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await registration.ask(0.0)

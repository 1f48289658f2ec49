"""SIP requests outside any dialog, as our own transactions send them (RFC 3261 section 8.1.1)."""

from __future__ import annotations

import secrets
from dataclasses import replace

from sipmessage import URI, Address, CSeq, Parameters, Request, Via

from checks.telephony.sip.transaction import Conversation


def written(method: str, uri: URI, to: URI, far: Conversation, user: str = "reveille") -> Request:
    """A request outside any dialogue, from `user` at our own end of the socket (RFC 3261 section
    8.1.1).
    """
    own = far.own_address(user)
    made = Request(method, uri)
    # The branch begins with the magic cookie of RFC 3261 section 8.1.1.7; rport (RFC 3581) has the
    # answer come back to our port.
    branch = Parameters(branch="z9hG4bK" + secrets.token_hex(8), rport=None)
    made.via = [Via(transport=far.carrier.upper(), host=own.host, port=own.port, parameters=branch)]
    made.max_forwards = 70
    made.from_address = Address(own, parameters=Parameters(tag=secrets.token_hex(8)))
    made.to_address = Address(to)
    made.call_id = secrets.token_hex(12)
    made.cseq = CSeq(1, method)
    carried = (
        Parameters()
        if far.carrier == "udp"
        # A Contact names the carrier, or answers to it would come by UDP.
        else Parameters(transport="tcp" if far.carrier == "tcp" else "tls")
    )
    made.contact = [Address(replace(own, parameters=carried))]
    made.user_agent = "Reveille"
    made.content_length = 0
    return made

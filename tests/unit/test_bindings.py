"""Whether an answer to REGISTER binds us, as a line and as a softphone read it."""

from __future__ import annotations

import pytest
from sipmessage import Response

from checks.contract import Failed
from checks.telephony.sip.bindings import Bindings
from checks.telephony.sip.name_address import sip_uri
from checks.webrtc.dialog import hold_bound

OWN = "sip:monitor@192.0.2.7:49152"


def answer(*contacts: str, expires: str = "60") -> Response:
    """200 OK with these Contacts, and Expires."""
    made = Response(code=200, phrase="OK")
    made.headers.setlist("Contact", list(contacts))
    if expires:
        made.headers.set("Expires", expires)
    return made


@pytest.mark.parametrize("contact", ["*", "", "<sip:desk@192.0.2.9>"])
def test_a_list_without_us_binds_us_for_no_time(contact: str) -> None:
    told = Bindings.told(answer(contact))
    assert not told.bind(told.of(sip_uri(OWN)))
    with pytest.raises(Failed, match="not-bound"):
        hold_bound(answer(contact), OWN)


@pytest.mark.parametrize("contacts", [(), (f"<{OWN}>",), ("*", f"<{OWN}>")])
def test_no_list_at_all_and_one_with_us_bind_us(contacts: tuple[str, ...]) -> None:
    told = Bindings.told(answer(*contacts))
    assert told.bind(told.of(sip_uri(OWN)))
    hold_bound(answer(*contacts), OWN)


def test_a_bare_answer_binds_a_softphone() -> None:
    """What RFC 3261 section 10.3 calls a list of all bindings many edges leave out."""
    hold_bound(answer(expires=""), OWN)

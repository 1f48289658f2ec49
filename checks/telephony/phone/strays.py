"""INVITEs that do not come by the line's own registrar: SIP scanners, and whoever knows our port.

Each is shown in the ladder and told once; nothing that is of its call is taken for a far end's word
(`Ladder.strays`), so that a stranger neither ends our call nor makes our agent look rung.
"""

from __future__ import annotations

from checks.telephony.phone.screening import Sources
from checks.telephony.phone.sip_watch import Tell
from checks.telephony.sip.ladder import Ladder, Message, call_id_of

# A ladder keeps 800 messages; more strangers than that are one and the same flood.
_TOLD = 800


def is_strays(message: Message, ladder: Ladder, sources: Sources, tell: Tell) -> bool:
    """Whether a message is of a stranger's call; it is then in the ladder, and wants no more.

    To be asked before the engine acts: it refuses an offer that does not suit it by itself.
    """
    if (
        message.direction == "received"
        and message.method == "INVITE"
        and message.status is None
        and not sources.hold(message.far.rpartition(" ")[2])
        and len(ladder.strays) < _TOLD
        # One who knows the Call-ID of a call of ours shall not make us deaf to it.
        and not any(call_id_of(one) == call_id_of(message) for one in ladder)
    ):
        ladder.strays.add(call_id_of(message))
        tell("stray", message.at, far=message.far)
    if stray := ladder.is_stray(message):
        ladder.add(message)
    return stray

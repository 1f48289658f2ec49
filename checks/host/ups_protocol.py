r"""What NUT's upsd says (RFC 9271, the UPS management protocol), line by line.

    > LIST VAR main            < BEGIN LIST VAR main
                               < VAR main ups.status "OB DISCHRG"
                               < VAR main battery.charge "82"
                               < END LIST VAR main
    or                         < ERR DATA-STALE

A value stands in quotes; in it \" and \\ stand for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from checks.contract import CannotTell, Failed
from checks.transport.line_protocol import Conversation

# RFC 9271 section 4.2: a name has no blank; a value no newline.
_VAR = re.compile(r'VAR ([^ "]{1,255}) ([A-Za-z0-9._-]{1,127}) "((?:[^"\\]|\\.)*)"')
_UPS = re.compile(r'UPS ([^ "]{1,255}) "((?:[^"\\]|\\.)*)"')
# The largest drivers tell some 200 variables.
_MOST_LINES = 2000
# Nobody knows how the power is: the driver is gone, or has heard nothing of late (section 4.3).
_NO_DATA = ("DATA-STALE", "DRIVER-NOT-CONNECTED")


async def variables(talk: Conversation, ups: str) -> Mapping[str, str]:
    """All variables of a UPS. Raises Failed, CannotTell."""
    found = {}
    for line in await _listed(talk, f"LIST VAR {ups}"):
        if (parts := _VAR.fullmatch(line)) is None or parts[1] != ups:
            raise Failed("bad-peer", f"that is no variable of {ups}: {talk.shown(line)}")
        found[parts[2]] = re.sub(r"\\(.)", r"\1", parts[3])
    return found


async def names(talk: Conversation) -> tuple[str, ...]:
    """Every UPS that there is. Raises Failed, CannotTell."""
    matched = [_UPS.fullmatch(line) for line in await _listed(talk, "LIST UPS")]
    return tuple(talk.shown(one[1]) for one in matched if one)


async def begin_tls(talk: Conversation) -> None:
    """Ask for TLS, up to the handshake (RFC 9271 section 4.2.11). Raises Failed."""
    talk.say("STARTTLS")
    line = await talk.line()
    if not line.startswith("OK STARTTLS"):
        raise Failed("no-starttls", talk.shown(line))


async def _listed(talk: Conversation, command: str) -> list[str]:
    """The lines between BEGIN and END of a list."""
    talk.say(command)
    first = await talk.line()
    if first.startswith("ERR "):
        raise _refused(talk.shown(first.removeprefix("ERR ")))
    if first != f"BEGIN {command}":
        raise Failed("bad-peer", f"that is no answer of upsd: {talk.shown(first)}")
    lines: list[str] = []
    while (line := await talk.line()) != f"END {command}":
        if len(lines) == _MOST_LINES:
            raise Failed("bad-peer", f"a list does not end within {_MOST_LINES} lines")
        lines.append(line)
    return lines


def _refused(said: str) -> Failed | CannotTell:
    if said.split(" ")[0] in _NO_DATA:
        return Failed("ups-not-seen", f"upsd has no data of it: {said}")
    # A wrong name, a host that may not ask: that says nothing of the power.
    return CannotTell(f"upsd refuses to say: {said}")

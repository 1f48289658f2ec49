"""What to do where a far end took several codecs and sends another than our engine plays: it is
asked for that one alone, by a re-INVITE within the call (RFC 3264 sections 6.1 and 8.3.2).

    the far end answers        m=audio 4000 RTP/AVP 8 0 101   and sends payload type 0
    our re-INVITE offers       m=audio 4002 RTP/AVP 0 101     tells codec-asked, codec
    its answer, 200            m=audio 4000 RTP/AVP 0 101     tells codec-agreed
    or it refuses, 488                                        tells codec-refused, code and phrase

Phones play whichever comes; the engine plays the first of an answer, and tells the others in its
log alone. Rule: nothing is asked of a far end that sends what is played. Without the engine: the
handset asks when it is `due`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from checks.telephony.sip.ladder import Message

# RFC 3261 section 14.1: whoever began the call waits so long after a 491, in units of 10 ms.
_PENDING_SECONDS = (2.1, 4.0)
# A far end whose own re-INVITE crosses ours each time will have it so the third time as well.
_TRIES = 3
# One that changes its codec again and again would be asked for ever.
_MOST_ASKED = 4
_PENDING = 491


class CodecChoice:
    """The one of a call. `alone` is the codec that our next offer holds alone; "" for all."""

    def __init__(
        self, tell: Callable[..., None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._now = tell, now
        self.begin()

    def begin(self) -> None:
        """Of a new call."""
        self.alone = self._wanted = self._sequence = ""
        self._next = 0.0
        self._tries = self._asked = 0

    def want(self, codec: str) -> None:
        """The far end sends this one ("PCMU/8000"), as it may; and it is not played."""
        if codec != self._wanted and not self._sequence and self._asked < _MOST_ASKED:
            self._wanted, self._tries, self._next = codec, 0, 0.0

    @property
    def due(self) -> bool:
        """Whether to send the re-INVITE now, in a call that is answered."""
        return bool(self._wanted) and not self._sequence and self._now() >= self._next

    def ask(self, reinvite: Callable[[], bool]) -> None:
        """Send it: while `reinvite` runs `alone` is set; it returns whether one went out. Where
        another change of the call is under way it did not, and is due again later.
        """
        self.alone = self._wanted
        self._tries += 1
        went_out = reinvite()
        self.alone = ""
        if went_out:
            self._asked += 1
            self._tell("codec-asked", codec=self._wanted)
        else:
            self._again_or_not()

    def look(self, message: Message) -> bool:
        """A message of the call; whether it belongs to a re-INVITE of ours."""
        number = next(iter(message.headers("CSeq")), "")
        if message.direction == "sent" and message.status is None:
            # With credentials the same offer goes out again, under another number.
            if message.method == "INVITE" and (self.alone or self._sequence):
                self._sequence = number
            return False
        if message.direction != "received" or not number or number != self._sequence:
            return False
        # 401 and 407 are challenges: the engine sends the same offer with credentials.
        if (message.status or 0) >= 200 and message.status not in (401, 407):
            self._sequence = ""
            self._answered(message)
        return True

    def _answered(self, answer: Message) -> None:
        if (answer.status or 0) < 300:
            self._tell("codec-agreed", answer.at, codec=self._wanted)
            self._wanted = ""
        elif answer.status == _PENDING and self._tries < _TRIES:
            self._again_or_not()
        else:
            self._give_up(answer.status or 0, answer.phrase[:200])

    def _again_or_not(self) -> None:
        self._next = self._now() + random.uniform(*_PENDING_SECONDS)  # noqa: S311 - no secret
        if self._tries >= _TRIES:
            self._give_up(_PENDING, "another change of the call is under way")

    def _give_up(self, code: int, phrase: str) -> None:
        self._wanted, self._asked = "", _MOST_ASKED
        self._tell("codec-refused", code=code, phrase=phrase)

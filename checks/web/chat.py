"""Does the chat answer a visitor? Its page is opened in a real browser, the widget too, a message
is sent.

    page      GET the page, all of it                      faults: http:NNN, those of the network
    widget    the button is clicked, the field is there    fault:  not-found
    socket    > GET /chat Upgrade: websocket   < 101       faults: no-socket, refused, closed
    send      the message is written and sent              fault:  not-found
    answer    < "You said: ping 4f3a91"                    faults: timeout, closed
    any of them                                            faults: timeout, too-large

"{nonce}" in message and answer is a new number each time, so that an answer is known to be one to
this message.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import Check, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.web.browsing import LAUNCH_SECONDS, MEASURES, Browsing, PageAddress
from checks.web.journey_steps import Words

_STAGES = ("page", "widget", "socket", "send", "answer")


class Chat(Browsing, Check):
    """Sends a message by the chat widget of a page, as a visitor does, and awaits the answer."""

    KIND: ClassVar[str] = "chat"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "chat"
    SAMPLE: ClassVar[str] = """
[checks.chat]
kind = "chat"
every = "10m"
url = "https://www.example.net/"
open = "Chat with us"
frame = "iframe#chat"
field = "Type a message"
message = "ping {nonce}"
answer = "You said: ping {nonce}"
"""

    url: PageAddress = Field(examples=["https://www.example.net/"])
    """the page that the widget is on"""
    open: Words | None = None
    """what is written on the button that opens the widget, or "css=..."; without it the widget is
    open at once
    """
    frame: str | None = None
    """CSS selector of the frame that the widget is in"""
    button_frame: str | None = None
    """CSS selector of the frame that its button is in"""
    field: Words = Field(examples=["Type a message"])
    """where a visitor writes: its label or placeholder, or css=SELECTOR"""
    send: Words | None = None
    """what is written on the button that sends; without it Enter is pressed"""
    message: Words = Field(default="Hello, this is a test: {nonce}", examples=["ping {nonce}"])
    """what the visitor says; "{nonce}" is a new number each time"""
    answer: Words = Field(examples=["You said: ping {nonce}"])
    """what must be seen then, a text that the message itself does not have"""
    answer_within: Duration = Field(default=15.0, gt=0)
    """how soon"""
    socket: bool = True
    """whether the widget must have a WebSocket open"""

    @model_validator(mode="after")
    def _tells_apart(self) -> Self:
        # The visitor's own message is shown on the page too: such an answer would be seen even if
        # nobody gave one.
        if self.answer in self.message:
            raise ValueError(
                "the message itself shows the answer; await a text that only an answer has"
            )
        return self

    def measures(self) -> Mapping[str, str]:
        """A time for each stage, and what the page did on the side."""
        stages = [*(["tls"] if self.trusted_certificates else []), *self._stages]
        return {
            **{f"{stage}_seconds": f"the stage {stage}, in seconds" for stage in stages},
            **MEASURES,
        }

    @property
    def _stages(self) -> tuple[str, ...]:
        return tuple(stage for stage in _STAGES if stage != "socket" or self.socket)

    def longest_seconds(self) -> float:
        """Every stage at its slowest, and the browser's own start and end."""
        return self._within() + LAUNCH_SECONDS

    async def probe(self, trace: Trace) -> None:
        """Send the message once and await its answer. Raises Failed, CannotTell."""
        from checks.web.browser.job import perform

        # Six hexadecimal digits: short enough for a chat bot that repeats it, and no two attempts
        # of a day share one but by a rare chance.
        number = secrets.token_hex(3)
        order: dict[str, Any] = {
            **{
                name: getattr(self, name)
                for name in ("url", "open", "frame", "button_frame", "field", "send")
            },
            **{
                name: getattr(self, name)
                for name in ("answer_within", "socket", "step_within", "max_bytes")
            },
            "message": self.message.replace("{nonce}", number),
            "answer": self.answer.replace("{nonce}", number),
            "authorities": str(self.trusted_certificates or ""),
        }
        await perform(trace, "visit", self.program(), order, self._within())

    def _within(self) -> float:
        return (self.step_within + 2.0) * (len(_STAGES) + 1) + self.answer_within

"""Does an API call back? Something is triggered, and its callback has to reach us.

    listen    0.0.0.0:8490, a path that nobody else knows      unknown: the address is taken
    trigger   > POST /api/v1/events {"call": "…", "callback":
              "https://monitor.example.net/hooks/x7Qe…"}
              < 202 Accepted                                   faults: dns, refused, http:503,
                                                               timeout …
    callback  > POST /hooks/x7Qe…                              fault: no-callback
    compare   {"call": "…", "status": "filed"}                 fault: wrong-body
              < 204 No Content

Rules: the steps are a walk (checks/web/steps/step_runner.py), the last one is what triggers. In
them {callback} is the address to call and {reference} a word of this attempt alone. Where the
address was registered at the API beforehand (`path`), the callback of this attempt is known by the
reference in it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration, Secret
from checks.transport.http.address import web_address
from checks.web.callback_listener import Callback, Listener
from checks.web.expected import Expected
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what is never told to anybody as an address


def _host_and_port(written: str) -> str:
    host, colon, port = written.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(
            f"{written[:60]!r} is no address to listen on; write it as in '0.0.0.0:8490'"
        )
    return written


class Webhook(Walked, Check):
    """Triggers an event at an API and waits for it to call back."""

    KIND: ClassVar[str] = "webhook"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "integration"
    PROGRAMS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
[checks.crm-webhook]
kind = "webhook"
every = "15m"
url = "https://crm.example.net/api/v1/"
secrets = { key = { credential = "crm" } }
listen = "127.0.0.1:8490"
callback_url = "https://monitor.example.net/hooks"
callback = { json_values = { "$.status" = "filed" } }

[[checks.crm-webhook.steps]]
name = "event"
url = "events"
headers = { Authorization = "Bearer {key}" }
json = { kind = "call-finished", call = "{reference}", callback = "{callback}" }
expect_status = [202]
"""
    WORDS: ClassVar[tuple[str, ...]] = ("callback", "reference")

    listen: Annotated[str, AfterValidator(_host_and_port)]
    """host:port of this machine where the callback arrives; with port 0 any free one"""
    callback_url: Annotated[str, AfterValidator(web_address)] | None = Field(
        default=None, examples=["https://monitor.example.net/hooks"]
    )
    """what the API shall call, the path is added to it; without it the address that is listened
    on
    """
    path: Secret | None = None
    """the path that was registered at the API, by reference; without it a random one for each
    attempt
    """
    callback: Expected = Field(default_factory=Expected)
    """what the callback's body has to say"""
    callback_within: Duration = Field(default=30.0, gt=0)
    """how soon the callback must come, from the answer to the trigger on"""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        words = {word for step in self.steps for word in step.words()}
        host = self.listen.rpartition(":")[0].strip("[]")
        if self.path is None and "callback" not in words:
            raise ValueError(
                "the API must be told whom to call: write {callback} into a step, or name a `path`"
            )
        if self.path is not None and "reference" not in words:
            raise ValueError("callbacks to one path are told apart by a {reference} in a step")
        if "callback" in words and self.callback_url is None and host in _EVERYWHERE:
            raise ValueError(
                "nobody can call 0.0.0.0: write as callback_url how the API reaches this machine"
            )
        return self

    def measures(self) -> Mapping[str, str]:
        """The phases of each step, and how long the callback took."""
        return {
            **self.walk_measures(),
            "callback_seconds": "from the answer to the trigger to the callback, in seconds",
            "compare_seconds": "comparing the callback, in seconds",
            "callback_bytes": "how long the callback's body is, in bytes",
            "other_requests": "requests that came to the same address and were not the one",
            "total_seconds": "everything, in seconds",
        }

    def longest_seconds(self) -> float:
        """Both time limits and the comparison, in seconds."""
        return self.within + self.callback_within + AFTERWARDS_SECONDS + 22.0

    async def probe(self, trace: Trace) -> None:
        """Trigger the event once, and wait for its callback."""
        reference, path = secrets.token_hex(12), self._path()
        host, _, port = self.listen.rpartition(":")
        by_reference = self.path is not None

        def counts(came: Callback) -> bool:
            # A registered path is called for every event of that API, those of real customers too.
            return not by_reference or reference.encode() in came.body

        async with Listener(host.strip("[]"), int(port), path, counts) as listener:
            root = self.callback_url or f"http://{host}:{listener.port}"
            words = {"callback": root.rstrip("/") + path, "reference": reference}
            await self.last_answer(trace, words)
            came = await self._awaited(trace, listener)
        trace.measure("callback_bytes", len(came.body))
        with trace.stage("compare"):
            await self._compared(trace, came)
        trace.measure("total_seconds", trace.elapsed())

    def _path(self) -> str:
        if self.path is None:
            # 144 bits: the path is all that keeps strangers out.
            return "/" + secrets.token_urlsafe(18)
        try:
            return "/" + self.path.reveal().lstrip("/")
        except LookupError as missing:
            raise CannotTell(f"the callback's path is not to be had: {missing}") from None

    async def _awaited(self, trace: Trace, listener: Listener) -> Callback:
        with trace.stage("callback"):
            try:
                async with asyncio.timeout(self.callback_within):
                    return await listener.callback()
            except TimeoutError:
                others = f"; {listener.others} other requests came" if listener.others else ""
                told = (
                    "the trigger was taken, and nothing called back within"
                    f" {self.callback_within:g} s{others}"
                )
                raise Failed("no-callback", told) from None
            finally:
                trace.measure("other_requests", listener.others)

    async def _compared(self, trace: Trace, came: Callback) -> None:
        try:
            await self.callback.hold(came.text)
        except Failed as differs:
            trace.exhibit("callback.txt", "text/plain", came.body)
            raise Failed("wrong-body", str(differs)) from None

"""The engine of a walk: one step after the other, each a stage; cookies and remembered words go
along.

How a kind uses it: its class takes `Walking` in beside Check, has fields `steps: tuple[Step, ...]`
and `logout: Step | None`, calls `checked(...)` in a validator, gives every `step.measures()`, and
probes with

    async with walk(trace, self.url, self, logout=self.logout) as walker:
        for step in self.steps:
            answer = await walker.take(step)     # a stage called step.name; raises Failed
        figures = parsed(answer.text)            # what came last is the kind's own to look at,
                                                 # in a stage of its own

Rules: the logout is made whatever went wrong, within LOGOUT_SECONDS, as soon as one step was
answered; after a failure what goes wrong with it is only noted. A page that failed is kept as an
exhibit, without secrets, cookies and tokens; no fault and no note shows them either. The time limit
of the whole is the kind's: `asyncio.timeout` around the walk. A secret goes to a site that the
administrator has named, and to none that an answer led to (own_sites.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from checks.contract import CannotTell, Failed, Trace
from checks.transport.http.address import Address
from checks.transport.http.client import FailedStatus, Manner, fetch
from checks.transport.http.cookies import CookieJar
from checks.transport.http.message import Answer, Limits, Request, shown
from checks.transport.http.phases import StepPhases
from checks.web.own_sites import Sites
from checks.web.sandbox.patterns import search
from checks.web.steps.extraction import remembered
from checks.web.steps.soft_200 import soft_failure
from checks.web.steps.step import Step, Walking, as_json
from checks.web.steps.variables import Words

# A session that is left open may count against the licence of the portal: so the logout is always
# tried, and never for long.
LOGOUT_SECONDS = 5.0
# A cookie that is shorter than this is a choice of language or the like, and no key; hiding "en"
# would make a page unreadable.
_COOKIE_LENGTH = 6
# The administrator's own words, and not a link that a page gave.
_ABSOLUTE = re.compile(r"https?://[^{/]+(?:/|\Z)", re.I)
_ENDINGS = {
    "text/html": "html",
    "application/json": "json",
    "text/plain": "txt",
    "text/xml": "xml",
    "text/csv": "csv",
}


@asynccontextmanager
async def walk(
    trace: Trace, url: str, settings: Walking, *, logout: Step | None = None
) -> AsyncIterator[Walker]:
    """A walk that begins at `url`. Raises Failed, CannotTell."""
    walker = Walker(trace, url, settings)
    try:
        yield walker
    except BaseException:
        if logout and walker.answered:
            await walker.leave(logout)
        raise
    if logout and walker.answered:
        await walker.take(logout, LOGOUT_SECONDS)


class Walker:
    """One walk under way. `answered`: how many steps were, `answer`: the last one."""

    def __init__(self, trace: Trace, url: str, settings: Walking) -> None:
        self.trace, self._settings = trace, settings
        self.words = Words(settings.secrets)
        self._now = trace.began_at
        self.jar = CookieJar(self._now)
        self.answer: Answer | None = None
        self.answered = 0
        self._at = Address.parse(url)
        self._home, self._basic = self._at.origin, settings.authorization(self.words)
        self._named = Sites(url, *settings.sign_in_at)

    async def take(self, step: Step, most_seconds: float | None = None) -> Answer:
        """Make one step, as a stage of its name. Raises Failed, CannotTell."""
        limit = min(filter(None, (step.within, most_seconds)), default=None)
        with self.trace.stage(step.name):
            phases = StepPhases(self.trace, step.name, self._hidden)
            try:
                async with asyncio.timeout(limit):
                    return await self._made(step, phases)
            except TimeoutError:
                raise Failed(
                    "timeout", f"not through within {limit:g} s, in {phases.under_way or 'looking'}"
                ) from None
            except Failed as refused:
                said = self._hidden(refused.text)
                if phases.broke_in and not refused.code.startswith("http:"):
                    said = f"{phases.broke_in}: {said}" if said else phases.broke_in
                raise Failed(refused.code, said, refused.origin) from None

    async def leave(self, logout: Step) -> None:
        """Log out after a failure: whatever goes wrong with it is a note."""
        told = self.trace
        self.trace = Trace(told.elapsed, lambda: told.exhibits_folder, began_at=self._now)
        try:
            await self.take(logout, LOGOUT_SECONDS)
            told.note(f"{logout.name}: done after the failure")
        except (Failed, CannotTell) as problem:
            told.note(f"{logout.name} after the failure: {problem}")
        finally:
            self.trace = told

    async def _made(self, step: Step, phases: StepPhases) -> Answer:
        request = self._request(step)
        manner = Manner(
            limits=Limits(body_bytes=self._settings.max_bytes),
            trusted=self._settings.trusted_certificates,
            http2=self._settings.http2,
            follow=step.follow_redirects,
            programs=self._settings.PROGRAMS,
            now=self._now,
        )
        try:
            with phases:
                self.answer = None
                answer = await fetch(
                    request, phases, manner, lambda status: status in step.expect_status, self.jar
                )
        except FailedStatus as failed:
            self._keep(step, failed.answer)
            raise
        self.answer, self._at = answer, answer.address
        self.answered += 1
        try:
            await self._looked_at(step, answer)
        except Failed:
            self._keep(step, answer)
            raise
        return answer

    def _request(self, step: Step) -> Request:
        words = self.words
        try:
            address = self._at.joined(words.filled(step.url))
        except ValueError as error:
            raise Failed(
                "bad-url", f"{step.name} leads to no URL to fetch: {error}", "local"
            ) from None
        if _ABSOLUTE.match(step.url):
            self._named.add(address)
        sent = (step.url, step.headers, step.form, step.json_body, step.body)
        if strange := words.strange_to(address.origin, address.origin in self._named, *sent):
            raise Failed("redirects", f"{strange}; it is not sent to {shown(address.origin)}")
        headers = [
            (name, words.filled(value))
            for name, value in step.headers.items()
            if not words.is_private(value)
        ]
        private = [
            (name, words.filled(value))
            for name, value in step.headers.items()
            if words.is_private(value)
        ]
        if (
            self._basic
            # RFC 7617 section 2.2: credentials are for their own protection space; a step that
            # leads to another site does not take them along.
            and address.origin == self._home
            and not any(n.lower() == "authorization" for n, _ in private)
        ):
            private += self._basic
        content_type, body = "", b""
        if step.form is not None:
            content_type, body = (
                "application/x-www-form-urlencoded",
                urlencode(words.filled_all(step.form)).encode(),
            )
        elif step.json_body is not None:
            content_type, body = "application/json", as_json(words.filled_all(step.json_body))
        elif step.body is not None:
            content_type, body = "text/plain; charset=utf-8", words.filled(step.body).encode()
        if content_type and not any(
            name.lower() == "content-type" for name, _ in (*headers, *private)
        ):
            headers.append(("Content-Type", content_type))
        return Request(step.verb, address, tuple(headers), body, tuple(private))

    async def _looked_at(self, step: Step, answer: Answer) -> None:
        """Raises Failed for what is not right, in the order of what tells most."""
        if step.lands_on is not None and not answer.address.path.endswith(step.lands_on):
            raise Failed(
                "wrong-page", f"it ended at {shown(answer.address.path)}, not at {step.lands_on}"
            )
        await step.hold(answer.text)
        for pattern in step.must_match:
            if not await search(pattern, answer.text):
                raise Failed("no-match", repr(pattern))
        if len(answer.body) < step.min_bytes:
            raise Failed(
                "too-small", f"{len(answer.body)} bytes, at least {step.min_bytes} are right"
            )
        soft = self._settings.soft_200s if step.soft_200s is None else step.soft_200s
        # What is sent to an API is often answered by its status alone (RFC 9110 section 15.3.1);
        # whoever asks it for something gets something.
        if not answer.body and self._settings.PROGRAMS and step.verb != "GET":
            soft = bool(step.soft_200s)
        if soft and (
            wrong := soft_failure(
                answer, step.form is not None and self.words.has_secret(step.form)
            )
        ):
            raise Failed("soft-200", wrong)
        for name, value in (await remembered(step.remember, answer, self.jar)).items():
            self.words.remember(name, value, self._only_for(answer.address))
        for name, find in step.measure.items():
            self.trace.measure(name, await find.number(answer, self.jar))

    def _only_for(self, address: Address) -> str:
        """The origin that alone may hear again what it has said: one that a redirect led to. A
        portal could have us fetch what it cannot reach (127.0.0.1, the address of a cloud's keys),
        and tell it the next moment.
        """
        return "" if address.origin in self._named else address.origin

    def _hidden(self, text: str) -> str:
        """A text without secrets and tokens, and without what cookies hold by now."""
        self.words.hide(value for value in self.jar.values() if len(value) >= _COOKIE_LENGTH)
        return self.words.hidden(text)

    def _keep(self, step: Step, answer: Answer) -> None:
        """The page, as an exhibit without what must not be seen."""
        kind = answer.head.content_type
        text = self._hidden(answer.text)
        self.trace.exhibit(
            f"{step.name}.{_ENDINGS.get(kind, 'txt')}", kind or "text/plain", text.encode()
        )

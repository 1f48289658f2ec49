"""What desks push to the page: /hooks/NAME, for [desks.NAME] with `pushes`.

    a helpdesk   any signed POST: its tickets are looked at at once, by our own account
    webhook      {"ticket": "RV-12", "word": "ack", "by": "asha", "text": "…"}, a Standard Webhook

Rules: nothing is taken out of a helpdesk's own JSON; it is only a reason to look. A webhook's
answer is taken once, by its id, whatever is sent again. Who is not known is told nothing: 404.
"""

from __future__ import annotations

import json
from typing import cast

from aiohttp import web

from checks.body import Unreadable
from monitor.desks.signatures import is_signed, is_standard
from monitor.incidents.answers import Answer, Answers, Repeated, Word
from monitor.incidents.ticket_actions import NotPossible
from monitor.incidents.ticket_view import number_of
from monitor.ledger import LedgerFault
from monitor.ledger.encoding import plain
from monitor.page.site import SITE, Site

_WORDS = ("ack", "note", "resolve", "escalate")
_KEYS = {"ticket", "word", "by", "text"}
_LONGEST_TEXT, _LONGEST_NAME = 2000, 100


async def take_push(request: web.Request) -> web.Response:
    """Take what a desk has pushed. 202 done, 400 no answer, 401 wrong signature, 404 no such desk,
    409 not possible with that ticket, 503 later."""
    site = request.app[SITE]
    name = site.configuration.site.scoped(request.match_info["name"])
    hook = site.job.hooks.get(name)
    if hook is None:
        return _said(404, "no desk of that name pushes here")
    body = await request.read()
    headers = {key.lower(): value for key, value in request.headers.items()}
    now = site.clock.now().timestamp()
    signed = is_standard if hook.answers else is_signed
    if not signed(hook.secret, headers, body, now):
        site.tell(level="warning", log=f"push_refused desk={name} from={request.remote}")
        return _said(401, "the signature is not right, or too old")
    if not hook.answers:
        site.tell(look=name)
        return _said(202, "its tickets are looked at")
    return await _answered(site, name, headers["webhook-id"], body)


async def _answered(site: Site, name: str, identity: str, body: bytes) -> web.Response:
    try:
        answer = answer_of(name, identity, body)
    except ValueError as wrong:
        return _said(400, str(wrong))
    try:
        await site.change(
            lambda ledger: Answers(ledger, site.configuration, site.clock.now()).take(answer)
        )
    except Repeated:
        return _said(202, "that was taken already")
    except (NotPossible, Unreadable) as why:
        return _said(409, str(why))
    except (LedgerFault, OSError) as barred:
        site.tell(level="warning", log=f"not_done desk={name} {barred}")
        return _said(503, "later")
    site.tell(log=f"pushed desk={name} ticket=RV-{answer.number} word={answer.word}")
    return _said(202, "done")


def answer_of(desk: str, identity: str, body: bytes) -> Answer:
    """The answer in a webhook's JSON. Raises ValueError, which says what would be right."""
    try:
        told = json.loads(body)
    except RecursionError:
        raise ValueError("it is too deep to be an answer") from None
    if not isinstance(told, dict) or not all(isinstance(one, str) for one in told.values()):
        raise ValueError("an answer is a JSON object of texts: ticket, word, by, text")
    if strange := sorted(set(told) - _KEYS):
        raise ValueError(f"there is no {strange[0][:40]!r} in an answer: ticket, word, by, text")
    word, by, text = (" ".join(str(told.get(key, "")).split()) for key in ("word", "by", "text"))
    if word not in _WORDS:
        raise ValueError(f"word is one of {', '.join(_WORDS)}")
    if word in ("note", "escalate") and not text:
        raise ValueError(f"{word} wants a text")
    if not by or len(by) > _LONGEST_NAME or not by.isprintable():
        raise ValueError("by is the name of whoever acts, on one line")
    number = number_of(str(told.get("ticket", "")))
    shown = plain(text, _LONGEST_TEXT)
    known = f"webhook:{desk}:{identity[:200]}"
    return Answer(f"{by} at {desk}", "webhook", known, cast(Word, word), shown, number)


def _said(status: int, text: str) -> web.Response:
    return web.json_response({"said": text}, status=status)

"""Who is where (RFC 3261 section 10), and whether they may say so: digest with MD5 (RFC 2617, RFC
3261 section 22).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sipmessage import (
    URI,
    Address,
    AuthChallenge,
    AuthCredentials,
    AuthParameters,
    Request,
    Response,
)

from lab.pbx import sip_messages
from lab.pbx.transport import Flow

# A registration is granted for a time between these (RFC 3261 section 10.3 step 7). Five minutes,
# so that a phone which vanished is soon missed; ten seconds, so that a test sees a refresh soon.
LONGEST_SECONDS = 300
SHORTEST_SECONDS = 10
# Short, so that a recorded answer is worth nothing later; a phone whose nonce is stale tries again
# by itself.
NONCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Binding:
    """One phone of one user."""

    user: str
    contact: URI
    flow: Flow
    # In the time of the event loop, which no change of the wall clock moves.
    until: float


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def digest(user: str, realm: str, password: str, method: str, given: AuthParameters) -> str:
    """The response that these credentials should have had (RFC 2617 section 3.2.2)."""
    secret, asked = _md5(f"{user}:{realm}:{password}"), _md5(f"{method}:{given.get('uri', '')}")
    # RFC 2617 section 3.2.2.1: without qop the digest is that of RFC 2069, which old phones send.
    if "qop" in given:
        middle = f"{given['nonce']}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    else:
        middle = given.get("nonce", "")
    return _md5(f"{secret}:{middle}:{asked}")


class Registrar:
    """The users, and where they are registered."""

    def __init__(self, users: dict[str, str], realm: str = "lab") -> None:
        """`users`: name -> password."""
        self._users, self._realm = dict(users), realm
        self._bindings: dict[tuple[str, str], Binding] = {}
        self._nonces: dict[str, float] = {}
        self.changed = asyncio.Event()

    def registered(self, user: str) -> list[Binding]:
        """Where a user can be reached just now."""
        now = asyncio.get_running_loop().time()
        return [b for b in self._bindings.values() if b.user == user and b.until > now]

    def users(self) -> list[str]:
        """Every account there is."""
        return list(self._users)

    def refusal(self, request: Request, header: str = "Authorization") -> Response | None:
        """None if the request proves who sends it, else the 401 or 403 to send."""
        user = request.from_address.uri.user or ""
        given = self._credentials(request, header)
        if given is None:
            return self._challenge(request)
        if user not in self._users or given.get("username") != user:
            return sip_messages.reply(request, 403, sip_messages.token())
        if not self._is_fresh(given.get("nonce", "")):
            # RFC 2617 section 3.2.1: the phone tries again with the new nonce, and asks nobody.
            return self._challenge(request, stale="true")
        right = digest(user, self._realm, self._users[user], request.method, given)
        if not secrets.compare_digest(right, given.get("response", "")):
            return self._challenge(request)
        return None

    def register(self, request: Request, flow: Flow) -> Response:
        """Grant, refresh, remove or list bindings; returns the answer (RFC 3261 section 10.3)."""
        if refusal := self.refusal(request):
            return refusal
        user = request.to_address.uri.user or ""
        if user != request.from_address.uri.user:
            return sip_messages.reply(request, 403, sip_messages.token())
        default = request.expires if request.expires is not None else LONGEST_SECONDS
        # RFC 3261 section 10.2.2: `*` removes every binding of the user.
        if (request.headers.get("Contact") or "").strip() == "*":
            self._forget(lambda binding: binding.user == user)
        else:
            for contact in request.contact:
                seconds = int(sip_messages.parameter(contact, "expires") or default)
                # 0 is no short time, but the way to remove one binding.
                if 0 < seconds < SHORTEST_SECONDS:
                    return sip_messages.reply(
                        request, 423, sip_messages.token(), Min_Expires=str(SHORTEST_SECONDS)
                    )
                self._bind(user, contact, min(seconds, LONGEST_SECONDS), flow)
        self._tell()
        return self._listing(request, user)

    def lost(self, flow: Flow) -> None:
        """A connection broke: what was registered over it cannot be reached."""
        self._forget(
            lambda binding: (
                (binding.flow.transport, binding.flow.remote) == (flow.transport, flow.remote)
            )
        )

    def _bind(self, user: str, contact: Address, seconds: int, flow: Flow) -> None:
        # A phone that has moved registers another contact; one that refreshes, the same.
        key = (user, str(contact.uri))
        if seconds:
            until = asyncio.get_running_loop().time() + seconds
            self._bindings[key] = Binding(user, contact.uri, flow, until)
        else:
            self._bindings.pop(key, None)

    def _forget(self, which: Callable[[Binding], bool]) -> None:
        self._bindings = {
            key: binding for key, binding in self._bindings.items() if not which(binding)
        }

    def _listing(self, request: Request, user: str) -> Response:
        answer = sip_messages.reply(request, 200, sip_messages.token())
        now = asyncio.get_running_loop().time()
        for binding in self.registered(user):
            answer.headers.add(
                "Contact", f"<{binding.contact}>;expires={round(binding.until - now)}"
            )
        return answer

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def _credentials(self, request: Request, header: str) -> AuthParameters | None:
        written = request.headers.get(header)
        try:
            return AuthCredentials.parse(written).parameters if written else None
        except ValueError:
            return None

    def _challenge(self, request: Request, **more: str) -> Response:
        now = asyncio.get_running_loop().time()
        self._nonces = {
            nonce: since for nonce, since in self._nonces.items() if now - since < NONCE_SECONDS
        }
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = now
        parameters = AuthParameters(
            realm=self._realm, nonce=nonce, algorithm="MD5", qop="auth", **more
        )
        answer = sip_messages.reply(request, 401, sip_messages.token())
        answer.www_authenticate = AuthChallenge("Digest", parameters)
        return answer

    def _is_fresh(self, nonce: str) -> bool:
        since = self._nonces.get(nonce)
        return since is not None and asyncio.get_running_loop().time() - since < NONCE_SECONDS

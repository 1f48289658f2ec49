"""A step of a walk, as written in the configuration: one request, what is right about its answer,
what is remembered.

steps = [
  { name = "open", url = "/login", remember = { csrf = { field = "csrf_token" } } },
  { name = "login", url = "/login",
    form = { user = "monitor", password = "{password}", csrf_token = "{csrf}" },
    lands_on = "/home", must_contain = ["Sign out"] },
  { name = "queues", url = "/api/queues", json_values = { "$.status" = "ok" },
    measure = { agents_ready = { json = "$.ready" } } },
]
logout = { name = "logout", method = "POST", url = "/logout" }
secrets = { password = { credential = "agent-portal" } }
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from checks.transport.http.message import Headers
from checks.web.expected import Expected
from checks.web.own_sites import SigningIn
from checks.web.steps.extraction import Find, Pattern
from checks.web.steps.variables import Words, words_in

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
WordName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
# The framing of the message belongs to the client (RFC 9112 section 6); a second Host or
# Content-Length is how requests are smuggled. Cookies belong to the jar.
_OURS = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "cookie",
    "te",
    "upgrade",
    "expect",
}
# A step called "total" would measure total_seconds, the name of the whole.
_RESERVED = ("total", "first-byte", "body", "certificate", "http")


def _listed(written: Any) -> Any:
    return [written] if isinstance(written, int) and not isinstance(written, bool) else written


Statuses = Annotated[
    tuple[Annotated[int, Field(ge=100, le=599)], ...], BeforeValidator(_listed), Field(min_length=1)
]
"""One HTTP status, or several."""


class Step(Expected):
    """One request of a walk."""

    name: StepName
    """what a fault in it is called, in small letters, digits and hyphens"""
    url: str = Field(min_length=1, max_length=2000)
    """where to: a URL, or what comes after the address of the page before"""
    method: Method | None = None
    """the HTTP method; without it POST where something is sent, else GET"""
    headers: Mapping[str, str] = Field(
        default_factory=dict, examples=[{"Accept": "application/json"}]
    )
    """headers of the request; those with a word in braces go to this step's own site only"""
    form: Mapping[str, str] | None = None
    """fields of a form to send"""
    json_body: Any = Field(default=None, alias="json")
    """what to send as JSON"""
    body: str | None = None
    """what to send as it is"""
    expect_status: Statuses = (200,)
    """the HTTP status that is right, or several"""
    follow_redirects: bool = True
    """whether a redirect is followed; else it is the answer"""
    lands_on: str | None = Field(default=None, min_length=1)
    """what the address must end with once redirects are followed, without its query: "/home" """
    must_match: tuple[Pattern, ...] = ()
    """regular expressions that the body must match"""
    min_bytes: int = Field(default=0, ge=0)
    """how long the body must be at least"""
    remember: Mapping[WordName, Find] = Field(
        default_factory=dict, examples=[{"csrf": {"field": "csrf_token"}}]
    )
    """words for later steps, and where they stand in the answer; a later step writes one in braces:
    {csrf}
    """
    measure: Mapping[WordName, Find] = Field(
        default_factory=dict, examples=[{"agents_ready": {"json": "$.ready"}}]
    )
    """figures to measure, and where they stand in the answer; `expect` names one with the step's
    name before it: queues_agents_ready
    """
    soft_200s: bool | None = None
    """whether a page that says of itself that it is an error is one; without it as the check has
    it
    """
    within: Duration | None = Field(default=None, gt=0)
    """time limit for this step"""

    @field_validator("headers")
    @classmethod
    def _written_well(cls, written: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in written.items():
            if (
                not name
                or not name.isascii()
                or not name.replace("-", "").replace("_", "").isalnum()
            ):
                raise ValueError(f"{name[:60]!r} is no name of a header")
            if name.lower() in _OURS:
                raise ValueError(f"{name} is set by the request itself")
            if not value.isprintable():
                raise ValueError(f"the header {name} has a sign in it that no header can carry")
        return written

    @field_validator("name")
    @classmethod
    def _free(cls, written: str) -> str:
        if written in _RESERVED:
            raise ValueError(
                f"a step cannot be called {written!r}: a measure of the whole is called so"
            )
        return written

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if sum(part is not None for part in (self.form, self.json_body, self.body)) > 1:
            raise ValueError("a request has one body: write form, json or body")
        # RFC 9110 section 9.3.1: a body in a GET has no meaning, and proxies refuse or drop it.
        if self.sends and self.method in ("GET", "HEAD"):
            raise ValueError(
                f"a {self.method} sends nothing; write the method POST, or leave it out"
            )
        return self

    @property
    def sends(self) -> bool:
        """Whether it has a body to send."""
        return not (self.form is None and self.json_body is None and self.body is None)

    @property
    def verb(self) -> str:
        """The HTTP method."""
        return self.method or ("POST" if self.sends else "GET")

    def words(self) -> set[str]:
        """Every word in braces that it needs to be filled."""
        written = (self.url, self.headers, self.form or {}, self.body or "")
        return {word for part in written for word in words_in(part)} | words_in(self.json_body)

    def measures(self) -> dict[str, str]:
        """Every measure that it gives."""
        prefix = self.name.replace("-", "_")
        phases = {
            "dns": "name resolution",
            "connect": "TCP connection",
            "tls": "TLS handshake",
            "response": "from the request to the end of the answer's header",
            "content": "reading the body",
        }
        timed = {
            f"{prefix}_{name}_seconds": f"{what} of step {self.name}, in seconds"
            for name, what in phases.items()
        }
        return {
            f"{prefix}_seconds": f"step {self.name} with all its redirects, in seconds",
            f"{prefix}_first_byte_seconds": (
                f"beginning of step {self.name} to the answer's header, in seconds"
            ),
            f"{prefix}_http_status": f"status code of step {self.name}",
            f"{prefix}_http_version": (
                f"version of HTTP that step {self.name} was answered in: 1.1, 2"
            ),
            f"{prefix}_body_bytes": f"length of the body of step {self.name}, in bytes",
            f"{prefix}_certificate_days": (
                f"how long the certificate of step {self.name} is still valid, in days"
            ),
            **timed,
            **{name: f"{find} of step {self.name}" for name, find in self.measure.items()},
        }


class Walking(SigningIn, ClearText):
    """The settings that every kind that walks has: a mixin beside Check."""

    PROGRAMS: ClassVar[bool] = False
    """whether the clients of what is looked at are programs, and not browsers"""

    secrets: Mapping[WordName, Secret] = Field(
        default_factory=dict, examples=[{"password": {"credential": "agent-portal"}}]
    )
    """secrets that steps may name in braces, by reference"""
    user: str | None = Field(default=None, min_length=1)
    """account for HTTP Basic (RFC 7617), sent to the site of `url` alone"""
    password: Secret | None = None
    """its password, by reference"""
    soft_200s: bool = True
    """whether an answer 200 is a failure when its page says that it is none: an error's title,
    maintenance, nothing
    """
    http2: bool = True
    """whether HTTP/2 is spoken where a server offers it"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on https; without it the system's"""
    max_bytes: int = Field(default=2_000_000, ge=1, le=50_000_000)
    """the longest body that is good, in bytes, unpacked; no more is ever read"""

    @model_validator(mode="after")
    def _account(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("an account has a user and a password; write both")
        return self

    def clear_text(self) -> str | None:
        """The account's password, or a secret of the steps, on http."""
        steps = (*getattr(self, "steps", ()), getattr(self, "logout", None))
        addresses = [getattr(self, "url", "")] if self.password or self.secrets else []
        addresses += [step.url for step in steps if step and self.secrets]
        if not any(map(is_open, addresses)):
            return None
        return f"its password goes over the network in the clear; write https://, {MEANT}"

    def authorization(self, words: Words) -> Headers:
        """The header of HTTP Basic; nothing without an account. Raises CannotTell."""
        if self.user is None or self.password is None:
            return ()
        password = words.revealed(self.password)
        return (
            ("Authorization", f"Basic {b64encode(f'{self.user}:{password}'.encode()).decode()}"),
        )


def checked(steps: tuple[Step, ...], logout: Step | None, secrets: Mapping[str, Secret]) -> None:
    """What is wrong with steps as a whole: a name twice, a word that nobody gives. Raises
    ValueError.
    """
    known, names, figures = set(secrets), set[str](), set[str]()
    for step in (*steps, *([logout] if logout else ())):
        if step.name in names:
            raise ValueError(f"two steps are called {step.name!r}")
        names.add(step.name)
        if unknown := sorted(step.words() - known):
            raise ValueError(
                f"step {step.name!r} names {{{unknown[0]}}}: no secret, and no word that a step"
                " before remembers"
            )
        if twice := sorted(figures & set(step.measures())):
            raise ValueError(f"two steps measure {twice[0]}")
        figures |= set(step.measures())
        if again := sorted(set(step.remember) & set(secrets)):
            raise ValueError(
                f"step {step.name!r} would remember {again[0]}, which is the name of a secret"
            )
        known |= set(step.remember)


def as_json(written: Any) -> bytes:
    """A body as JSON."""
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()

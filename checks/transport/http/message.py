"""What is asked and what is answered (RFC 9110), apart from how it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.transport.http.address import Address
from checks.transport.http.letters import decoded

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `private` headers go to the origin of `address` only, whatever redirects say."""

    method: str
    address: Address
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    private: Headers = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken. What is longer is a fault; with `cut` a longer body is just not read
    further.
    """

    # Ten times a large portal page; what is longer is an error page gone wild, or a download.
    body_bytes: int = 2_000_000
    cut: bool = False
    # Servers refuse requests beyond 8 kB (nginx, Apache) to 16 kB (Node.js); an answer with four
    # times the larger one is broken.
    header_bytes: int = 65_536
    header_fields: int = 200
    # WHATWG Fetch section 4.4: browsers follow 20. A login over two brokers of single sign-on takes
    # a dozen.
    redirects: int = 20

    @property
    def wire_bytes(self) -> int:
        """No honest answer needs more than this for such a body, however it is cut into chunks."""
        # Twice: chunks of a few bytes double a body; the header's share is for 1xx answers and
        # trailers.
        return self.body_bytes * 2 + 4 * self.header_bytes


class AskAgain(Exception):
    """The server says that it has not looked at the request, or wants another version of HTTP for
    it: it is safe to ask once more (RFC 9113 sections 6.8 and 8.7). `code` is the fault when that
    does not help.
    """

    def __init__(self, code: str, why: str, by_http1: bool = False) -> None:
        super().__init__(why)
        self.code, self.why, self.by_http1 = code, why, by_http1


@dataclass(frozen=True, slots=True)
class Head:
    """Status and header of an answer; names in lower case, in the order they came."""

    version: str
    status: int
    reason: str
    headers: Headers
    forgiven: str = ""
    """what a strict client refuses in it, and browsers forgive; empty where it is good"""

    def get(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next((value for known, value in self.headers if known == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for known, value in self.headers if known == name]

    @property
    def content_type(self) -> str:
        """The media type without its parameters, such as text/html; of several the last one that
        is one, as browsers have it.
        """
        return self._media_type()[0]

    @property
    def charset(self) -> str:
        """What the header says that the text is written in; empty where it says nothing."""
        for part in self._media_type()[1].split(";"):
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").strip()
        return ""

    def of_http3(self) -> str:
        """A note where it offers HTTP/3 (RFC 7838), which is not looked at; else empty."""
        # A value is name=authority;parameters, and a quoted authority may hold a comma; RFC 9114
        # section 3.1.1 has the name h3, drafts of it h3-29 and the like.
        offers = (one.strip().lower() for line in self.all("alt-svc") for one in line.split(","))
        if not any(one.startswith(("h3=", "h3-")) for one in offers):
            return ""
        return (
            "it offers HTTP/3 too (Alt-Svc), by UDP, which is not looked at; browsers come back"
            " to this way where that fails"
        )

    def _media_type(self) -> tuple[str, str]:
        found = ("", "")
        for written in self.all("content-type"):
            kind, _, parameters = written.partition(";")
            if "/" in kind or not found[0]:
                found = (kind.strip().lower(), parameters)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What came from `address`, the last one where redirects were followed."""

    address: Address
    head: Head
    body: bytes
    cut: bool = False

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status

    @property
    def text(self) -> str:
        """The body as a browser reads it; what cannot be read as such is replaced."""
        return decoded(self.body, self.head.content_type, self.head.charset)


def shown(said: str, longest: int = 200) -> str:
    """A far end's words for a note or a fault: on one line, printable, bounded."""
    return " ".join(
        "".join(sign if sign.isprintable() else " " for sign in said[: longest * 2]).split()
    )[:longest]

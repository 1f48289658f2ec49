"""What is asked and what is answered (RFC 9110), apart from how it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.transport.http.address import Address

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
    # A login over single sign-on takes four to six; Chromium and Firefox give up after 20.
    redirects: int = 10

    @property
    def wire_bytes(self) -> int:
        """No honest answer needs more than this for such a body, however it is cut into chunks."""
        # Twice: chunks of a few bytes double a body; the header's share is for 1xx answers and
        # trailers.
        return self.body_bytes * 2 + 4 * self.header_bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Status and header of an answer; names in lower case, in the order they came."""

    version: str
    status: int
    reason: str
    headers: Headers

    def get(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next((value for known, value in self.headers if known == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for known, value in self.headers if known == name]

    @property
    def content_type(self) -> str:
        """The media type without its parameters, such as text/html."""
        return self.get("content-type").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """What the text is written in, as the header says; UTF-8 when it says nothing."""
        for part in self.get("content-type").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'") or "utf-8"
        return "utf-8"


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
        """The body as text; what cannot be read as such is replaced."""
        try:
            return self.body.decode(self.head.charset, "replace")
        # A charset that Python does not know (or a typing error in the server's configuration):
        # UTF-8 is read by every page that sticks to ASCII.
        except LookupError:
            return self.body.decode("utf-8", "replace")


def shown(said: str, longest: int = 200) -> str:
    """A far end's words for a note or a fault: on one line, printable, bounded."""
    return " ".join(
        "".join(sign if sign.isprintable() else " " for sign in said[: longest * 2]).split()
    )[:longest]

"""THE table: what a socket, a resolver or TLS raises, as the fault that it is of the far end, or as
our own trouble.

    raised                                     becomes
    -----------------------------------------  -----------------------------------------------------
    ECONNREFUSED, ENOPROTOOPT                  refused      nobody listens there, its host says so
    ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN  closed       it broke the connection off
    ETIMEDOUT                                  timeout      its host answers no more
                                                            (RFC 9293 section 3.8.3)
    EHOSTUNREACH, EHOSTDOWN, ENETUNREACH,      unreachable  no way leads there
    ENONET, EOPNOTSUPP, EMSGSIZE                            (RFC 792, RFC 4443 section 3.1)
    EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY     dns          there is no such name, or no address
    UnicodeError                               dns          nothing that can be a name
                                                            (RFC 1035 section 2.3.4)
    SSLCertVerificationError                   expired, not-yet-valid, self-signed, untrusted,
                                               wrong-name, weak-key, revoked, certificate:
                                               checks/transport/tls.py
    SSLError                                   weak-protocol, no-tls, weak-key, closed, tls:
                                               the same
    EACCES, EPERM                              CannotTell   this host's own firewall or routing
                                                            forbids it
    EMFILE, ENFILE, ENOBUFS, ENOMEM            CannotTell   no descriptor, no memory left here
    EADDRNOTAVAIL, EADDRINUSE                  CannotTell   no local address or port left
    ENETDOWN, ENODEV, EAFNOSUPPORT,            CannotTell   this host lacks an interface, or the
    EPROTONOSUPPORT, ESOCKTNOSUPPORT,                       protocol
    EPFNOSUPPORT
    EAI_AGAIN, EAI_FAIL                        CannotTell   the resolver of this host is broken (a
                                                            zone that is broken looks so too:
                                                            SERVFAIL; the kind `dns` tells the two
                                                            apart)
    EAI_SYSTEM, EAI_MEMORY, every other EAI    CannotTell   names cannot be resolved here
    every other OSError                        CannotTell   not known to be the far end's: it is
                                                            blamed for nothing that it was not seen
                                                            to do
    TimeoutError without an errno              passes       a time limit of ours: whoever set it
                                                            names it

Rules:
1. What only this host can say is its own. What the network can say too is the far end's: a router
   sends "unreachable" (RFC 792), and a site whose uplink is gone has no route either; then the
   check `uplink` names the cause.
2. Where several addresses fail, the one that tells most of the far end decides (`most_telling`).
3. No kind has a table of its own for these errors, and no kind has other words for them.

EACCES over IPv6 may also be a router's "administratively prohibited" (RFC 4443 section 3.1, code
1): that is not told apart, since blaming the far end for this host's own rule is the worse mistake
of the two.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from checks.contract import CannotTell, Failed
from checks.transport import tls, tls_context

FAR: Mapping[int, str] = {
    errno.ECONNREFUSED: "refused",
    errno.ENOPROTOOPT: "refused",  # ICMP "protocol unreachable", as Linux hands it on
    errno.ECONNRESET: "closed",
    errno.EPIPE: "closed",
    errno.ECONNABORTED: "closed",
    errno.ENOTCONN: "closed",
    errno.ESHUTDOWN: "closed",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENONET: "unreachable",  # ICMP "host isolated"
    errno.EOPNOTSUPP: "unreachable",  # ICMP "source route failed"
    errno.EMSGSIZE: "unreachable",  # ICMP "fragmentation needed", on a datagram
}
"""errno -> code of the far end's fault"""

_FORBIDDEN = "this host's own firewall or routing forbids it"
_EXHAUSTED = "no socket to be had"
_NO_PORT = "no local address or port to be had"
_LACKING = "this host has no network for it"
OWN: Mapping[int, str] = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EMFILE: _EXHAUSTED,
    errno.ENFILE: _EXHAUSTED,
    errno.ENOBUFS: _EXHAUSTED,
    errno.ENOMEM: _EXHAUSTED,
    errno.EADDRNOTAVAIL: _NO_PORT,
    errno.EADDRINUSE: _NO_PORT,
    errno.ENETDOWN: _LACKING,
    errno.ENODEV: _LACKING,
    errno.EAFNOSUPPORT: _LACKING,
    errno.EPFNOSUPPORT: _LACKING,
    errno.EPROTONOSUPPORT: _LACKING,
    errno.ESOCKTNOSUPPORT: _LACKING,
}
"""errno -> what this host lacks"""

NAMES: frozenset[int] = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
"""what getaddrinfo says of a name; all else it says of the resolver (RFC 3493 section 6.1)"""

# glibc's gai_strerror: what programs print that resolve a name themselves.
_RESOLVER_SAYS: Mapping[str, int] = {
    "Name or service not known": socket.EAI_NONAME,
    "No address associated with hostname": socket.EAI_NODATA,
    "Address family for hostname not supported": socket.EAI_ADDRFAMILY,
    "Temporary failure in name resolution": socket.EAI_AGAIN,
    "Non-recoverable failure in name resolution": socket.EAI_FAIL,
    "Memory allocation failure": socket.EAI_MEMORY,
}

CODES: Mapping[str, str] = {
    "refused": "the far end's host is there, and nobody listens at that port",
    "closed": "the far end broke the connection off",
    "timeout": "the far end did not answer in time",
    "unreachable": "no way leads to the far end's host",
    "dns": "the name does not exist, or has no address",
    "expired": "the certificate has expired",
    "not-yet-valid": "the certificate is not valid yet",
    "self-signed": "the certificate is vouched for by nobody but itself",
    "untrusted": "no authority that is trusted vouches for the certificate",
    "wrong-name": "the certificate is for another name",
    "weak-key": "key or digest of the certificate are too weak",
    "revoked": "the certificate has been revoked",
    "certificate": "something else is wrong with the certificate",
    "weak-protocol": "the far end speaks no version of TLS that is new enough",
    "no-tls": "the far end does not speak TLS",
    "tls": "the TLS handshake failed",
}
"""every code of this table, with its meaning; any kind that opens a connection can give each of
them
"""

TOOK_TOO_LONG = "took too long to read"
"""what the fault bad-peer says of an answer that was no longer worked on"""

# Rule 2. A refusal proves that a host is there; an address family that this host lacks proves
# nothing at all.
_TELLING = (
    "refused",
    "closed",
    "timeout",
    _FORBIDDEN,
    _EXHAUSTED,
    _NO_PORT,
    "unreachable",
    _LACKING,
)


def fault_of(error: Exception) -> Failed | CannotTell | None:
    """What an error means by the table; None for what is in no row: a bug, a time limit of ours."""
    if isinstance(error, ssl.SSLError):
        return Failed(tls.code_of(error), tls_context.said(error))
    if isinstance(error, socket.gaierror):
        return _of_a_name(error)
    if isinstance(error, UnicodeError):
        return Failed("dns", "that is no name of a host")
    # asyncio.timeout raises the bare class: a time limit of ours. The kernel's ETIMEDOUT has its
    # number: the far end has stopped acknowledging (RFC 9293 section 3.8.3).
    if isinstance(error, TimeoutError) and error.errno is None:
        return None
    return _of_a_socket(error) if isinstance(error, OSError) else None


@contextmanager
def far_faults() -> Iterator[None]:
    """Turns what sockets, resolver and TLS raise into Failed or CannotTell, in the stage under
    way.
    """
    try:
        yield
    except (OSError, UnicodeError) as error:
        if (fault := fault_of(error)) is None:
            raise
        raise fault from error


def fault_of_number(number: int) -> Failed | CannotTell:
    """What an errno means that another program or a library reports."""
    return _of_a_socket(OSError(number, os.strerror(number)))


def fault_said(text: str) -> Failed | CannotTell | None:
    """The same for a library that hands on no number, but the system's words for it (strerror, C
    locale).
    """
    # Nobody calls setlocale for messages, so these are the C library's English words; children run
    # with the same language.
    found = (number for number in (*FAR, *OWN) if os.strerror(number) == text.strip())
    return next((fault_of_number(number) for number in found), None)


def fault_within(text: str) -> Failed | CannotTell | None:
    """The same for a client program's message that has the system's words somewhere in it."""
    # A client like psql names each address that it has tried on a line of its own: the message may
    # have several errors, and rule 2 decides among them.
    found = [OSError(n, os.strerror(n)) for n in (*FAR, *OWN) if os.strerror(n) in text]
    if found:
        return _of_a_socket(most_telling(found))
    names = (number for words, number in _RESOLVER_SAYS.items() if words in text)
    return next((_of_a_name(socket.gaierror(n, _words_of(n))) for n in names), None)


def most_telling(errors: Sequence[OSError]) -> OSError:
    """The error that decides, of those of several addresses of one name; of equals the last."""
    return min(reversed(errors), key=_rank)


def _words_of(number: int) -> str:
    return next(words for words, known in _RESOLVER_SAYS.items() if known == number)


def _of_a_name(error: socket.gaierror) -> Failed | CannotTell:
    said = error.strerror or "the name does not resolve"
    if error.errno in NAMES:
        return Failed("dns", said)
    return CannotTell(f"names cannot be resolved here: {said}")


def _of_a_socket(error: OSError) -> Failed | CannotTell:
    said = error.strerror or str(error) or type(error).__name__
    # The far end comes first: an errno that stood in both tables would otherwise excuse a dead
    # server.
    if code := _far_code(error):
        return Failed(code, said)
    return CannotTell(f"{OWN.get(error.errno or 0, 'this host cannot tell')}: {said}")


def _far_code(error: OSError) -> str | None:
    """asyncio makes some errors of its own, with no number in them: their class tells."""
    if error.errno is None and isinstance(error, ConnectionError):
        # asyncio raises ConnectionResetError("Connection lost") and ConnectionAbortedError ("SSL
        # handshake is taking longer than ...") itself; both are a connection that is gone.
        return "refused" if isinstance(error, ConnectionRefusedError) else "closed"
    return FAR.get(error.errno or 0)


def _rank(error: OSError) -> int:
    found = _far_code(error) or OWN.get(error.errno or 0)
    return _TELLING.index(found) if found in _TELLING else len(_TELLING)

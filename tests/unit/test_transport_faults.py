"""The whole table of checks/transport/faults.py: every errno, every answer of the resolver, every
word of OpenSSL.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from checks.contract import CannotTell, Failed
from checks.transport import faults, tls
from checks.transport.faults import FAR, OWN, far_faults, fault_of, fault_said, most_telling

ERRNOS = {
    "refused": ("ECONNREFUSED", "ENOPROTOOPT"),
    "closed": ("ECONNRESET", "EPIPE", "ECONNABORTED", "ENOTCONN", "ESHUTDOWN"),
    "timeout": ("ETIMEDOUT",),
    "unreachable": (
        "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENONET", "EOPNOTSUPP", "EMSGSIZE",
    ),
    "": (
        "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EADDRINUSE",
        "ENETDOWN", "ENODEV", "EAFNOSUPPORT", "EPFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT",
    ),
}  # fmt: skip
EAI = {name: getattr(socket, name) for name in dir(socket) if name.startswith("EAI_")}
NO_SUCH_NAME = ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
CERTIFICATES = {
    2: "untrusted", 9: "not-yet-valid", 10: "expired", 18: "self-signed", 19: "self-signed",
    20: "untrusted", 21: "untrusted", 23: "revoked", 24: "untrusted", 27: "untrusted",
    47: "wrong-name", 48: "wrong-name", 62: "wrong-name", 64: "wrong-name", 66: "weak-key", 67: "weak-key", 68: "weak-key",
    79: "untrusted",
}  # fmt: skip


def meant(error: Exception) -> str:
    """The code; empty for CannotTell."""
    try:
        with far_faults():
            raise error
    except Failed as refused:
        assert refused.__cause__ is error
        return refused.code
    except CannotTell as blind:
        assert blind.__cause__ is error
        return ""


@pytest.mark.parametrize("code", ERRNOS)
def test_an_errno_means_one_thing(code: str) -> None:
    for name in ERRNOS[code]:
        number = getattr(errno, name)
        assert meant(OSError(number, os.strerror(number))) == code, name


def test_every_errno_is_of_the_far_end_or_of_this_host_and_none_of_both() -> None:
    listed = [getattr(errno, name) for names in ERRNOS.values() for name in names]
    assert sorted(listed) == sorted({*FAR, *OWN})
    assert not FAR.keys() & OWN.keys()


def test_the_far_end_is_blamed_for_no_errno_that_stands_nowhere() -> None:
    strange = [number for number in errno.errorcode if number not in {*FAR, *OWN}]
    assert len(strange) > 50
    assert {meant(OSError(number, "strange")) for number in strange} == {""}
    assert meant(FileNotFoundError(errno.ENOENT, "no authorities")) == ""
    assert meant(OSError("no number at all")) == ""


def test_the_own_firewall_is_named_as_such() -> None:
    told = fault_of(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    assert str(told) == "this host's own firewall or routing forbids it: Permission denied"


@pytest.mark.parametrize("name", EAI)
def test_a_name_that_is_not_there_is_the_platforms_and_a_broken_resolver_is_ours(name: str) -> None:
    expected = "dns" if name in NO_SUCH_NAME else ""
    assert meant(socket.gaierror(EAI[name], "said the resolver")) == expected


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example.net"])
def test_what_can_be_no_name(name: str) -> None:
    with pytest.raises(UnicodeError) as raised:
        name.encode("idna")
    assert meant(raised.value) == "dns"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError("handshake broken off"), "closed"),
        (ConnectionAbortedError("SSL handshake is taking longer than 60.0 seconds"), "closed"),
        (BrokenPipeError(), "closed"),
    ],
)
def test_what_asyncio_raises_without_a_number(error: Exception, code: str) -> None:
    assert meant(error) == code


def test_a_time_limit_of_ours_is_named_by_whoever_set_it() -> None:
    for limit in (TimeoutError(), TimeoutError()):
        with pytest.raises(TimeoutError), far_faults():
            raise limit
    assert meant(TimeoutError(errno.ETIMEDOUT, "Connection timed out")) == "timeout"


def test_a_bug_stays_a_bug() -> None:
    for bug in (ValueError("x"), KeyError("x"), RuntimeError("x")):
        with pytest.raises(type(bug)), far_faults():
            raise bug


def verification(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = number, "said OpenSSL"
    return error


@pytest.mark.parametrize("number", range(1, 100))
def test_each_thing_that_is_wrong_with_a_certificate(number: int) -> None:
    assert meant(verification(number)) == CERTIFICATES.get(number, "certificate")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("UNSUPPORTED_PROTOCOL", "weak-protocol"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "weak-protocol"),
        ("VERSION_TOO_LOW", "weak-protocol"),
        ("DH_KEY_TOO_SMALL", "weak-key"),
        ("EE_KEY_TOO_SMALL", "weak-key"),
        ("CA_KEY_TOO_SMALL", "weak-key"),
        ("CA_MD_TOO_WEAK", "weak-key"),
        ("UNEXPECTED_EOF_WHILE_READING", "closed"),
        ("WRONG_VERSION_NUMBER", "no-tls"),
        ("HTTP_REQUEST", "no-tls"),
        ("UNEXPECTED_MESSAGE", "no-tls"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "tls"),
    ],
)
def test_each_way_to_break_a_handshake(reason: str, code: str) -> None:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    assert meant(error) == code


def test_an_end_without_farewell_under_tls_is_an_end() -> None:
    assert meant(ssl.SSLEOFError(8, "EOF occurred")) == "closed"
    assert meant(ssl.SSLZeroReturnError(6, "closed")) == "closed"


def test_every_code_of_the_table_has_its_meaning() -> None:
    given = {*FAR.values(), "dns", *tls.CODES}
    assert given == set(faults.CODES)
    assert all(faults.CODES.values())


def test_words_of_the_system_mean_what_its_number_means() -> None:
    for number in (*FAR, *OWN):
        told, said = fault_of(OSError(number, os.strerror(number))), fault_said(os.strerror(number))
        assert (type(told), str(told)) == (type(said), str(said))
    assert fault_said("Service Unavailable") is None


def of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("several", "decides"),
    [
        ((errno.ENETUNREACH, errno.ECONNREFUSED), errno.ECONNREFUSED),
        ((errno.ECONNREFUSED, errno.EADDRNOTAVAIL), errno.ECONNREFUSED),
        ((errno.ENETUNREACH, errno.EACCES), errno.EACCES),
        ((errno.EHOSTUNREACH, errno.EAFNOSUPPORT), errno.EHOSTUNREACH),
        ((errno.EMFILE, errno.EIO), errno.EMFILE),
        ((errno.ETIMEDOUT, errno.EHOSTUNREACH), errno.ETIMEDOUT),
    ],
)
def test_of_several_addresses_the_most_telling_decides(
    several: tuple[int, ...], decides: int
) -> None:
    """No IPv6 here says nothing of the far end, and a refusal much."""
    assert most_telling([of(number) for number in several]).errno == decides
    assert most_telling([of(number) for number in reversed(several)]).errno == decides

"""A secret in every spelling in which it travels: what tests search for, and what far ends say."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import quopri
import re
import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one": lambda s: base64.b64encode(f"x{s}".encode()).decode(),
    "base64 behind two": lambda s: base64.b64encode(f"xy{s}!".encode()).decode(),
    "basic": lambda s: base64.b64encode(f"monitor:{s}".encode()).decode(),
    "base64 for a URL": lambda s: base64.urlsafe_b64encode(f"u:{s}".encode()).decode(),
    "base64 in lines": lambda s: base64.encodebytes(("u" * 50 + s).encode()).decode().strip(),
    "base32": lambda s: base64.b32encode(f"u:{s}".encode()).decode(),
    "base32 behind four": lambda s: base64.b32encode(f"abcd{s}".encode()).decode().rstrip("="),
    "base32 in small letters": lambda s: base64.b32encode(f"abc{s}".encode()).decode().lower(),
    "UTF-7": lambda s: s.encode("utf-7").decode(),
    "UTF-7, all of it": lambda s: f"+{_utf_16(s)}-",
    "as a mailbox": lambda s: re.sub(
        "&|[^ -~]+", lambda one: f"&{_utf_16(one[0], ',') if one[0] != '&' else ''}-", s
    ),
    "URL": lambda s: quote(s, safe=""),
    "URL in small letters": lambda s: "".join(f"%{octet:02x}" for octet in s.encode()),
    "form": quote_plus,
    "URL within a URL": lambda s: quote(quote(s, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON in JSON": lambda s: json.dumps(json.dumps(s)),
    "JSON as it is": lambda s: json.dumps(s, ensure_ascii=False),
    "HTML": html.escape,
    "HTML by numbers": lambda s: "".join(f"&#{ord(sign)};" for sign in s),
    "HTML in hex": lambda s: "".join(f"&#x{ord(sign):X};" for sign in s),
    "JSON in HTML": lambda s: html.escape(json.dumps(s)),
    "quoted": repr,
    "C": lambda s: "".join(f"\\x{octet:02x}" for octet in s.encode()),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "hex by twos": lambda s: s.encode().hex(" "),
    "quoted-printable": lambda s: quopri.encodestring(s.encode(), quotetabs=True).decode().strip(),
    "folded": lambda s: f"{s[:5]}\r\n\t{s[5:]}",
    "in chunks": lambda s: f"{s[:5]}\r\n1a\r\n{s[5:]}",
    "in reply lines": lambda s: f"550-{s[:5]}\r\n550 {s[5:]}",
    "broken by a blank": lambda s: f"{s[:5]} {s[5:]}",
    "broken by what nobody sees": lambda s: f"{s[:5]}\u00ad{s[5:8]}\u200b\x1b[0m{s[8:]}",
    "broken by elements": lambda s: f"{s[:5]}<wbr>{s[5:8]}<b class='x'>{s[8:]}",
    "UTF-16 in base64": lambda s: base64.b64encode(s.encode("utf-16-le")).decode(),
    "UTF-16 in hex": lambda s: s.encode("utf-16-be").hex(),
    "base64 in base64": lambda s: _base64(f"Authorization: Basic {_base64(f'u:{s}')}"),
    "URL in base64": lambda s: _base64(f"https://x/?p={quote(s, safe='')}&q=1"),
    "JSON in base64": lambda s: _base64(json.dumps({"user": "m", "password": s})),
    "base64 in JSON lines": lambda s: json.dumps(
        base64.encodebytes(b"u" * 50 + s.encode()).decode()
    ),
    "base64 in hex": lambda s: _base64(f"u:{s}").encode().hex(),
    "hex by colons": lambda s: s.encode().hex(":"),
    "hex of C": lambda s: ", ".join(f"0x{octet:02x}" for octet in s.encode()),
    "numbers": lambda s: json.dumps(list(s.encode())),
    "octal": lambda s: "".join(f"\\{octet:03o}" for octet in s.encode()),
    "URL by JavaScript": lambda s: "".join(f"%u{ord(sign):04X}" for sign in s),
    "JavaScript": lambda s: "".join(f"\\u{{{ord(sign):x}}}" for sign in s),
    "Python": lambda s: "".join(f"\\U{ord(sign):08x}" for sign in s),
    "URL, four times": lambda s: quote(quote(quote(quote(s, safe=""), safe=""), safe=""), safe=""),
    "decomposed": lambda s: unicodedata.normalize("NFD", s),
    "taken for Latin-1": lambda s: s.encode().decode("latin-1"),
    "in ASCII": lambda s: s.encode("ascii", "replace").decode(),
    "CSV": lambda s: '"' + s.replace('"', '""') + '"',
    "MD5": lambda s: hashlib.md5(s.encode()).hexdigest(),
    "SHA-256 in base64": lambda s: base64.b64encode(hashlib.sha256(s.encode()).digest()).decode(),
}


def _utf_16(text: str, slash: str = "/") -> str:
    coded = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode().rstrip("=")
    return coded.replace("/", slash)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def found(text: bytes, secret: str) -> list[str]:
    """In which spellings a secret stands in a text. Says nothing of how it is masked: it searches
    by itself.
    """
    return [
        name for name, spell in SPELLINGS.items() if spell(secret).strip("\"'").encode() in text
    ]

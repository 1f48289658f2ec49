"""A secret in every spelling in which it travels: what tests search for, and what far ends say."""

from __future__ import annotations

import base64
import html
import json
import quopri
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
}


def found(text: bytes, secret: str) -> list[str]:
    """In which spellings a secret stands in a text. Says nothing of how it is masked: it searches
    by itself.
    """
    return [
        name for name, spell in SPELLINGS.items() if spell(secret).strip("\"'").encode() in text
    ]

"""From bytes to text as browsers do it (WHATWG Encoding; WHATWG HTML section 13.2.3).

    a byte order mark                      counts above all
    Content-Type: text/html; charset=…     by the table of labels, which knows iso-8859-1 to be
                                           windows-1252, and knows neither utf-7 nor undefined
    <meta charset=…>, <?xml encoding=…>    within the first 1024 bytes of HTML
    nothing of these                       windows-1252 for HTML and plain text, else UTF-8

Rules: a label is the far end's word, and is looked up in the table of labels alone, never among the
codecs of Python, some of which are none of text; JSON is UTF-8 (RFC 8259 section 8.1), whatever its
header says, as long as it can be read so.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import webencodings

# WHATWG HTML section 13.2.3.2: what a prescan looks at.
_PRESCAN_BYTES = 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HTML = ("text/html", "application/xhtml+xml", "")
# Read by the rules of the locale where nothing is said: windows-1252 for most of the world.
# Chromium shows UTF-8 that is not declared as \u00c3\u00a9 and the like; so do its users see it.
_OF_THE_LOCALE = ("text/html", "text/plain", "")
# All over 1024 bytes at the most.
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"<meta[\s/][^>]{0,500}?charset\s*=\s*(?:[\"']\s*)?([^\s\"'/>;]{1,40})", re.I)
_XML = re.compile(rb"\A<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([^\"']{1,40})")
_LONGEST_LABEL = 40
# WHATWG Encoding section 4.2: for these a browser shows one replacement character and no page,
# since what hides in them has been used to attack it.
_REPLACED = frozenset(
    {"csiso2022kr", "hz-gb-2312", "iso-2022-cn", "iso-2022-cn-ext", "iso-2022-kr", "replacement"}
)


def decoded(body: bytes, media_type: str, label: str) -> str:
    """A body as text. `label` is what the header says of its letters."""
    if _is_json(media_type):
        return _as_json(body.removeprefix(codecs.BOM_UTF8), label)
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    if label.lower() in _REPLACED:
        return "\N{REPLACEMENT CHARACTER}"
    codec = _codec(label) or (_declared(body) if media_type in _HTML else "")
    if not codec and (body.isascii() or media_type not in _OF_THE_LOCALE):
        codec = "utf-8"
    return body.decode(codec or "cp1252", "replace")


def _is_json(media_type: str) -> bool:
    return media_type.endswith("/json") or media_type.endswith("+json")


def _as_json(body: bytes, label: str) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(_codec(label) or "utf-8", "replace")


def _declared(body: bytes) -> str:
    """What the page itself says, in a meta element or as XML."""
    begun = body[:_PRESCAN_BYTES]
    found = _XML.match(begun) or _META.search(_COMMENT.sub(b"", begun))
    codec = _codec(found[1].decode("latin-1")) if found else ""
    # WHATWG HTML section 13.2.3.2: a page whose declaration could be read is not in UTF-16.
    return {"utf-16-le": "utf-8", "utf-16-be": "utf-8", "x-user-defined": "cp1252"}.get(
        codec, codec
    )


def _codec(label: str) -> str:
    """Python's codec of a label of the WHATWG's table; empty for none."""
    if not label or len(label) > _LONGEST_LABEL:
        return ""
    if label.lower() in ("utf-8", "utf8"):
        return "utf-8"
    # Few pages need the table, and the daemon mostly waits: imported when one does.
    import webencodings

    found = webencodings.lookup(label)
    return _named(found) if found else ""


def _named(found: webencodings.Encoding) -> str:
    # What the WHATWG has for private use has no codec here, and is ASCII for all that is read.
    return "cp1252" if found.name == "x-user-defined" else str(found.codec_info.name)

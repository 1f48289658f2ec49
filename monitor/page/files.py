"""Evidence and other files, as a browser gets them.

Rules: only a file that an attempt or a ticket names, and that lies in the folder of evidence; only
our own pages as HTML, and those in a sandbox; what a far end sent is plain text, or is downloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from monitor.evidence.call_page import FILE
from monitor.evidence.elsewhere import here
from monitor.page.gate import DOCUMENTS

_TYPES: Mapping[str, str] = {
    ".wav": "audio/wav",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".json": "text/plain",
    ".html": "text/plain",
}


async def evidence(known: Mapping[str, Path], name: str, exhibits: Path) -> web.StreamResponse:
    """One file of those that are known. Raises HTTPNotFound."""
    path = here(known[name], exhibits) if name in known else None
    if path is None or not await asyncio.to_thread(_there, path, exhibits):
        raise web.HTTPNotFound(text="That evidence is not kept any more, or never was.")
    kind = "text/html" if name == FILE else _TYPES.get(path.suffix, "")
    headers = {"Content-Security-Policy": DOCUMENTS, "Cache-Control": "private, max-age=300"}
    headers["Content-Type"] = kind + ("; charset=utf-8" if kind.startswith("text/") else "")
    if not kind:
        headers["Content-Type"] = "application/octet-stream"
        headers["Content-Disposition"] = "attachment"
    return web.FileResponse(path, headers=headers)


def document(page: str) -> web.Response:
    """A page that was made once, whole."""
    return web.Response(
        text=page, content_type="text/html", headers={"Content-Security-Policy": DOCUMENTS}
    )


def _there(path: Path, exhibits: Path) -> bool:
    try:
        whole = path.resolve(strict=True)
        return whole.is_file() and whole.is_relative_to(exhibits.resolve())
    except OSError:
        return False

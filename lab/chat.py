"""The centre's chat: a page with a widget in a frame, its WebSocket, and the bot that answers
behind it.

Faults: chat-widget-missing (the page comes, the widget does not), chat-dead-socket (no socket is
let in), chat-silent (the bot says nothing).
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import WSMsgType, web

from lab.injected_faults import Faults
from lab.site import Site

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sunrise Travel</title></head>
<body><h1>Sunrise Travel</h1><p>Tickets, hotels, and someone to ask.</p>
<button id="chat-button" hidden>Chat with us</button>
<iframe id="chat" title="Chat" src="about:blank"
 style="display:none;width:320px;height:400px"></iframe>
<script src="/widget.js"></script></body></html>
"""
_LOADER = """const button = document.getElementById('chat-button');
const frame = document.getElementById('chat');
button.hidden = false;
button.onclick = () => { frame.src = '/widget'; frame.style.display = 'block'; };
"""
_WIDGET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Chat</title></head>
<body><ol id="said"></ol>
<form id="form"><input id="words" placeholder="Type a message" autocomplete="off">
<button type="submit">Send</button></form>
<script>
const said = document.getElementById('said'), words = document.getElementById('words');
const show = (who, text) => {
  const line = document.createElement('li');
  line.textContent = who + ': ' + text;
  said.append(line);
};
const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/socket', ['chat']);
socket.onmessage = (event) => show('Asha', JSON.parse(event.data).say);
document.getElementById('form').onsubmit = (event) => {
  event.preventDefault();
  show('You', words.value);
  if (socket.readyState === 1) socket.send(JSON.stringify({say: words.value}));
  words.value = '';
};
</script></body></html>
"""
GREETING = "Welcome to Sunrise Travel."
# A visitor types; 16 KiB is longer than anybody does.
_LONGEST_BYTES = 16384


class Chat(Site):
    """One page with its bot, on a port of its own."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(faults)
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def url(self) -> str:
        """The page with the widget."""
        return f"{self.root}/"

    @property
    def socket_url(self) -> str:
        """The widget's WebSocket."""
        return f"ws://127.0.0.1:{self.port}/socket"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_get("/widget.js", self._loader)
        application.router.add_get("/widget", self._widget)
        application.router.add_get("/socket", self._socket)
        await self.serve(application, host)

    async def close(self) -> None:
        """Hang up on everybody, and stop serving."""
        await asyncio.gather(*(socket.close() for socket in list(self._sockets)))
        await super().close()

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _loader(self, _request: web.Request) -> web.StreamResponse:
        if self.faults.broken("chat-widget-missing"):
            raise web.HTTPNotFound
        return web.Response(text=_LOADER, content_type="text/javascript")

    async def _widget(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_WIDGET, content_type="text/html")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.broken("chat-dead-socket"):
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=_LONGEST_BYTES)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await self._greet(socket)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._answer(socket, message.data)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        if not self.faults.broken("chat-silent"):
            await socket.send_json({"say": GREETING})

    async def _answer(self, socket: web.WebSocketResponse, data: str) -> None:
        """The bot gives back what it was told."""
        if self.faults.broken("chat-silent"):
            return
        try:
            words = str(json.loads(data)["say"])
        except (ValueError, KeyError, TypeError):
            # RFC 6455 section 7.4.1: 1003, data of a kind that cannot be accepted.
            await socket.close(code=1003, message=b"no JSON with 'say'")
            return
        await socket.send_json({"say": f"You said: {words}"})

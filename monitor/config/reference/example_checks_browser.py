"""An example of every kind of check that looks as a browser does: at portals, chats and WebRTC
calls.
"""

from __future__ import annotations

from monitor.config.reference.examples import Entry

BROWSED: dict[str, tuple[Entry, ...]] = {
    "portal-browser": (
        Entry(
            "agent-desk",
            {
                "every": "10m",
                "component": "agent-portal",
                "url": "https://agent.example.net/",
                "steps": [
                    {"open": "/login"},
                    {"fill": "User name", "with": "monitor", "stage": "login"},
                    {"fill": "Password", "secret": {"credential": "agent-portal"}},
                    {"click": "Sign in"},
                    {"see": "Signed in as"},
                    {"click": "Sign out", "stage": "logout"},
                ],
            },
            remark="Needs a Chromium on this host, as in: apt install chromium-headless-shell",
        ),
    ),
    "chat": (
        Entry(
            "chat",
            {
                "every": "10m",
                "url": "https://www.example.net/",
                "open": "Chat with us",
                "frame": "iframe#chat",
                "field": "Type a message",
                "message": "ping {nonce}",
                "answer": "You said: ping {nonce}",
            },
        ),
    ),
    "websocket": (
        Entry(
            "chat-socket",
            {
                "every": "1m",
                "component": "chat",
                "url": "wss://chat.example.net/socket",
                "send": "ping",
                "answer": "pong",
            },
        ),
    ),
    "webrtc-call": (
        Entry(
            "browser-call",
            {
                "every": "15m",
                "expect": ["certificate_days >= 14", "answer_seconds <= 4"],
                "url": "wss://edge.example.net/ws",
                "user": "6101",
                "password": {"credential": "webrtc"},
                "to": "8000",
                "script": [{"agent": "agent-01", "within": "20s"}],
                "stun": ["stun:turn.example.net:3478"],
                "turn": ["turn:turn.example.net:3478?transport=udp", "turns:turn.example.net:5349"],
                "turn_user": "agents",
                "turn_password": {"credential": "turn"},
            },
        ),
    ),
    "webrtc-browser": (
        Entry(
            "agents-browser",
            {
                "every": "30m",
                "expect": ["concealed_percent <= 5"],
                "url": "wss://edge.example.net/ws",
                "user": "6101",
                "password": {"credential": "webrtc"},
                "to": "8000",
                "caller": {"user": "6102", "password": {"credential": "webrtc-caller"}},
                "turn": ["turn:turn.example.net:3478?transport=udp"],
                "turn_user": "agents",
                "turn_password": {"credential": "turn"},
            },
            remark="Needs a Chromium on this host, as in: apt install chromium-headless-shell",
        ),
    ),
}

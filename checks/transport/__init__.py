"""The ways to a far end that every kind shares: connect, TLS, datagrams, HTTP, WebSocket, and what
an error means.
"""

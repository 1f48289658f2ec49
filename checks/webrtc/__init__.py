"""Calls as a browser's softphone makes them: SIP over WebSocket, ICE, DTLS-SRTP."""

"""A small telephone exchange: SIP (RFC 3261) over UDP, TCP and TLS, RTP (RFC 3550) with G.711 and
RFC 4733 keys.

transport → transactions → exchange (dispatch) → leg (one dialog) ─┬─ ivr (what callers hear)
                               └ registrar                         └─ queue (who answers them)
"""

"""A small telephone exchange: SIP (RFC 3261) over UDP, TCP and TLS, RTP (RFC 3550) with G.711 and
RFC 4733 keys.

    transport > transactions > exchange > leg (one dialog) > ivr (what callers hear)
                               registrar                   > queue (who answers them)

switchboard.py says what the parts may ask of each other; only lab/centre.py imports exchange.py.
"""

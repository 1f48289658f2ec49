"""SIP on the wire (RFC 3261, RFC 4566): messages, transactions, digest, the ladder, and causes
(Q.850).
"""

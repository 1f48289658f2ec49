"""How a probe reaches a far end, whatever it then talks: addresses, connections, TLS, and what
breaks them.

`faults` has the one table from an error to a fault code or to CannotTell; `tls` the one maker of
TLS contexts.
"""

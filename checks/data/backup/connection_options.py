"""What every session of PostgreSQL that dumps, loads or compares begins with."""

# Money is written by the server's own lc_monetary, and read by the other server's: in C by both.
POSTGRESQL_OPTIONS = (
    "-c default_transaction_read_only=off -c quote_all_identifiers=off -c lc_monetary=C"
)

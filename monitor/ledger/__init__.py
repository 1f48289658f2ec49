"""The ledger: observations, verdicts, incidents, history, orders and receipts, on SQLite or
PostgreSQL. The only place with SQL.
"""

from monitor.ledger.acceptances import AcceptanceRow, ProposalRow
from monitor.ledger.access import LedgerAccess
from monitor.ledger.attempts import AttemptRow, Purpose
from monitor.ledger.errors import AlreadyOpen, LedgerFault
from monitor.ledger.history import HistoryRow
from monitor.ledger.incidents import IncidentRow, IncidentState
from monitor.ledger.ledger import Ledger, Transaction
from monitor.ledger.letters import LetterState, OutboxMessage, OutboxRow, ReceiptRow
from monitor.ledger.slots import SlotRow

__all__ = [
    "AcceptanceRow",
    "AlreadyOpen",
    "AttemptRow",
    "HistoryRow",
    "IncidentRow",
    "IncidentState",
    "Ledger",
    "LedgerAccess",
    "LedgerFault",
    "LetterState",
    "OutboxMessage",
    "OutboxRow",
    "ProposalRow",
    "Purpose",
    "ReceiptRow",
    "SlotRow",
    "Transaction",
]

"""Time, judgement, memory, tickets: the daemon."""

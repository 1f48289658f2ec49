"""Letters on their way out: the outbox, and the last resort past it."""

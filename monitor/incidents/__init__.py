"""From verdicts to tickets: correlation, deadlines, recipients, and what people do with a ticket."""

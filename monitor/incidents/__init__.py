"""From attempts to incidents: what they amount to, and whom that has to be told to."""

"""The status page, its metrics and its state of health: a process of its own beside the daemon."""

"""What the looking process does, a file for each kind. Each has `STAGES`, and `look(at: Look)`,
which goes through them; nothing here knows settings models, and nothing here is imported by the
daemon.
"""

"""TOML into frozen models: every fault at once, with its path and what would be right."""

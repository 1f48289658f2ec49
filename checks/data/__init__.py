"""Checks of data: usage from call records, backups that are proven to restore, hygiene."""

"""Checks that telephone: calls, trunks, the sound and what it proves."""

"""Recorded words, for a host that cannot speak a ticket's own: 8 kHz mono 16-bit WAV files (made by
tests/house/recorded_words.py).
"""

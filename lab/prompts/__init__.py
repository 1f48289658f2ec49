"""The centre's announcements: 8 kHz mono 16-bit WAV files, generated speech (see generate.py)."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

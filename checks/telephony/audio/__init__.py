"""Media truth: what the sound of a call is, as a value with its evidence. Only for child processes
(numpy).

    tones → progress (whose tone is it?) ─┐
    texture (frozen, choppy, music ...) ──┼→ nature (one word for it, by precedence)
    echo (our own sound coming back)      ┘

Rules: what is not surely something else stays "unknown"; a human voice is never called a tone or
music (tests/unit/test_media.py holds that against recorded voices).
"""

"""The demo: a practice contact centre, the real daemon, trouble and repair."""

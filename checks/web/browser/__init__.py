"""A browser of our own: one long-lived Chromium in a child process, shared by all checks of this
daemon that need one.

Rules: the daemon never imports Playwright; each check has a context of its own (cookies, storage),
and at most two are at work at once; a browser that dies, hangs or does not start is CannotTell,
never a fault of the far end.
"""

"""Facts about the world: each check places one attempt and says what it saw. Never imports monitor,
reports or lab.
"""

"""Facts about the world: each check places one attempt and says what it saw. Never imports monitor,
reports or lab.
"""

# reveille-monitor: whose package this is (monitor/start.py looks for this line)

"""Time, judgement, memory, tickets: the daemon."""

# reveille-monitor: whose package this is (monitor/start.py looks for this line)

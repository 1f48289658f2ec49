"""Facts into words: report and ticket data, and the templates that say it. Never imports monitor,
checks or lab.
"""

# reveille-monitor: whose package this is (monitor/start.py looks for this line)

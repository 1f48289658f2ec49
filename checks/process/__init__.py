"""Child processes: how each is started, followed and ended, and what it may bring along.

A child has a guard (guard.py) between itself and the daemon. Whatever ends (the daemon, the child,
the time it was given), the guard ends the rest of it: also what called setsid, also what was
orphaned. parent.py is the daemon's side, child.py the child's; events.py makes a trace of what a
child tells; channel.py is for the processes that are ordered about.
"""

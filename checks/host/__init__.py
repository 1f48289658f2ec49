"""The host itself: services, resources, disks, clock, databases, queues, virus, intrusion and toll
fraud.

Each kind looks in a process of its own at low priority (child.py), so that a slow disk, a driver or
a scanner is never in the daemon. Rule: what is installed is used; what is missing, forbidden or not
reached is said, and never counts as good.
"""

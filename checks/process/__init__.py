"""Child processes: one parent for all of them, and the manners of a child."""

"""What can be backed up: one engine for each kind of source, its dump, its restore and its restore
test.
"""

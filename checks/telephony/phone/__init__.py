"""The process of one call: a telephone on pjsua2, under orders of the daemon. Nothing here runs in
the daemon.
"""

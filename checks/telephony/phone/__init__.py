"""The process of one call: a telephone on pjsua2, ordered about by the daemon. Nothing here runs in
the daemon.
"""

"""The program laid down as a service of a host: user, folders, rights, units, credentials; and
taken away again.

Rules: what is wanted is a list of steps, worked out before anything is touched; a step that is so
already is not taken, so that every verb may be typed twice; nothing of an administrator's own (his
drop-ins, his secrets, his configuration's text) is ever written over.
"""

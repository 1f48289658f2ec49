"""`python -I -S no_programs.py SERVER ARGUMENT...`: becomes a database server that can start no
program, not even a shell (landlock(7)).

`COPY … TO PROGRAM`, `archive_command` and their like end in execve(2) of /bin/sh: whoever becomes
superuser of the drill's server has no use of it. It is the second wall: a kernel without Landlock
has the sandbox alone. Imports nothing of the house, since there is little to be had in a sandbox.
"""

from __future__ import annotations

import ctypes
import glob
import os
import struct
import sys

# The numbers of landlock_create_ruleset, …_add_rule, …_restrict_self: the same on every machine.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
# LANDLOCK_ACCESS_FS_EXECUTE, LANDLOCK_RULE_PATH_BENEATH, PR_SET_NO_NEW_PRIVS
_EXECUTE, _BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
# The kernel opens the loader of a dynamic program as it opens the program itself.
_LOADERS = ("/lib64/ld-*.so.*", "/lib/ld-*.so.*", "/lib/*/ld-*.so.*")


def restrict(programs: list[str]) -> bool:
    """From now on only these programs can be started; False where the kernel has no Landlock."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    rules = call(_CREATE, ctypes.create_string_buffer(struct.pack("=Q", _EXECUTE), 8), 8, 0)
    if rules < 0:
        return False
    loaders = [path for pattern in _LOADERS for path in glob.glob(pattern)]  # noqa: PTH207 - light
    for path in (*programs, *loaders):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", _EXECUTE, place), 12)
        if call(_ADD, rules, _BENEATH, rule, 0) < 0:
            return False
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(call(_RESTRICT, rules, 0) == 0)


if __name__ == "__main__":
    restrict([os.path.realpath(sys.argv[1])])
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted

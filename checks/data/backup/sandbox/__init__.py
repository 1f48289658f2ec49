"""Where a backup is restored for its proof: a sandbox, since to restore is to run what a stranger
may have written.

    outside.py        the worker's side: unpacks, hands the plain files over by their descriptors,
                      takes what is told; the program in there is drill.py
    wire.py           lines of JSON and descriptors between the two
    bubblewrap.py     the sandbox of a checkout; reveille-drill@.service is that of an installed
                      one
    system_calls.py   the calls of the kernel that nothing in there has a reason for
    no_programs.py    a server that can start no program

Rule 1: there is no restore for proof outside of a sandbox; where none can be had the proof is
refused, with the reason. Rule 2: no secret, no address and no expected result goes in; what comes
out is data: bounded, and judged outside. Rule 3: whatever ends the worker ends the sandbox.
"""

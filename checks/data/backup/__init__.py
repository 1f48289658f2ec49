"""Backups that are proven to restore: taken under one snapshot, restored every night, compared row
for row.

    check.py                the kinds `backup` and `backup-proof`: their settings, and the attempt
    run/worker.py           the child process that does all of the work; run/parent.py is the
                            daemon's side of it
    run/backup_run.py       the way of a backup: space, dump, write, publish, copy
    run/proof.py            the way of a proof: unpack, restore elsewhere, compare, drop
    run/restoring.py        the way back: restore beside the live one, prove, then change places
    store/repository.py     the folder: lock, partial, publish, list, sweep; store/manifest.py is
                            what lies in it, the proof too
    store/retention.py      which backups may go (pure)
    engines/                what is backed up: PostgreSQL, MariaDB, SQLite, a directory

Rule 1: nothing has a name before it is whole: written aside, fsynced, renamed, the folder fsynced.
Rule 2: no shell and no pipe whose status nobody reads; what a tool says on standard error is kept.
Rule 3: a backup counts when it was restored and found equal to what the snapshot held; before that
it is a file. Rule 4: secrets reach the worker on its standard input and the tools in their
environment, never in arguments.
"""

"""What a far end sent, read in a process of its own: a JSON document against its schema, a page for
its elements, a text for an administrator's pattern.

A pattern may take for ever, and a page may be made to: the process is ended then, and
the daemon goes on.
"""

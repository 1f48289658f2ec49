"""Lines that calls are placed over: who is on them, and how many calls they have had. Shared by all
processes of one state folder.
"""

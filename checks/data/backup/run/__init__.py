"""The three roads: a backup, its proof, a restore; the worker process that walks them, and its
parent.
"""

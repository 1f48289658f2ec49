"""What the command line can do: one function a verb, taking its arguments and returning the exit
code.
"""

"""What a call sounds like in figures: the E-model (ITU-T G.107) and the counts of both streams (RFC
3550).
"""

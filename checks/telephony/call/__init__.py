"""One call as the daemon sees it: its line, its script, its legs, and the judgement of what was
heard.
"""

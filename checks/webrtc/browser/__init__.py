"""A call by an agent's own means: JsSIP in a real Chromium. `jssip.js` is made by `bundle.sh` and
never edited.
"""

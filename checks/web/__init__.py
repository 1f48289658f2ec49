"""Checks that look at web things: portals, pages, sockets."""

"""Asterisk's manager interface (AMI): log-in, PRI spans, queues."""

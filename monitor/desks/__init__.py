"""Helpdesks. A desk knows tickets and mails, never verdicts. It says only "later" or "never"."""

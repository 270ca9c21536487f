"""Accounts: the ways to log in."""

"""Presence: which users are online, on any node."""

"""Permissions: rules in the Valve language, and the one place that asks them."""

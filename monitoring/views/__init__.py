"""The operators' pages about what is live."""

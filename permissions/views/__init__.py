"""The operators' pages about rules."""

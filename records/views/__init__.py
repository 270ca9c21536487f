"""The operators' pages about records."""

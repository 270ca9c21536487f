"""Records in the REST API."""

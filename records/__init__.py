"""Records: JSON documents with a version, kept in step with everyone who subscribed to them."""

"""What is live at a node, for the operators' pages and the REST API."""

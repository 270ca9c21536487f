"""The cluster: how nodes find each other and tell each other what changed."""

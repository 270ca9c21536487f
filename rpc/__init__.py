"""Remote procedure calls: a request, a provider chosen for it, and its answer."""

"""The frame of the REST API at /rest/v1/: the endpoints themselves are in each app's ``api.py``."""

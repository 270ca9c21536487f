"""The Django project: settings, configuration, URLs and the ASGI application."""

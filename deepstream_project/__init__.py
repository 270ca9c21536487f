"""The Django project: settings, configuration, URLs and the ASGI application."""

from deepstream_project import compiled

IS_COMPILED = compiled.use()
"""Whether the modules on the way of every message are machine code in this process."""

"""The subcommands of ``manage.py deepstream``, a module each (CONFIG.md, Command line)."""

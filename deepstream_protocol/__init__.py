"""Deepstream's wire formats, sans-I/O: bytes or text to messages and back.

Imports only the standard library and orjson, so clients and servers can both use it.
"""

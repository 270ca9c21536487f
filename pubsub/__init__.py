"""Who is connected and who wants what: connections, subscriptions and listeners, without Django.

Imports only the standard library and what stands below it, ``deepstream_protocol``.
"""

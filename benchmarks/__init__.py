"""What the server costs: loads over real sockets (``python -m benchmarks.compare``, docs/benchmarks.md)."""

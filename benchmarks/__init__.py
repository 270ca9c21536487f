"""What the server costs: loads over real sockets (``python -m benchmarks.run``, docs/benchmarks.md)."""

"""What a message costs in bytecodes and calls, which is the same on every machine (docs/benchmarks.md)."""

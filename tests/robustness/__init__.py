"""Proofs of robustness: real servers as subprocesses, killed, starved and abused over real sockets."""

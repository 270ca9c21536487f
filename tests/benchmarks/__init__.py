"""The load generator: that it puts on the loads it says, and that it finds out what goes wrong."""

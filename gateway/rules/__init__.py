"""The rules as a running server has them: where they come from, how they are replaced and tried."""

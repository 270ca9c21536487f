"""The HTTP API: JSON messages in the body of a request, answered like those of a WebSocket."""

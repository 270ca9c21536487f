"""The Autobahn test suite against the WebSocket protocol class."""

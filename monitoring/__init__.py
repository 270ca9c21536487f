"""Monitoring: what the server is doing, as metrics, a health check and a dashboard."""

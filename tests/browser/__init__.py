"""The operators' pages in a real browser, Debian's Chromium, against a live server."""

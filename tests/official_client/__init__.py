"""The official JavaScript client as the judge: scenarios in ``tests/node``, run against real servers."""

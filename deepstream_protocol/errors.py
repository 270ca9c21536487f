"""The errors that reading and writing a wire format can raise."""


class ProtocolError(ValueError):
    """Bytes or text that are no deepstream message; the text says why, for the log."""


class UnknownTopic(ProtocolError):
    """A well-formed message about a topic that no client may speak about (PROTOCOL.md section 2)."""

    def __init__(self, topic: int) -> None:
        super().__init__(f"unknown topic {topic}")
        self.topic = topic

"""Events: messages to whoever subscribed to a name, kept nowhere."""

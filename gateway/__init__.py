"""The edge of the house: sockets, consumers and HTTP. It knows every part and decides nothing."""

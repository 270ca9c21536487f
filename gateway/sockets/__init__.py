"""From bytes to messages: what takes the place of uvicorn's own classes, without anything of deepstream."""

"""The WebSocket paths that a configuration asks for, and the one address that serves every client."""

from __future__ import annotations

from asyncio import AbstractEventLoop

from deepstream_project.config_network import Endpoints
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.text import TextCodec
from gateway.detection import Detection
from gateway.endpoint import Endpoint
from gateway.host import Host
from gateway.text_session import TextEndpoint


def open_endpoints(node: Host, wanted: Endpoints, loop: AbstractEventLoop) -> dict[str, Endpoint]:
    """An endpoint for each path; on the binary one, clients of the other wires are let in as well."""
    binary = Endpoint(node, BinaryCodec(), wanted.binary, loop) if wanted.binary else None
    json = Endpoint(node, JsonCodec(), wanted.json, loop) if wanted.json else None
    text = TextEndpoint(node, TextCodec(), wanted.text, loop) if wanted.text else None
    patience = wanted.text.legacy_detection if wanted.text else None
    if binary is not None and (json is not None or patience is not None):
        binary.detection = Detection(
            binary, json=json, text=None if patience is None else text, patience=patience or 0.0, loop=loop
        )
    pairs = ((wanted.binary, binary), (wanted.json, json), (wanted.text, text))
    return {settings.url_path: endpoint for settings, endpoint in pairs if settings and endpoint}

"""Google's protobuf with the project's schema, as the measure of the binary wire format."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import deepstream_protocol
from tests.deepstream_protocol.google_wire import GoogleWire

SCHEMA_FILE = Path(deepstream_protocol.__file__).with_name("deepstream.proto")


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> GoogleWire:
    """Google's reading and writing of every topic's messages, made from ``deepstream.proto``."""
    return GoogleWire(_compile(tmp_path_factory.mktemp("protobuf")))


def _compile(target: Path) -> Any:
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{SCHEMA_FILE.parent}", f"--python_out={target}"]
    subprocess.run([*command, SCHEMA_FILE.name], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location("deepstream_pb2", target / "deepstream_pb2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

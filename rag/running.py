"""How the command reaches a server that runs on the same data folder: its control socket, one JSON line each way."""

from __future__ import annotations

import hashlib
import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from rag.errors import RagError

LONGEST_PATH = 100
"""Bytes of a socket's path; the kernel takes 107."""


class NoServer(RagError):
    """No server is running on the data folder."""


def socket_path(data: Path) -> Path:
    """Where the socket of a data folder is: in it, or under a short name where its path is too long."""
    path = data.resolve() / "control.sock"
    if len(str(path).encode()) <= LONGEST_PATH:
        return path
    name = hashlib.blake2b(str(path).encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"ohlora-{name}.sock"


def ask_server(data: Path, command: str) -> Any:
    """Has the running server of a data folder carry out a command without arguments. Blocks until it has.

    Raises:
        NoServer: none is running there.
        RagError: the server refused, or went away meanwhile.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_path(data)))
        except OSError:
            raise NoServer(f"no server is running on {data}") from None
        try:
            connection.sendall(json.dumps({"command": command, "arguments": {}}).encode() + b"\n")
            answer = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
        except (OSError, ValueError):
            raise RagError("the server went away in the middle of the command; ask it again") from None
    if "error" in answer:
        raise RagError(f"the server refused: {answer['error']}")
    return answer["result"]

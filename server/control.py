"""How operator commands reach a running server: a Unix socket in the data folder, one JSON line each way.

Whoever may write into the data folder may use it; it is never reachable over the network.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from character.errors import CharacterError
from rag.running import socket_path
from server.errors import ServerError

logger = logging.getLogger(__name__)

LONGEST_LINE = 1 << 20

Handler = Callable[[dict[str, Any]], Awaitable[Any]]


class ControlError(ServerError):
    """The running server refused a command; the message says why."""


class Control:
    """The server's end.

    Args:
        data: the data folder, held by this server.
        handlers: what answers each command: keyword arguments as a dict in, something JSON takes out.
    """

    def __init__(self, data: Path, handlers: dict[str, Handler]) -> None:
        self._path, self._handlers = socket_path(data), handlers
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # left by a server that was killed; the folder's lock is ours
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_LINE)
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            answer = await self._answer(line)
            writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError) as error:  # gone, or a line beyond the limit
            logger.warning("control socket: %s", error)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            handler = self._handlers[asked["command"]]
        except (ValueError, KeyError, TypeError):
            return {"error": "the server does not know this command; is it of another version?"}
        try:
            return {"result": await handler(asked.get("arguments", {}))}
        except (ServerError, CharacterError) as error:
            return {"error": str(error)}
        except Exception as error:  # an operator's command must not end the server, and must not look carried out
            logger.exception("command %s failed", asked["command"])
            return {"error": f"{type(error).__name__}: {error}"}


def ask(data: Path, command: str, **arguments: Any) -> Any:
    """Has the running server of a data folder carry out a command. Blocks until it has.

    Raises:
        ConnectionError: no server is running there.
        ControlError: the server refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(socket_path(data)))
        except OSError as error:
            raise ConnectionError(f"no server is running on {data}") from error
        connection.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    try:
        found = json.loads(answer)
    except ValueError:
        raise ControlError("the server went away in the middle of the command") from None
    if "error" in found:
        raise ControlError(found["error"])
    return found["result"]

"""The command goes through the server that runs on the folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rag.errors import RagError
from rag.running import NoServer, ask_server
from server.control import Control
from server.errors import ServerError


async def test_a_running_server_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    async def rebuild(arguments: dict[str, Any]) -> int:
        asked.append("rebuild")
        return 7

    control = Control(tmp_path, {"memory.rebuild": rebuild})
    await control.start()
    try:
        assert await asyncio.to_thread(ask_server, tmp_path, "memory.rebuild") == 7
        assert asked == ["rebuild"]
    finally:
        await control.close()


async def test_a_refusal_is_told_in_one_line(tmp_path: Path) -> None:
    async def refuse(arguments: dict[str, Any]) -> None:
        raise ServerError("the index is being made")

    control = Control(tmp_path, {"memory.check": refuse})
    await control.start()
    try:
        with pytest.raises(RagError, match="the index is being made"):
            await asyncio.to_thread(ask_server, tmp_path, "memory.check")
    finally:
        await control.close()


def test_without_a_server_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoServer, match="no server is running"):
        ask_server(tmp_path, "memory.wake")

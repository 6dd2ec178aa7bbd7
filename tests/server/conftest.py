"""A running server on a free port, with a scripted language model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from character.lorebook import load_morphology
from server.app import App
from server.settings import Settings
from server.storage import accounts
from tests.fakes import Client, LetterEmbedder, ScriptedModel, calm


class Running:
    """A server under test and what it takes to talk to it."""

    def __init__(self, app: App, model: ScriptedModel, stack: AsyncExitStack) -> None:
        self.app, self.model, self._stack = app, model, stack
        self.port = app.port

    def token(self, name: str = "minji") -> str:
        """A token of the account, which is made if there is none."""

        def issue(connection: Any) -> str:
            known = {account.name: account for account, _ in accounts.all_accounts(connection)}
            return accounts.issue_token(connection, known.get(name) or accounts.add_account(connection, name))

        return self.app.services.database.write_now(issue)

    async def client(self, name: str = "minji", **options: Any) -> Client:
        return await self._stack.enter_async_context(await Client.open(self.port, token=self.token(name), **options))


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts servers on the test's own data folder; closes clients first, then servers."""
    await asyncio.to_thread(load_morphology)  # as the program does at its start; it may take seconds
    async with AsyncExitStack() as servers, AsyncExitStack() as clients:

        async def begin(model: ScriptedModel | None = None, renderer: Any = None, **settings: Any) -> Running:
            chosen = model or ScriptedModel()
            loose = {"turns_per_minute": 6000.0, "turn_burst": 1000, "frames_per_second": 5000.0, "frame_burst": 5000}
            loose["memory"] = "off"  # it loads heavy libraries; its tests turn it on
            given = Settings(port=0, data=tmp_path, **(loose | settings))
            app = App(given, chosen, calm, load_embedder=LetterEmbedder, renderer=renderer)
            await app.start()
            servers.push_async_callback(app.close)
            return Running(app, chosen, clients)

        yield begin

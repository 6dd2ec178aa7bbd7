"""Servers with a judge of conduct, to be killed; otherwise as `tests.server.kill_server`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from server.app import App
from server.settings import Settings
from server.storage.database import lock_data
from tests.fakes import ScriptedModel, calm
from tests.scripted_judge import WordJudge
from tests.server import kill_server


async def serve(data: Path) -> None:
    with lock_data(data):
        settings = Settings(port=0, data=data, turns_per_minute=1e6, turn_burst=10**6, memory="off")
        app = App(settings, ScriptedModel(kill_server.story, pace=0.002), calm, conduct_judge=WordJudge())
        await app.start()
        conduct = app.services.conduct
        assert conduct is not None
        conduct.pace = 0.002
        print(os.getpid(), app.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    kill_server.serve = serve
    kill_server.main()

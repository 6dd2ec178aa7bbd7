"""Servers to be killed: each line on stdin names a data folder and starts a process that serves it with a scripted model.

The process prints ``PID PORT``. It is forked off this one, which has imported all that a server needs, so that fifty starts
take seconds and not minutes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from character.language_model import GenerationRequest
from server import http
from server.app import App
from server.settings import Settings
from server.storage.database import lock_data
from tests.fakes import ScriptedModel, calm


def story(request: GenerationRequest) -> Sequence[str | float | Exception]:
    """A dozen small pieces; every third reply without a tag, so that the classifier has its part."""
    said = request.messages[-1].content
    pieces = [f"{said}, {number}. " for number in range(12)]
    return pieces if len(said) % 3 == 0 else ["<감정:기", "쁨:0.8> ", *pieces]


async def serve(data: Path) -> None:
    with lock_data(data):
        app = App(
            Settings(port=0, data=data, turns_per_minute=1e6, turn_burst=10**6, memory="off"),
            ScriptedModel(story, pace=0.002), calm,
        )  # fmt: skip
        await app.start()
        print(os.getpid(), app.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    heavy = {"torch", "transformers", "kiwipiepy", "sklearn"} & set(sys.modules)
    assert not heavy, f"the server loads {heavy} before it is needed"
    http.read_files = dict  # type: ignore[assignment] # the page plays no part here, and packing it takes time
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(serve(Path(line.strip())))
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()

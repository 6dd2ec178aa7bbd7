"""``python -m server``: the server and the operator's commands."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from server.commands import accounts, adapters, conduct
from server.settings import Settings, SettingsError, add_arguments, load

if TYPE_CHECKING:
    from character.conduct.judgement import Judge
    from character.emotion import Emotion
    from stylegan.renderer import FaceRenderer

logger = logging.getLogger("server")

COMMANDS: dict[str, Any] = {"account": accounts, "adapter": adapters, "conduct": conduct}
"""Modules with ``build_parser()`` and ``run(options, settings)``."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Oh-LoRA 오로라: a virtual-character chat server. Without a command it serves.",
        epilog="commands: 'account' (accounts and tokens), 'adapter' (LoRA adapters, swapped while it runs), "
        "'conduct' (warnings, bans and appeals). "
        "Each has its own --help.",
    )
    add_arguments(parser)
    return parser


def load_judge() -> Callable[[str], Emotion]:
    """The bundled emotion classifier."""
    from character.emotion_classifier import EmotionClassifier

    return EmotionClassifier.bundled().judge


def load_conduct_judge(settings: Settings) -> Judge | None:
    """What judges messages; None, and a line in the log, where it is turned off or there is none.

    Raises:
        CharacterError: the model that the settings name cannot be loaded.
    """
    from character.conduct.judge import load_judge
    from character.errors import CharacterError

    if settings.conduct == "off":
        logger.info("conduct is off: nothing is judged, and no ban holds")
        return None
    try:
        judge = load_judge(settings.conduct_model)
    except CharacterError as error:
        if settings.conduct_model != "bundled":
            raise
        logger.warning("conduct judging is off: %s", error)
        return None
    judge.judge("아, 진짜 바보 같은 하루였어.")  # what is made at the first use is made now
    return judge


def load_renderer(settings: Settings) -> FaceRenderer | None:
    """What draws her face; None, and a line in the log, where it is turned off or its weights are not there.

    Raises:
        StyleganError: the folder that the settings name holds no face that can be used.
    """
    if settings.face == "off":
        return None
    from stylegan.identity import BUNDLED
    from stylegan.renderer import FaceRenderer

    if settings.face == "bundled" and not (BUNDLED / "config.json").is_file():
        logger.warning("the bundled face is missing from %s: the page shows her light alone", BUNDLED)
        return None
    logger.info("loading face %s", settings.face)
    renderer = FaceRenderer.load(settings.face, settings.device)
    renderer.warm_up()
    return renderer


async def serve(settings: Settings) -> None:
    """Loads the models, starts the server, prints where it is, and serves until it is told to stop."""
    from character.loading import load_language_model
    from character.lorebook import load_morphology
    from server.app import App, settle_interpreter
    from server.commands.accounts import login_link
    from server.storage.accounts import LOCAL, add_account, all_accounts
    from server.storage.database import Database, lock_data

    with lock_data(settings.data):
        # Look at the database before the model is loaded: a damaged file should be told at once.
        database = Database(settings.database_url)
        try:
            if not database.write_now(all_accounts):
                database.write_now(lambda connection: add_account(connection, LOCAL))
            names = [account.name for account, _ in database.write_now(all_accounts) if not account.disabled]
        finally:
            database.close()
        renderer = await asyncio.to_thread(load_renderer, settings)
        logger.info("loading language model %s", settings.llm)
        model = await asyncio.to_thread(
            load_language_model,
            settings.llm,
            adapter=settings.adapter or None,
            device=settings.device,
            max_batch=settings.max_batch or None,
            api_key=settings.api_key or None,
            context_length=settings.context_length or None,
            remote_model=settings.remote_model or None,
        )
        conduct_judge = await asyncio.to_thread(load_conduct_judge, settings)
        app = App(settings, model, load_judge(), conduct_judge=conduct_judge, renderer=renderer)
        # Korean morphology for lorebook keys takes a second to load; no turn should wait for it.
        morphology = asyncio.create_task(asyncio.to_thread(load_morphology))
        try:
            await app.start()
            settle_interpreter()
            link = f"http://{settings.host}:{app.port}/"
            if LOCAL in names:
                link = login_link(app.services.database, settings, app.port, LOCAL)
            print(f"\n오로라가 기다리고 있어요. 브라우저에서 여세요 (open in a browser):\n\n    {link}\n", flush=True)
            await app.run_until_signal()
        finally:
            await asyncio.gather(morphology, return_exceptions=True)
            await model.close()
            if renderer is not None:
                renderer.close()


def run(settings: Settings) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(settings))
    else:
        uvloop.run(serve(settings))


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        options = build_parser().parse_args(arguments)
    else:
        options = command.build_parser().parse_args(arguments[1:])
    try:
        settings = load(options, dict(os.environ))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("websockets").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)

    from character.errors import CharacterError
    from server.errors import ServerError
    from stylegan.errors import StyleganError

    try:
        if command is None:
            run(settings)
        else:
            command.run(options, settings)
    except (CharacterError, ServerError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

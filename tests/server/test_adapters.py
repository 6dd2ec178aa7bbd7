"""LoRA adapters of a running server: swapped without a restart, kept over one."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest

from character.errors import AdapterError
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.local_model import LocalModel
from server.adapters import AdapterFolder, Adapters
from server.commands import adapters as command
from server.control import ControlError, ask, socket_path
from server.settings import Settings
from tests.fakes import ScriptedModel
from tests.server.conftest import Start
from tests.tiny_models import tiny_llama, tiny_lora


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base and three adapters: two that fit it and one that does not."""
    folder = tmp_path_factory.mktemp("models")
    base = tiny_llama(folder / "base", max_position_embeddings=4096)
    tiny_lora(folder / "warm", base, seed=1)
    tiny_lora(folder / "cool", base, seed=2)
    tiny_lora(folder / "foreign", tiny_llama(folder / "other", hidden_size=48))
    return folder


@pytest.fixture
async def model(models: Path) -> Any:
    model = LocalModel(models / "base", adapters={"default": models / "warm"}, device="cpu")
    yield model
    await model.close()


def run(data: Path, *arguments: str) -> None:
    options = command.build_parser().parse_args([*arguments, "--data", str(data)])
    command.run(options, Settings(data=data))


async def run_beside(data: Path, *arguments: str) -> None:
    await asyncio.to_thread(run, data, *arguments)


async def test_a_running_server_takes_another_adapter_and_goes_back(
    start: Start, model: LocalModel, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await start(model)

    async def hear() -> str:
        greedy = Sampling(temperature=0.0, max_new_tokens=20)
        return "".join(
            [piece async for piece in model.stream(GenerationRequest((ChatMessage("user", "안녕"),), greedy))]
        )

    before = await hear()
    await run_beside(tmp_path, "use", str(models / "cool"))
    assert "cool talks from now on" in capsys.readouterr().out
    assert await hear() != before
    await run_beside(tmp_path, "use", "default")
    assert await hear() == before
    assert model.adapters() == ("default",)


async def test_the_adapter_in_use_outlives_a_restart_and_the_folder_it_was_trained_in(
    start: Start, models: Path, tmp_path: Path
) -> None:
    trained = tiny_lora(tmp_path / "runs" / "mine", models / "base", seed=3)
    await run_beside(tmp_path / "data", "use", str(trained))
    for file in trained.iterdir():
        file.unlink()
    model = LocalModel(models / "base", device="cpu")
    try:
        await Adapters(model, AdapterFolder(tmp_path / "data")).start()
        assert model.adapter == "mine"
    finally:
        await model.close()


async def test_an_adapter_for_another_model_is_refused_and_the_old_one_stays(
    start: Start, model: LocalModel, models: Path, tmp_path: Path
) -> None:
    await start(model)
    with pytest.raises(ControlError, match="for another model"):
        await run_beside(tmp_path, "use", str(models / "foreign"))
    assert model.adapter == "default"
    assert AdapterFolder(tmp_path).active == "default"


async def test_a_kept_adapter_that_no_longer_fits_does_not_keep_the_server_from_starting(
    model: LocalModel, models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, "use", str(models / "foreign"))
    await Adapters(model, AdapterFolder(tmp_path)).start()
    assert model.adapter == "default"
    assert "going on with default" in caplog.text


async def test_a_model_behind_a_url_says_where_its_adapters_are_loaded(
    start: Start, models: Path, tmp_path: Path
) -> None:
    await start(ScriptedModel())
    with pytest.raises(ControlError, match="behind a URL"):
        await run_beside(tmp_path, "use", str(models / "cool"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["use", "nobody"], "no adapter 'nobody'; there are: default, none"),
        (["use", "../../etc"], "no adapter"),
        (["add", "{models}"], "has no adapter_config.json"),
        (["add", "{models}/warm", "--name", "default"], "cannot be an adapter's name"),
        (["add", "{models}/warm", "--name", "../up"], "cannot be an adapter's name"),
        (["remove", "warm"], "no adapter 'warm'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], says: str, models: Path, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=says) as caught:
        run(tmp_path, *(part.format(models=models) for part in arguments))
    assert "\n" not in str(caught.value)


def test_the_adapter_in_use_is_not_deleted(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "use", str(models / "warm"))
    with pytest.raises(AdapterError, match="in use"):
        run(tmp_path, "remove", "warm")
    run(tmp_path, "use", "none")
    run(tmp_path, "remove", "warm")
    capsys.readouterr()
    run(tmp_path, "list")
    shown = capsys.readouterr().out
    assert "warm" not in shown
    assert "none" in shown


def test_without_a_server_a_question_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="no server is running"):
        ask(tmp_path, "adapter.use", name="default")


async def test_nonsense_on_the_control_socket_is_answered(start: Start, tmp_path: Path) -> None:
    await start()
    with pytest.raises(ControlError, match="does not know"):
        await asyncio.to_thread(ask, tmp_path, "launch.missiles")
    reader, writer = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
    writer.write(b"\xff\x00 no json\n")
    assert b"does not know" in await reader.readline()
    writer.close()


def test_the_socket_of_a_deep_folder_has_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    assert len(str(socket_path(deep)).encode()) <= 100


def test_the_commands_name_their_arguments() -> None:
    parser = command.build_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    with pytest.raises(SystemExit):
        parser.parse_args(["use"])

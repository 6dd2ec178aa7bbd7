"""Settings: each is a flag, an environment variable ``OHLORA_*`` and a key of a TOML file, in that order of precedence.

This module imports nothing heavy, so that ``python -m server --help`` answers at once.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from character.conduct.ladder import LadderTable

PREFIX = "OHLORA_"
SECRETS = {"api_key"}
"""Settings whose value is never shown."""


class SettingsError(Exception):
    """A setting is wrong; the message is one line per problem, each naming the setting."""


class Settings(BaseSettings):
    """Everything that can be set. The description of a field is its help text."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8765, description="port to listen on; 0 takes a free one")
    data: Path = Field(Path("data"), description="folder for database, backups and uploads")
    database: str = Field("", description="database URL (default: sqlite:///DATA/ohlora.sqlite3)")

    llm: str = Field(
        "bundled",
        description="language model: 'bundled', a local folder, a hub id, or an OpenAI-compatible URL http://…/v1",
    )
    adapter: str = Field("", description="LoRA adapter folder for a local model (default: the bundled model's own)")
    remote_model: str = Field("", description="model name at the URL (default: the first it lists)")
    api_key: str = Field("", description="key for the URL; better set as OHLORA_API_KEY than as a flag")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    context_length: Annotated[int, Field(ge=0)] = Field(
        0, description="tokens of prompt and reply together (default: the model's own; 4096 for a URL)"
    )
    max_batch: Annotated[int, Field(ge=0, le=512)] = Field(
        0, description="chats that generate at once (default: 8 on a CPU, 32 on CUDA)"
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None,
        description="0 is deterministic, higher is more varied (default: 0.3 for the bundled model, 0.7 for others)",
    )
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="nucleus sampling: probability mass to keep")
    top_k: Annotated[int, Field(ge=0)] = Field(40, description="tokens to keep when sampling; 0 keeps all")
    repetition_penalty: Annotated[float, Field(ge=1, le=2)] = Field(1.0, description="1 does not penalise")
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = Field(160, description="longest reply in tokens")

    face: str = Field("bundled", description="her face: 'bundled', a folder that training.face wrote, or 'off'")
    face_fps: Annotated[int, Field(ge=1, le=60)] = Field(
        20, description="frames a second while she speaks or moves; fewer where the machine or a client is slower"
    )

    memory: Literal["on", "off"] = Field("on", description="on or off: whether she remembers what users tell her")
    chroma: str = Field("", description="http://… of a Chroma server for the vectors of memories (default: in DATA)")
    embedder: str = Field(
        "bundled", description="sentence-transformers model of the memories: 'bundled', a local folder or a hub id"
    )
    extraction: Literal["auto", "patterns", "model"] = Field(
        "auto",
        description="what finds memories: 'patterns', 'model' (patterns and the language model) or 'auto' (the model where "
        "it can: not the bundled one, unless it was measured to)",
    )

    conduct: Literal["on", "off"] = Field("on", description="on or off: whether she draws a line at abuse")
    conduct_model: str = Field(
        "bundled", description="judge of messages: 'bundled', a local folder or a hub id of a sequence classifier"
    )
    conduct_voice: Literal["auto", "written", "model"] = Field(
        "auto",
        description="who words her warnings: 'written' lines, the language 'model', or 'auto' (the model where it is a URL)",
    )
    conduct_ladder: LadderTable = Field(
        LadderTable(), description="warnings and bans, a TOML table; see docs/conduct.md"
    )
    conduct_text_days: Annotated[int, Field(ge=1)] = Field(
        90, description="days for which the words of a warning or ban are kept"
    )
    conduct_alert: str = Field(
        "off", description="who is told when a message tells of self-harm: 'off', 'log' or the URL of a webhook"
    )

    origins: list[str] = Field(
        [], description="further Origins that may open the socket, e.g. https://chat.example.org (comma-separated)"
    )
    hosts: list[str] = Field([], description="further Host headers to answer, e.g. chat.example.org (comma-separated)")
    turns_per_minute: Annotated[float, Field(gt=0)] = Field(
        30, description="turns of one account per minute, on average"
    )
    turn_burst: Annotated[int, Field(ge=1)] = Field(10, description="turns that may come at once")
    frames_per_second: Annotated[float, Field(gt=0)] = Field(
        40, description="frames of one account per second, on average"
    )
    frame_burst: Annotated[int, Field(ge=1)] = Field(200, description="frames that may come at once")
    connections_per_account: Annotated[int, Field(ge=1)] = Field(20, description="open connections of one account")
    max_connections: Annotated[int, Field(ge=1)] = Field(2000, description="open connections in all")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

    @field_validator("origins", "hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("conduct_alert")
    @classmethod
    def _off_log_or_url(cls, value: str) -> str:
        if value in ("off", "log") or re.match(r"https?://\S+$", value):
            return value
        raise ValueError("write 'off', 'log' or an http(s) URL")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'ohlora.sqlite3'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
        )  # `load` lays flags over environment over file, so that each problem can name its source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One flag per setting, and ``--config``."""
    group = parser.add_argument_group(
        "settings", "each also as environment variable OHLORA_NAME or as key in the TOML file"
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="TOML file (default: ohlora.toml where it exists)")
    for name, field in Settings.model_fields.items():
        shown = "none" if field.default in ("", []) else field.default
        default = "" if "(default" in (field.description or "") else f" (default: {shown})"
        group.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=name.upper(),
            default=None,
            help=((field.description or "") + default).replace("%", "%%"),
        )


def _environment(environ: dict[str, str]) -> dict[str, str]:
    given = {key[len(PREFIX) :].lower(): value for key, value in environ.items() if key.upper().startswith(PREFIX)}
    if unknown := sorted(set(given) - set(Settings.model_fields)):
        raise SettingsError(f"environment variable {PREFIX}{unknown[0].upper()}: there is no such setting")
    return given


def _file(path: Path | None) -> tuple[dict[str, Any], str]:
    chosen = path or Path("ohlora.toml")
    if not chosen.is_file():
        if path is not None:
            raise SettingsError(f"settings file {path} does not exist")
        return {}, ""
    try:
        values = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {chosen}: {error}") from None
    values = {key.replace("-", "_"): value for key, value in values.items()}
    if unknown := sorted(set(values) - set(Settings.model_fields)):
        raise SettingsError(f"settings file {chosen}: there is no setting {unknown[0]!r}")
    return values, str(chosen)


def load(arguments: argparse.Namespace, environ: dict[str, str]) -> Settings:
    """Settings from parsed flags, environment and file.

    Raises:
        SettingsError: one line per wrong setting, naming where it was set.
    """
    file, path = _file(arguments.config)
    environment = _environment(environ)
    flags = {name: value for name in Settings.model_fields if (value := getattr(arguments, name, None)) is not None}
    try:
        return Settings(**{**file, **environment, **flags})
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0])
            if name in flags:
                source = f"--{name.replace('_', '-')}"
            elif name in environment:
                source = f"{PREFIX}{name.upper()}"
            else:
                source = f"{path}: {name}"
            given = "" if name in SECRETS else f" {problem['input']!r}"
            lines.append(f"{source}{given}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
        raise SettingsError("\n".join(lines)) from None

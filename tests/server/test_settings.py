"""Settings: where they come from, how they are explained, and what is said of a wrong one."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.__main__ import build_parser, main
from server.commands import accounts as account_commands
from server.settings import Settings, SettingsError, load

NAMES = sorted(Settings.model_fields)


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no settings of this machine, leave nothing in its folders, and never start a server."""
    monkeypatch.setattr("server.__main__.run", lambda settings: pytest.fail(f"these settings were taken: {settings}"))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("OHLORA_")]:
        monkeypatch.delenv(name)


def read(*flags: str, environ: dict[str, str] | None = None) -> Settings:
    return load(build_parser().parse_args(flags), environ or {})


# --- precedence


def test_without_anything_set_the_defaults_hold() -> None:
    settings = read()
    assert settings.port == 8765
    assert settings.host == "127.0.0.1"
    assert settings.llm == "bundled"
    assert settings.database_url == "sqlite:///data/ohlora.sqlite3"


def test_a_flag_goes_before_the_environment_and_that_before_the_file() -> None:
    Path("ohlora.toml").write_text('port = 1001\ntop_k = 1\nllm = "from/file"\n')
    environ = {"OHLORA_PORT": "1002", "OHLORA_TOP_K": "2"}
    settings = read("--port", "1003", environ=environ)
    assert (settings.port, settings.top_k, settings.llm) == (1003, 2, "from/file")
    assert read(environ=environ).port == 1002
    assert read().port == 1001


def test_a_named_file_takes_the_place_of_the_usual_one() -> None:
    Path("ohlora.toml").write_text("port = 1001\n")
    Path("other.toml").write_text('turns-per-minute = 5\nhosts = ["a.example", "b.example"]\n', encoding="utf-8")
    settings = read("--config", "other.toml")
    assert settings.port == 8765
    assert settings.turns_per_minute == 5
    assert settings.hosts == ["a.example", "b.example"]


def test_lists_are_separated_by_commas_in_flags_and_in_the_environment() -> None:
    assert read("--origins", "https://a.example, https://b.example,").origins == [
        "https://a.example",
        "https://b.example",
    ]
    assert read(environ={"OHLORA_HOSTS": "a.example,b.example"}).hosts == ["a.example", "b.example"]
    assert read("--hosts", "", environ={"OHLORA_HOSTS": "a.example"}).hosts == []


def test_the_environment_is_read_whatever_its_case() -> None:
    assert read(environ={"ohlora_port": "1002"}).port == 1002


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_be_set_in_each_of_the_three_ways(name: str) -> None:
    wanted = {
        "host": "::1", "port": 1, "data": "elsewhere", "device": "cuda:1", "log_level": "debug", "temperature": 0.25,
        "top_p": 0.25, "repetition_penalty": 1.25, "origins": ["https://x"], "hosts": ["x"], "turns_per_minute": 2.5,
        "frames_per_second": 2.5, "memory": "off", "extraction": "model", "conduct": "off", "conduct_voice": "model",
        "conduct_alert": "log", "conduct_ladder": "decay_messages = 7",
    }.get(name, 7 if Settings.model_fields[name].annotation is int else "x")  # fmt: skip
    written = ",".join(wanted) if isinstance(wanted, list) else str(wanted)
    Path("by.toml").write_text(f"{name} = {json.dumps(wanted)}\n")
    by_flag = read(f"--{name.replace('_', '-')}", written)
    by_environment = read(environ={f"OHLORA_{name.upper()}": written})
    by_file = read("--config", "by.toml")
    assert by_flag == by_environment == by_file
    assert str(getattr(by_flag, name)) == str(wanted)
    assert getattr(by_flag, name) != getattr(read(), name)


# --- help


def help_of(parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "1000")
    return parser.format_help()


@pytest.mark.parametrize("name", NAMES)
def test_help_lists_every_setting_with_its_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_of(build_parser(), monkeypatch)
    (line,) = re.findall(rf"^  --{name.replace('_', '-')} .*(?:\n {{20}}.*)?$", text, re.M)
    default = Settings.model_fields[name].default
    assert "(default: " in line
    if default not in ("", [], 0, None):  # those are worked out from other settings, and the text says how
        assert f"(default: {default})" in line


def test_help_of_the_account_commands_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        account_commands.build_parser().parse_args(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in ("add", "list", "disable", "enable", "token", "login"))


@pytest.mark.parametrize("arguments", [["--help"], ["account", "--help"], ["account", "list", "--help"]])
def test_help_is_answered_without_loading_anything_heavy(arguments: list[str]) -> None:
    program = f"""
import runpy, sys
sys.argv = ["server", *{arguments!r}]
try:
    runpy.run_module("server", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {{"torch", "transformers", "websockets", "sqlalchemy", "kiwipiepy", "numpy", "sklearn", "PIL", "rich", "httpx"}}
print("loaded:", sorted(heavy & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, cwd=root
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"


# --- what is wrong


@pytest.mark.parametrize(
    ("flags", "environ", "file", "source"),
    [
        (["--port", "abc"], {}, "", "--port 'abc'"),
        (["--port", "70000"], {}, "", "--port '70000'"),
        (["--port", "-1"], {}, "", "--port '-1'"),
        (["--temperature", "nan"], {}, "", "--temperature 'nan'"),
        (["--turns-per-minute", "nan"], {}, "", "--turns-per-minute 'nan'"),
        (["--turns-per-minute", "inf"], {}, "", "--turns-per-minute 'inf'"),
        (["--frames-per-second", "0"], {}, "", "--frames-per-second '0'"),
        (["--top-p", "0"], {}, "", "--top-p '0'"),
        (["--log-level", "loud"], {}, "", "--log-level 'loud'"),
        ([], {"OHLORA_PORT": "abc"}, "", "OHLORA_PORT 'abc'"),
        ([], {"OHLORA_MAX_BATCH": "1.5"}, "", "OHLORA_MAX_BATCH '1.5'"),
        ([], {"OHLORA_NOSUCH": "1"}, "", "OHLORA_NOSUCH: there is no such setting"),
        ([], {}, "port = 'abc'", "ohlora.toml: port 'abc'"),
        ([], {}, "port = [1]", "ohlora.toml: port [1]"),
        ([], {}, "hosts = 5", "ohlora.toml: hosts 5"),
        ([], {}, "hosts = [5]", "ohlora.toml: hosts 5"),
        ([], {}, "llm = 5", "ohlora.toml: llm 5"),
        ([], {}, "nosuch = 1", "ohlora.toml: there is no setting 'nosuch'"),
        ([], {}, "[server]\nport = 1", "ohlora.toml: there is no setting 'server'"),
        ([], {}, "port = ", "ohlora.toml: "),
        ([], {}, "port = 1\nport = 2", "ohlora.toml: "),
        (["--config", "nowhere.toml"], {}, "", "settings file nowhere.toml does not exist"),
        (["--config", "."], {}, "", "settings file . "),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_its_source_and_the_exit_code_is_2(
    flags: list[str],
    environ: dict[str, str],
    file: str,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if file:
        Path("ohlora.toml").write_text(file)
    assert main(flags) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert source in text
    assert text.count("\n") == 1
    assert "Traceback" not in text
    assert "pydantic" not in text


def test_a_file_that_is_no_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ohlora.toml").write_bytes(b"port = 1 # \xff\xfe")
    assert main([]) == 2
    assert "ohlora.toml" in capsys.readouterr().err


def test_several_wrong_settings_are_told_together_one_line_each() -> None:
    with pytest.raises(SettingsError) as caught:
        read("--port", "abc", environ={"OHLORA_TOP_P": "7"})
    assert {line.split(" ")[0] for line in str(caught.value).splitlines()} == {"--port", "OHLORA_TOP_P"}


def test_an_unknown_flag_is_told_and_the_exit_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--nosuch", "1"])
    assert caught.value.code == 2
    assert "--nosuch" in capsys.readouterr().err


def test_a_secret_in_a_wrong_place_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ohlora.toml").write_text('api_key = ["hunter2"]\n')
    assert main([]) == 2
    text = capsys.readouterr().err
    assert "api_key" in text
    assert "hunter2" not in text


# --- the operator's commands


def account(*arguments: str) -> int:
    return main(["account", *arguments, "--data", "kept"])


def test_accounts_are_made_listed_closed_and_opened(capsys: pytest.CaptureFixture[str]) -> None:
    assert account("add", "minji") == 0
    token = capsys.readouterr().out.splitlines()[-1]
    assert len(token) > 30
    assert account("list") == 0
    listed = capsys.readouterr().out
    assert "minji" in listed
    assert token not in listed
    assert account("disable", "minji") == 0
    assert account("list") == 0
    assert "disabled" in capsys.readouterr().out
    assert account("enable", "minji") == 0
    assert account("token", "minji") == 0
    assert token not in capsys.readouterr().out
    assert account("login", "minji") == 0
    assert re.search(r"http://127\.0\.0\.1:8765/#login=\S{20,}", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["token", "nobody"], ["disable", "nobody"], ["login", "nobody"], ["add", "a b"]])
def test_a_command_that_cannot_be_carried_out_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert account(*arguments) == 1
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert text.count("\n") == 1


def test_a_damaged_database_or_a_data_folder_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("kept").mkdir()
    Path("kept/ohlora.sqlite3").write_bytes(b"x" * 5000)
    for arguments in (["account", "list", "--data", "kept"], ["account", "list", "--data", "kept/ohlora.sqlite3"]):
        assert main(arguments) == 1
        text = capsys.readouterr().err
        assert "kept/ohlora.sqlite3" in text
        assert text.count("\n") == 1


def test_a_login_link_names_an_address_a_browser_can_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert account("add", "minji") == 0
    for host, shown in (
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("::", "127.0.0.1"),
        ("192.168.0.7", "192.168.0.7"),
    ):
        assert account("login", "minji", "--host", host, "--port", "9000") == 0
        assert f"http://{shown}:9000/#login=" in capsys.readouterr().out

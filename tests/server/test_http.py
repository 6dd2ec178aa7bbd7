"""Plain HTTP and the door of the socket, over real connections, raw bytes included."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus

from server import session
from server.http import CONTENT_SECURITY_POLICY, Gate, read_files
from tests.fakes import Client, Refused
from tests.server.conftest import Running, Start


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        (value,) = [value for given, value in self.headers if given.lower() == name.lower()]
        return value


async def raw(port: int, request: bytes) -> bytes:
    """What the server answers to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


def parse(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), answer
    return Answer(int(first.split(" ")[1]), [tuple(line.split(": ", 1)) for line in rest], body)  # type: ignore[misc]


async def get(port: int, path: str, *headers: str, method: str = "GET", host: str | None = None) -> Answer:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", *headers]
    return parse(await raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")))


UPGRADE = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@pytest.fixture
async def server(start: Start) -> Running:
    return await start()


# --- the page


async def test_the_page_comes_with_headers_that_keep_foreign_code_out(server: Running) -> None:
    for path in ("/", "/index.html", "/?lang=ko", "/#x"):
        page = await get(server.port, path)
        assert page.status == 200
        assert page["Content-Type"] == "text/html; charset=utf-8"
        assert page["Content-Length"] == str(len(page.body))
        assert page["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert page["X-Content-Type-Options"] == "nosniff"
        assert page["Referrer-Policy"] == "no-referrer"
        assert page["Server"] == "ohlora"
        names = [name.lower() for name, _ in page.headers]
        assert len(names) == len(set(names))


def test_the_policy_allows_nothing_from_elsewhere_and_no_inline_script() -> None:
    policy = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY


def test_the_page_itself_keeps_to_the_policy() -> None:
    page = read_files()["/"].body.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>\s*\S", page)
    assert not re.search(r"""\son\w+\s*=\s*["']""", page)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


async def test_every_file_of_the_page_is_served_with_its_type(server: Running) -> None:
    for path, file in read_files().items():
        answer = await get(server.port, path)
        assert (answer.status, answer["Content-Type"], answer.body) == (200, file.media_type, file.body)
        assert answer["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("encodings", ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "GZIP"])
async def test_a_browser_that_takes_gzip_gets_gzip(server: Running, encodings: str) -> None:
    page = await get(server.port, "/", f"Accept-Encoding: {encodings}")
    assert page["Content-Encoding"] == "gzip"
    assert page["Vary"] == "Accept-Encoding"
    assert gzip.decompress(page.body) == read_files()["/"].body
    assert page["Content-Length"] == str(len(page.body))


@pytest.mark.parametrize("encodings", ["identity", "gzip;q=0", "gzip; q=0.000, br", "x-notgzip"])
async def test_one_that_takes_no_gzip_gets_none(server: Running, encodings: str) -> None:
    page = await get(server.port, "/", f"Accept-Encoding: {encodings}")
    assert not any(name == "Content-Encoding" for name, _ in page.headers)
    assert page.body == read_files()["/"].body


async def test_an_unchanged_file_is_not_sent_again(server: Running) -> None:
    etag = (await get(server.port, "/"))["ETag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await get(server.port, "/", f"If-None-Match: {given}")
        assert (answer.status, answer.body) == (304, b"")
        assert answer["ETag"] == etag
        assert answer["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    for given in ('"other"', etag.strip('"'), "nonsense", ""):
        assert (await get(server.port, "/", f"If-None-Match: {given}")).status == 200


@pytest.mark.parametrize("header", ["Accept-Encoding: gzip", 'If-None-Match: "x"', "Upgrade: h2c", "X-Other: 1"])
async def test_a_header_that_stands_twice_is_no_fault_of_the_server(server: Running, header: str) -> None:
    assert (await get(server.port, "/", header, header)).status == 200
    assert (await get(server.port, "/ws", header, header)).status == 426


# --- health and metrics


async def test_health_tells_version_and_model(server: Running) -> None:
    answer = await get(server.port, "/healthz")
    assert answer.status == 200
    assert answer["Content-Type"] == "application/json"
    told = json.loads(answer.body)
    assert (told["status"], told["model"]) == ("ok", "scripted")


async def test_metrics_are_prometheus_text_and_name_nobody(server: Running) -> None:
    client = await server.client("minji-the-private")
    chat = await client.new_chat()
    await client.say(chat, "아무도 모르는 비밀")
    answer = await get(server.port, "/metrics")
    text = answer.body.decode()
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'ohlora_turns_total{reason="complete"} 1.0' in text
    assert "ohlora_connections 1.0" in text
    assert re.search(r"^ohlora_first_word_seconds_count 1\.0$", text, re.M)
    assert "minji" not in text
    assert chat not in text
    assert "비밀" not in text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .*|[a-z_]+(\{[^}]*\})? \S+", line)


# --- who may ask


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/ws", "/nowhere"])
async def test_a_wrong_missing_or_doubled_host_is_refused_on_every_route(server: Running, path: str) -> None:
    port = server.port
    for host in (
        "evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", f"127.0.0.1:{port}.evil.example",
        f"127.0.0.1:{port}@evil.example", f"127.0.0.2:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port},evil.example", "",
        f"user@127.0.0.1:{port}", f"[::2]:{port}",
    ):  # fmt: skip
        line = f"Host: {host}\r\n"
        answer = parse(await raw(port, f"GET {path} HTTP/1.1\r\n{line}\r\n".encode()))
        assert answer.status == 421, host
        assert b"--hosts" in answer.body
    good = f"Host: 127.0.0.1:{port}\r\n"
    for lines in ("", good + good, good + "Host: evil.example\r\n", "Host: evil.example\r\n" + good):
        assert parse(await raw(port, f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())).status == 421, lines


async def test_this_machine_may_be_called_by_any_of_its_names(server: Running) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert (await get(server.port, "/", host=f"{host}:{server.port}")).status == 200


async def test_a_host_that_was_named_in_the_settings_is_answered(start: Start) -> None:
    server = await start(hosts=["Chat.Example.org"], origins=["https://Chat.example.org/"])
    assert (await get(server.port, "/", host="chat.example.org")).status == 200
    assert (await get(server.port, "/", host="other.example.org")).status == 421
    opened = await connect(f"ws://127.0.0.1:{server.port}/ws", origin="https://chat.example.org", proxy=None)  # type: ignore[arg-type]
    await opened.close()


def test_the_gate_knows_the_address_it_listens_on_in_any_spelling() -> None:
    def allowed(gate: Gate, host: str) -> bool:
        return gate.host_allowed(Headers({"Host": host}))

    assert allowed(Gate("MyBox.local", 8765, [], []), "mybox.local:8765")
    assert allowed(Gate("fd00::1", 8765, [], []), "[fd00::1]:8765")
    assert not allowed(Gate("0.0.0.0", 8765, [], []), "0.0.0.0:8765")
    assert allowed(Gate("127.0.0.1", 80, [], []), "localhost")
    assert not allowed(Gate("127.0.0.1", 8765, [], []), "localhost")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "", "file://", "http://127.0.0.1:{port}.evil.example",
     "ws://127.0.0.1:{port}", "http://127.0.0.1:{port}/path", "http://user@127.0.0.1:{port}"],
)  # fmt: skip
async def test_a_foreign_origin_does_not_get_the_socket(server: Running, origin: str) -> None:
    answer = await get(server.port, "/ws", *UPGRADE, f"Origin: {origin.format(port=server.port)}")
    assert answer.status == 403


async def test_two_origins_are_one_too_many(server: Running) -> None:
    own = f"Origin: http://127.0.0.1:{server.port}"
    assert (await get(server.port, "/ws", *UPGRADE, own, own)).status == 403
    assert (await get(server.port, "/ws", *UPGRADE, own, "Origin: https://evil.example")).status == 403


async def test_the_page_and_programs_get_the_socket(server: Running) -> None:
    port = server.port
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}", f"https://localhost:{port}", None):
        async with connect(f"ws://127.0.0.1:{port}/ws", origin=origin, proxy=None):  # type: ignore[arg-type]
            pass


# --- what is not there


TRAVERSAL = [
    "..",
    "%2e%2e",
    "%2E%2E",
    "%252e%252e",
    "..%2f",
    "..%5c",
    "..\\",
    "%c0%ae%c0%ae",
    "..;",
    "%uff0e%uff0e",
    ".%00.",
    "....",
]
TARGETS = [
    "server/app.py",
    "data/ohlora.sqlite3",
    "etc/passwd",
    "pyproject.toml",
    "server/web/index.html",
    "css/../../app.py",
]


async def test_no_path_leads_out_of_the_page(server: Running) -> None:
    paths = [f"{route}{step}/{target}" for step in TRAVERSAL for target in TARGETS for route in ("/", "/css/", "/ws/")]
    paths += [
        f"/{'../' * 8}etc/passwd",
        "/" + "%2e%2e/" * 8 + "etc/passwd",
        "//etc/passwd",
        "/css//../index.html",
        "/./index.html",
    ]
    paths += [f"/{step}{rest}" for step in TRAVERSAL for rest in ("", "/healthz", "/metrics", "/ws", "/index.html")]
    paths += [
        "/healthz/../index.html",
        "/metrics%2f..%2findex.html",
        "/ws/../index.html",
        "/css",
        "/css/",
        "/js/",
        "/.git/config",
    ]
    paths += [
        "http://127.0.0.1/index.html",
        "//127.0.0.1/index.html",
        "//[",
        "http://[",
        "//[::1",
        "*",
        "index.html",
        "?",
        "#",
        "/%",
    ]
    paths += [
        "/index.html/",
        "/index.html%00",
        "/INDEX.HTML",
        "/healthz/",
        "/\tindex.html",
        "/ind\tex.html",
        "/\x7f",
        "/app.py",
    ]
    answers = await asyncio.gather(*(get(server.port, path) for path in paths))
    for path, answer in zip(paths, answers, strict=True):
        assert answer.status in (400, 404), path
        assert b"import" not in answer.body
        assert b"root:" not in answer.body


async def test_nothing_that_is_asked_for_makes_the_server_log_a_fault(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for path in ("//[", "/" + "a" * 3000, "/%ff", "/ws?x=1", "/ws#x", "/?" + "a=1&" * 100):
            await get(server.port, path)
        await get(server.port, "/ws", "Upgrade: websocket", "Upgrade: websocket")
        await get(server.port, "/", "If-None-Match: \xff\xfe", "Accept-Encoding: \xff")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "CONNECT", "get", "BREW"]
)
async def test_only_get_is_answered(server: Running, method: str) -> None:
    for path in ("/", "/healthz", "/metrics", "/ws", "/nowhere"):
        answer = await get(server.port, path, method=method)
        assert answer.status == 405, path
        assert answer["Allow"] == "GET"
        if method == "HEAD":
            assert answer.body == b""


async def test_a_request_with_a_body_is_refused(server: Running) -> None:
    for head in ("Content-Length: 5", "Transfer-Encoding: chunked"):
        answer = await raw(
            server.port, f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{head}\r\n\r\nhello".encode()
        )
        assert not answer.startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/ws/", "/ws/x", "/WS", "/nowhere", "//ws", "/%77s"])
async def test_the_socket_opens_at_its_path_only(server: Running, path: str) -> None:
    answer = await get(server.port, path, *UPGRADE)
    assert answer.status in (200, 404)
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None)


async def test_the_path_of_the_socket_tells_a_browser_what_it_is(server: Running) -> None:
    assert (await get(server.port, "/ws")).status == 426
    assert (await get(server.port, "/ws", "Connection: Upgrade", "Upgrade: h2c")).status == 426
    assert (await get(server.port, "/ws", *UPGRADE[:2])).status in (400, 426)


@pytest.mark.parametrize(
    "request_bytes",
    [b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nHost\r\n\r\n",
     b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n", b"\0" * 5000,
     b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)  # fmt: skip
async def test_bytes_that_are_no_request_get_no_page(server: Running, request_bytes: bytes) -> None:
    answer = await raw(server.port, request_bytes + b"\r\n\r\n")
    assert not answer.startswith(b"HTTP/1.1 2")
    assert (await get(server.port, "/healthz")).status == 200


# --- logging in


async def test_a_wrong_token_is_refused_and_the_connection_closed(server: Running) -> None:
    server.token()
    for token in ("", "wrong", "x" * 200, "' OR 1=1 --", "\0", "\u202e가"):
        with pytest.raises(Refused, match="unauthorized"):
            await Client.open(server.port, token=token)


async def first_frame(server: Running, frame: str | bytes) -> tuple[dict[str, object], int | None]:
    """The answer to a first frame, and the code the connection is closed with."""
    async with connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as socket:
        await socket.send(frame)
        answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
        await asyncio.wait_for(socket.wait_closed(), 10)
        return answer["data"], socket.close_code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"v":1,"type":"hello","data":{"token":"wrong"}}', "unauthorized"),
        ('{"v":1,"type":"hello","data":{}}', "unauthorized"),
        ('{"v":1,"type":"chat.list"}', "unauthorized"),
        ('{"v":1,"type":"turn.send","chat":"x","data":{"client_id":"a","text":"b"}}', "unauthorized"),
        ('{"v":2,"type":"hello"}', "bad_request"),
        ("nonsense", "bad_request"),
        (b"\x00\x01", "bad_request"),
    ],
)
async def test_whoever_does_not_begin_with_a_good_hello_is_closed_with_1008(
    server: Running, frame: str | bytes, code: str
) -> None:
    error, closed = await first_frame(server, frame)
    assert error["code"] == code
    assert closed == 1008


async def test_whoever_says_nothing_is_closed_after_the_limit(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOGIN_SECONDS", 0.2)
    async with connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as socket:
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert (socket.close_code, socket.close_reason) == (1008, "no hello")
    assert "ohlora_connections 0.0" in (await get(server.port, "/metrics")).body.decode()


async def test_the_server_does_not_wait_for_whoever_says_nothing_when_it_closes(server: Running) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as socket:
        await asyncio.wait_for(server.app.close(), 3)
        assert socket.close_code == 1012
    await server.app.start()

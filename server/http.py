"""What the port answers to plain HTTP: the page, ``/healthz``, ``/metrics``; and who may open the socket.

Files are read once at start into a table of exact paths, so no request can name a file that is not in it.
"""

from __future__ import annotations

import gzip
import hashlib
import http
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

WEB = Path(__file__).parent / "web"
SOCKET_PATH = "/ws"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class StaticFile:
    body: bytes
    compressed: bytes
    media_type: str
    etag: str


def read_files(folder: Path = WEB) -> dict[str, StaticFile]:
    """Every file of the page by its exact path; ``/`` is ``index.html`` and ``/admin`` is ``admin.html``."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        body = path.read_bytes()
        media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        files["/" + path.relative_to(folder).as_posix()] = StaticFile(body, gzip.compress(body), media_type, etag)
    for page, address in (("/index.html", "/"), ("/admin.html", "/admin")):
        if page in files:
            files[address] = files[page]
    return files


class Gate:
    """Checks Host and Origin, against DNS rebinding and cross-site sockets, on loopback as well.

    Args:
        host: the address the server listens on.
        port: the port it got.
        hosts: further Host names to answer (with or without port).
        origins: further Origins that may open the socket.
    """

    def __init__(self, host: str, port: int, hosts: list[str], origins: list[str]) -> None:
        names = {"127.0.0.1", "localhost", "[::1]"}
        if host not in ("0.0.0.0", "::", ""):  # noqa: S104 - comparing, not binding
            names.add(f"[{host}]".lower() if ":" in host else host.lower())
        self._hosts = {f"{name}:{port}" for name in names} | {name.lower() for name in hosts}
        if port in (80, 443):
            self._hosts |= names
        self._origins = {f"http://{name}" for name in self._hosts} | {f"https://{name}" for name in self._hosts}
        self._origins |= {origin.rstrip("/").lower() for origin in origins}

    def host_allowed(self, headers: Headers) -> bool:
        values = headers.get_all("Host")
        return len(values) == 1 and values[0].lower() in self._hosts

    def origin_allowed(self, headers: Headers) -> bool:
        """A browser always sends an Origin with a socket; a program that sends none is no cross-site attack."""
        values = headers.get_all("Origin")
        return not values or (len(values) == 1 and values[0].rstrip("/").lower() in self._origins)


def listed(headers: Headers, name: str) -> list[str]:
    """The comma-separated values of a header, in lower case; it may stand more than once."""
    return [part.strip().lower() for value in headers.get_all(name) for part in value.split(",")]


def takes_gzip(headers: Headers) -> bool:
    for accepted in listed(headers, "Accept-Encoding"):
        coding, _, quality = accepted.replace(" ", "").partition(";")
        if coding == "gzip":
            return not re.fullmatch(r"q=0(\.0*)?", quality)
    return False


def unchanged(headers: Headers, etag: str) -> bool:
    """Whether the browser has the file already; a proxy may have weakened the tag."""
    return any(given.removeprefix("w/") in (etag, "*") for given in listed(headers, "If-None-Match"))


class HttpRoutes:
    """Answers everything that is not the websocket handshake."""

    def __init__(self, gate: Gate, metrics: Callable[[], bytes], health: Callable[[], bytes]) -> None:
        self._gate, self._metrics, self._health = gate, metrics, health
        self._files = read_files()

    def __call__(self, request: Request) -> Response | None:
        """The response to ``request``; None lets the websocket handshake go on."""
        if not self._gate.host_allowed(request.headers):
            return self._text(
                http.HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not answer to that Host. Name it with --hosts if it should.\n",
            )
        if request.method != "GET":
            text = "" if request.method == "HEAD" else "Only GET is answered here.\n"
            return self._text(http.HTTPStatus.METHOD_NOT_ALLOWED, text, Allow="GET")
        path = request.path.partition("?")[0].partition("#")[0]
        if path == SOCKET_PATH:
            if not self._gate.origin_allowed(request.headers):
                return self._text(
                    http.HTTPStatus.FORBIDDEN, "Foreign Origin. Name it with --origins if it should be allowed.\n"
                )
            if listed(request.headers, "Upgrade") != ["websocket"]:
                return self._text(http.HTTPStatus.UPGRADE_REQUIRED, "This is the websocket; open / in a browser.\n")
            return None
        if path == "/healthz":
            return self._respond(http.HTTPStatus.OK, self._health(), "application/json")
        if path == "/metrics":
            return self._respond(http.HTTPStatus.OK, self._metrics(), "text/plain; version=0.0.4; charset=utf-8")
        file = self._files.get(path)
        if file is None:
            return self._text(http.HTTPStatus.NOT_FOUND, "There is nothing here. The page is at /.\n")
        if unchanged(request.headers, file.etag):
            return self._respond(http.HTTPStatus.NOT_MODIFIED, b"", file.media_type, ETag=file.etag)
        if takes_gzip(request.headers):
            return self._respond(
                http.HTTPStatus.OK, file.compressed, file.media_type, ETag=file.etag, Content_Encoding="gzip"
            )
        return self._respond(http.HTTPStatus.OK, file.body, file.media_type, ETag=file.etag)

    def _text(self, status: http.HTTPStatus, text: str, **extra: str) -> Response:
        return self._respond(status, text.encode(), "text/plain; charset=utf-8", **extra)

    @staticmethod
    def _respond(status: http.HTTPStatus, body: bytes, media_type: str, **extra: str) -> Response:
        headers = Headers(
            {
                "Content-Type": media_type,
                "Content-Length": str(len(body)),
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "no-cache",
                "Vary": "Accept-Encoding",
                "Connection": "close",
            }
        )
        for name, value in extra.items():
            headers[name.replace("_", "-")] = value
        return Response(status.value, status.phrase, headers, body)

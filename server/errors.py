"""Errors of the server, each with the code that goes over the wire.

::

    ServerError
    ├── BadRequest        "bad_request"    a frame that is malformed or makes no sense now
    ├── NotFound          "not_found"      an id that is not there, or not this account's
    ├── Unauthorized      "unauthorized"   no valid token or login code
    ├── TurnLive          "turn_live"      the chat already has a live turn
    ├── RateLimited       "rate_limited"   too many requests of this account
    ├── Banned            "banned"         the account may not talk for now
    ├── Forbidden         "forbidden"      for operators only
    ├── TooLarge          "too_large"      text or upload beyond its limit
    ├── ModelFailed       "model_failed"   the language model is down or failed
    └── StorageError      "storage"        the database cannot be used
"""


class ServerError(Exception):
    """Base of the errors a client is told about.

    Attributes:
        code: short English identifier for programs.
        text: Korean sentence for people: what was wrong and what to do.
    """

    code = "internal"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class BadRequest(ServerError):
    code = "bad_request"


class NotFound(ServerError):
    code = "not_found"


class Unauthorized(ServerError):
    code = "unauthorized"


class TurnLive(ServerError):
    code = "turn_live"


class RateLimited(ServerError):
    code = "rate_limited"


class Banned(ServerError):
    code = "banned"


class Forbidden(ServerError):
    code = "forbidden"


class TooLarge(ServerError):
    code = "too_large"


class ModelFailed(ServerError):
    code = "model_failed"


class StorageError(ServerError):
    code = "storage"

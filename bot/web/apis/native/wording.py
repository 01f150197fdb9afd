"""How the native API says what is wrong: a code for programs, a sentence for people, and what to do now."""

from collections.abc import Mapping

from msgspec import UNSET

from bot.errors import Conflict, Invalid, LimitReached, NoCredits, NotFound, Unavailable, UserError
from bot.usecases.codes import TooManyCodes
from bot.usecases.idempotency import KeyUsed
from bot.web.apis.native import wire
from bot.web.surface import REFUSED
from bot.web.wire import BadValue, Missing, WrongType

STATUSES: Mapping[type[UserError], int] = {
    Invalid: 400,
    LimitReached: 403,
    NoCredits: 402,
    NotFound: 404,
    Conflict: 409,
    KeyUsed: 422,
    TooManyCodes: 429,
    Unavailable: 503,
}
_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    402: "no_credits",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_encoding",
    422: "idempotency_key_used",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
_OWN_WORDS = {
    REFUSED[401]: ("no valid API key came with this request", "send it as x-api-key, or as Authorization: Bearer"),
    "Forbidden": ("this account may not do this", "ask whoever runs this server"),
    REFUSED[408]: ("the body of the request did not arrive within ten seconds", "send it again"),
    REFUSED[413]: ("the body of the request is larger than 256 KiB", "send it in parts"),
    REFUSED[415]: ("the body of the request is compressed", "send it without a Content-Encoding"),
    REFUSED[429]: ("this key asks more than 20 times a second", "wait as long as Retry-After says"),
    REFUSED[500]: ("Postbell failed to do this", "ask again; if it stays so, tell who runs it the X-Request-Id"),
    REFUSED[503]: ("the database cannot be reached or written to at present", "ask again as Retry-After says"),
    "Not Found": ("there is nothing at this path", "/docs lists all there is"),
    "Method Not Allowed": ("this method does nothing at this path", "the header Allow names those that do"),
}

_KINDS: Mapping[type[Exception] | type[None], str] = {
    BadValue: "invalid_value",
    LimitReached: "limit_reached",
    Missing: "missing_field",
    WrongType: "wrong_type",
    TooManyCodes: "too_many_codes",
}


class Wording:
    """``{"error": {"code", "message", "field"?, "hint"?}}``."""

    checks_values = True

    def body(self, status: int, text: str, error: Exception | None = None) -> wire.ErrorAnswer:
        text, hint = _OWN_WORDS.get(text, (text, ""))
        told = {name: getattr(error, name, "") for name in ("code", "field", "hint")}
        code = told["code"] or _KINDS.get(type(error)) or _CODES.get(status, "refused")
        return wire.ErrorAnswer(wire.Error(code, text, told["field"] or UNSET, told["hint"] or hint or UNSET))

    def not_an_object(self) -> str:
        return "the body must be one JSON object"

    def missing(self, field: str) -> str:
        return f"{field} is required"

    def wrong_type(self, field: str, kind: str) -> str:
        return f"{field} must be {'an' if kind[0] in 'aeiou' else 'a'} {kind}"

    def bad_value(self, field: str, reason: str) -> str:
        return f"{field}: {reason}"

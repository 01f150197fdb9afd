"""How it misbehaves, and what it refuses: answers as X words them (sources-x.md 9 and 10)."""

from dataclasses import dataclass, field
from typing import Any

PROBLEMS = "https://api.twitter.com/2/problems"


class Failure(Exception):
    """A refusal of one request."""

    def __init__(self, status: int, body: dict[str, Any], **headers: str) -> None:
        super().__init__(str(status))
        self.status, self.body, self.headers = status, body, headers

    @classmethod
    def invalid(cls, parameter: str, value: str, message: str) -> "Failure":
        problem = {
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{PROBLEMS}/invalid-request",
            "errors": [{"parameters": {parameter: [value]}, "message": message}],
        }
        return cls(400, problem)


@dataclass(frozen=True)
class Answer:
    """Instead of what was asked for."""

    status: int = 503
    body: bytes = b'{"title":"Service Unavailable","detail":"Service Unavailable","type":"about:blank","status":503}'
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    slow_seconds: float = 0.0
    cut: bool = False  # the connection ends in the middle of the body

    @classmethod
    def html(cls, status: int = 503) -> "Answer":
        return cls(status, b"<html><body><h1>Over capacity</h1></body></html>", "text/html")


UNAUTHORIZED = Answer(401, b'{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}')
OLD_UNAUTHORIZED = Answer(401, b'{"errors":[{"code":89,"message":"Invalid or expired token"}]}')
NO_CREDITS = Answer(
    402,
    b'{"title":"CreditsDepleted","detail":"Your enrolled account [123] does not have any credits to fulfill this'
    b' request.","type":"https://api.twitter.com/2/problems/credits","account_id":123}',
)
NOT_ENROLLED = Answer(
    403,
    b'{"client_id":"123","detail":"When authenticating requests to the Twitter API v2 endpoints, you must use keys and'
    b' tokens from a Twitter developer App that is attached to a Project.","title":"Client Forbidden",'
    b'"reason":"client-not-enrolled","type":"https://api.x.com/2/problems/client-forbidden"}',
)
CAPPED = Answer(
    429,
    b'{"title":"UsageCapExceeded","period":"Monthly","scope":"Product","detail":"Usage cap exceeded: Monthly product'
    b' cap","product_name":"standard-basic","account_id":123,'
    b'"type":"https://api.x.com/2/problems/usage-capped"}',
)
TOO_MANY = b'{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}'
OLD_TOO_MANY = b'{"errors":[{"code":88,"message":"Rate limit exceeded"}]}'
TOO_MANY_CONNECTIONS = {
    "title": "ConnectionException",
    "detail": "This stream is currently at the maximum allowed connection limit.",
    "connection_issue": "TooManyConnections",
    "type": "https://api.x.com/2/problems/streaming-connection",
}
NO_RULES = {
    "title": "ConnectionException",
    "detail": "This stream has no rules.",
    "type": "https://api.x.com/2/problems/streaming-connection",
}
DISCONNECT = {
    "errors": [
        {
            "title": "operational-disconnect",
            "disconnect_type": "UpstreamOperationalDisconnect",
            "detail": "This stream has been disconnected upstream for operational reasons.",
            "type": "https://api.x.com/2/problems/operational-disconnect",
        }
    ]
}


LIMITS: dict[str, int] = {
    "timeline": 10_000,
    "search": 450,
    "users": 300,
    "stream": 50,
    "rules": 450,
    "change_rules": 100,
    "activity": 450,
    "subscriptions": 450,
    "subscribe": 2_000,
    "unsubscribe": 450,
    "token": 1_000_000,
}
"""Requests in 15 minutes by endpoint, pay-per-use (sources-x.md 10)."""


@dataclass
class Rules:
    """What this X allows; changed while it runs."""

    limits: dict[str, int] = field(default_factory=lambda: dict(LIMITS))
    window_seconds: int = 900
    query_length: int = 512
    rule_length: int = 1024
    most_rules: int = 1000
    most_subscriptions: int = 1500
    keep_alive_seconds: float = 20.0
    new_names: bool = False  # answers in the vocabulary of August 2026
    old_limit_body: bool = False  # 429 as of old
    slow_seconds: float = 0.0

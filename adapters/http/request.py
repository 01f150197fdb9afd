"""Requests as bytes.  What is the same for every message to one address is put together once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from yarl import URL

METHODS: Final = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})
"""Those whose answers are framed alike; after HEAD and CONNECT other rules hold (RFC 9112, 6.3)."""

OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Header fields that no caller sets: where a request ends and whom it is for is decided here alone."""


class Origin(NamedTuple):
    """What connections are kept to."""

    tls: bool
    host: str  # IDNA; IPv6 without brackets
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    origin: Origin
    head: bytes  # what stands between the method and the caller's header fields

    def at(self, path: str) -> "Target":
        """Another path there, in place of "/"; with its query, as it is to be sent."""
        return Target(self.origin, b" %b%b" % (path.encode(), self.head.removeprefix(b" /")))


def target(url: URL, user_agent: str) -> Target:
    """Raises ValueError when this is nothing an HTTP request can be sent to."""
    host, port = url.raw_host, url.port
    if url.scheme not in ("http", "https") or not host or not port:
        raise ValueError("an address begins with https:// or http:// and names a host")
    if url.raw_user is not None or url.raw_password is not None:
        raise ValueError("an address contains no user name or password")
    lines = (f" {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}", f"User-Agent: {user_agent}", "")
    if not "".join(lines).isprintable():
        raise ValueError("an address has no control characters")
    return Target(Origin(url.scheme == "https", host, port), "\r\n".join(lines).encode())


def encode(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The whole request.  Raises ValueError for a method or header field that must not be sent."""
    if method not in METHODS:
        raise ValueError(f"{method!r} is not a method this client has")
    fields = ""
    for name, value in headers.items():
        if not _may_be_set(name) or not value.isprintable():  # no CR, LF or NUL gets past either
            raise ValueError(f"the header field {name!r} cannot be sent")
        fields += f"{name}: {value}\r\n"
    if body or method != "GET":  # of a GET without a body the length is not said (RFC 9110, 8.6)
        fields += f"Content-Length: {len(body)}\r\n"
    return b"%b%b%b\r\n%b" % (method.encode(), target.head, fields.encode(), body)


_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, 5.6.2


@lru_cache(256)
def _may_be_set(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None and name.lower() not in OURS

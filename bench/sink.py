"""The receiver of a measurement: takes every POST, as late and as unreliably as it is told to.

Counts what it accepted by ``webhook-id``, so that loss and repetition show, verifies signatures, and takes the
time from "visible at" in a body (``documents.py``) to its arrival.
"""

import asyncio
import hmac
import re
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from zlib import crc32

from bench.children import Answer
from bench.http1 import EMPTY, Exchange, header, serve

_OK = EMPTY % b"200 OK"
_FAILED = EMPTY % b"503 Service Unavailable"
_VISIBLE = re.compile(rb"visible at (\d+\.\d+)")


@dataclass(slots=True)
class Sink:
    latency: float = 0.0  # seconds before each answer
    failures: float = 0.0  # share of messages whose first attempt is refused
    secret: bytes = b""  # what messages are signed with; empty: nobody looks
    attempts: int = 0
    forged: int = 0
    unnamed: int = 0  # accepted without an id
    refused: set[bytes] = field(default_factory=set)
    accepted: dict[bytes, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)  # seconds from visible to accepted
    first_at: float = 0.0  # Unix seconds
    last_at: float = 0.0

    def take(self, head: bytes, body: bytes) -> bytes:
        self.attempts += 1
        self.last_at = time.time()
        self.first_at = self.first_at or self.last_at
        name = header(head, b"webhook-id")
        if not name:
            self.unnamed += 1
            return _OK
        if self.secret and not self.is_signed(head, name, body):
            self.forged += 1
        if self.failures and crc32(name) % 1000 < self.failures * 1000 and name not in self.refused:
            self.refused.add(name)
            return _FAILED
        times = self.accepted.get(name, 0)
        self.accepted[name] = times + 1
        if not times and (visible := _VISIBLE.search(body)):
            self.waits.append(self.last_at - float(visible[1]))
        return _OK

    def is_signed(self, head: bytes, name: bytes, body: bytes) -> bool:
        """By Standard Webhooks 1.0, with one secret."""
        signed = b"%s.%s.%s" % (name, header(head, b"webhook-timestamp"), body)
        expected = b"v1," + b64encode(hmac.digest(self.secret, signed, "sha256"))
        return hmac.compare_digest(header(head, b"webhook-signature"), expected)

    def stats(self) -> Answer:
        """``distinct`` ids, ``twice``: accepted again; waits as percentiles in seconds, null without any."""
        waits = sorted(self.waits)
        return {
            "attempts": self.attempts,
            "forged": self.forged,
            "unnamed": self.unnamed,
            "distinct": len(self.accepted),
            "twice": sum(self.accepted.values()) - len(self.accepted),
            "first_at": self.first_at,
            "seconds": self.last_at - self.first_at,
            **{f"p{p}": waits[int((len(waits) - 1) * p / 100)] if waits else None for p in (50, 95, 99, 100)},
        }


def main() -> None:
    sink = Sink()

    def start(latency: float = 0.0, failures: float = 0.0, secret: str = "") -> Answer:
        nonlocal sink
        sink = Sink(latency, failures, b64decode(secret.removeprefix("whsec_")))
        return {}

    def stats() -> Answer:
        return sink.stats()

    class Post(Exchange):
        def request(self, head: bytes, body: bytes) -> None:
            answer = sink.take(head, body)
            if sink.latency:
                asyncio.get_running_loop().call_later(sink.latency, self.transport.write, answer)
            else:
                self.transport.write(answer)

    serve(Post, {"start": start, "stats": stats})


if __name__ == "__main__":
    main()

"""The only way out: every byte that leaves for somebody else's machine goes through ``Outbound``.

``outbound`` holds the doors; ``egress`` decides which addresses may be dialled, ``resolver`` looks names up.  The
``client`` keeps ``connection``s and writes a ``request`` to get an ``answer``.  What is fetched comes over connections
for ``documents``, and ``inflate`` undoes its compression within bounds.  ``platform`` stands behind the rarer
doors, through aiohttp, whose errors ``trouble`` words; ``retry_after`` reads one header.
"""

from adapters.http.answer import Answer, NoAnswer, NotSent
from adapters.http.egress import DENIED, Egress, Kind
from adapters.http.inflate import TooLarge
from adapters.http.outbound import Fetched, Outbound
from adapters.http.platform import HandshakeRefused, NoConnection, Socket, Stream
from adapters.http.retry_after import retry_after

__all__ = [
    "DENIED",
    "Answer",
    "Egress",
    "Fetched",
    "HandshakeRefused",
    "Kind",
    "NoAnswer",
    "NoConnection",
    "NotSent",
    "Outbound",
    "Socket",
    "Stream",
    "TooLarge",
    "retry_after",
]

"""The only way out: every byte that leaves for somebody else's machine goes through ``Outbound``.

``egress`` decides which addresses may be dialled, ``resolver`` looks names up, ``outbound`` holds the
connections and their doors, ``platform`` what stands behind the two rarer ones, ``inflate`` undoes compression
within bounds, ``retry_after`` reads one header.
"""

from adapters.http.egress import DENIED, Egress, Kind
from adapters.http.inflate import TooLarge
from adapters.http.outbound import Answer, Fetched, NoAnswer, NotSent, Outbound
from adapters.http.platform import HandshakeRefused, NoConnection, Socket
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
    "TooLarge",
    "retry_after",
]

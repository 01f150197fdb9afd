"""The only way out: every byte that leaves for somebody else's machine goes through ``Outbound``.

``egress`` decides which addresses may be dialled, ``resolver`` looks names up, ``outbound`` holds the
connections and their doors, ``inflate`` undoes compression within bounds, ``retry_after`` reads one header.
"""

from adapters.http.egress import DENIED, Egress, Kind
from adapters.http.outbound import Answer, Fetched, NoAnswer, NotSent, Outbound
from adapters.http.retry_after import retry_after

__all__ = ["DENIED", "Answer", "Egress", "Fetched", "Kind", "NoAnswer", "NotSent", "Outbound", "retry_after"]

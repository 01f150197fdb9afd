"""What news of a message makes of a delivery, in whatever order and however often it comes (reliability page, 5.3)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

RANK = {"sent": 1, "delivered": 2, "read": 3}
WORDS = (*RANK, "failed")


@dataclass(frozen=True, slots=True)
class Fate:
    """What is known of a delivery; the names of its columns."""

    state: str
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    error_code: str = ""
    error: str = ""


def after(fate: Fate, status: str, at: datetime, code: str = "", error: str = "") -> Fate:
    """One status applied.  Proof beats claim: "delivered" and "read" win over "failed", which wins over "sent".

    What is still queued with us counts as rank 0: that the platform has news of it proves that it was sent.
    Words that we do not know change nothing.
    """
    if status not in WORDS:
        return fate
    first: Any = {f"{status}_at": getattr(fate, f"{status}_at") or at}
    known = replace(fate, **first)
    if status == "failed":
        if fate.state in ("failed", "delivered", "read"):
            return known
        return replace(known, state="failed", error_code=code, error=error)
    if fate.state == "failed" and status == "sent":
        return known
    if RANK[status] > RANK.get(fate.state, 0):
        return replace(known, state=status, error_code="", error="")
    return known

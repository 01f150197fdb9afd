"""The installation as a whole: what waits, what is kept and for how long, and copies of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.usecases import audit, idempotency, retention
from bot.usecases import deliveries as everyday
from bot.usecases.audit import Actor
from bot.usecases.console import signing_in
from storage import lists, sizes
from storage.database import Work
from storage.sizes import Size

COUNTED = lists.COUNTED  # nothing is counted any further
LANES = ("chat", "webhook", "code", "reply")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deliveries that have not ended.  ``rows``: by lane and state, of each up to ``counted_to``."""

    rows: Mapping[tuple[str, str], int]
    counted_to: int
    oldest_seconds: float  # how long the one that expires first has waited
    held: bool


def waiting(work: Work) -> Waiting:
    session = work.session
    return Waiting(lists.queued(session, LANES), COUNTED, everyday.oldest_seconds(work), everyday.is_held(work))


def things(work: Work) -> Mapping[str, int]:
    """Accounts, destinations, feeds, subscriptions: each up to ``lists.COUNTED``."""
    return lists.things(work.session)


def size(work: Work) -> Size:
    """Of the database, in bytes."""
    return sizes.of_database(work.session)


def kept(keep: timedelta) -> Mapping[str, timedelta]:
    """How long what is kept.  ``keep``: RETENTION_DAYS."""
    return {
        "deliveries": keep,
        "attempts": min(retention.ATTEMPTS, keep),
        "posts": max(keep, retention.TEXTS_AT_LEAST),
        "versions": retention.VERSIONS,
        "inbox": retention.INBOX,
        "answers": idempotency.KEPT,
        "sessions": signing_in.LONGEST,
    }


def note_copy(work: Work, actor: Actor, bytes_: int) -> None:
    """A copy of everything leaves the house."""
    audit.note(work, actor, "download backup", "database", after={"bytes": bytes_})

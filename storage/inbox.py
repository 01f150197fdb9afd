"""The inbox: what platforms told us, each once, until it has had its effect."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, exists, literal_column, select, update
from sqlmodel import Session

from storage import leases
from storage.columns import UtcTime, moved_back
from storage.models import InboundEvent

INBOX = InboundEvent.__table__
EARLIER = INBOX.alias("earlier")

# Written out in the statements: neither engine sees at once that a parameter fits an index of some rows only.
_NOTHING: ColumnElement[str] = literal_column("''")
_WAITS = INBOX.c.done_at.is_(None)
_IN_CHAT = INBOX.c.chat != _NOTHING
_ITS_TURN = ~exists().where(
    EARLIER.c.done_at.is_(None),
    EARLIER.c.chat != _NOTHING,
    EARLIER.c.provider == INBOX.c.provider,
    EARLIER.c.chat == INBOX.c.chat,
    EARLIER.c.id < INBOX.c.id,
)


def store(session: Session, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Keep events before they are acknowledged; answers (id, provider, event_key, lease_token) of those that are no
    repeats.

    Each row names provider, event_key, chat, raw, received_at, due_at and lease_token.
    """
    if not rows:
        return []
    known_by = (INBOX.c.id, INBOX.c.provider, INBOX.c.event_key, INBOX.c.lease_token)
    fresh = leases.insert_new(session, INBOX).on_conflict_do_nothing().returning(*known_by)
    return session.connection().execute(fresh, rows).all()


def take_chats(session: Session, now: datetime, until: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lease events of conversations, the oldest first: of each conversation only the oldest that is not done,
    so that whoever works them off, no two of one conversation run at once."""
    return _take(session, _CHATS, now, until, limit)


def take_loose(session: Session, now: datetime, until: datetime, limit: int) -> Sequence[Row[Any]]:
    """Lease events that belong to no conversation, the oldest first."""
    return _take(session, _LOOSE, now, until, limit)


def _due(*conditions: Any) -> Select[Any]:
    return (
        select(INBOX.c.id)
        .where(_WAITS, INBOX.c.due_at <= bindparam("now", type_=UtcTime()), *conditions)
        .order_by(INBOX.c.due_at, INBOX.c.id)
        .limit(bindparam("limit"))
        .with_for_update(of=INBOX, skip_locked=True)
    )


_CHATS, _LOOSE = _due(_IN_CHAT, _ITS_TURN), _due(INBOX.c.chat == _NOTHING)
_TAKE = (
    update(INBOX)
    .where(INBOX.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        lease_token=bindparam("token"),
        due_at=bindparam("until", type_=UtcTime()),
        tries=INBOX.c.tries + 1,
    )
    .returning(INBOX)
)


def _take(session: Session, due: Select[Any], now: datetime, until: datetime, limit: int) -> Sequence[Row[Any]]:
    ids = session.connection().execute(due, {"now": now, "limit": limit}).scalars().all()
    token = leases.new_token()
    rows: list[Row[Any]] = []
    for some in leases.slices(ids):
        rows += session.connection().execute(_TAKE, {"ids": some, "token": token, "until": until})
    return sorted(rows, key=lambda row: row.id)


_MINE = _WAITS & (INBOX.c.id == bindparam("_id")) & (INBOX.c.lease_token == bindparam("_token"))


def done(session: Session, event_id: int, token: str, now: datetime, error: str = "") -> bool:
    """The event has had its effect, or was given up for ``error``; False: its lease was somebody else's by then."""
    statement = update(INBOX).where(_MINE).values(done_at=now, lease_token=None, error=error)
    return bool(leases.affected(session, statement, {"_id": event_id, "_token": token}))


_DONE = (
    update(INBOX)
    .where(
        _WAITS, INBOX.c.id.in_(bindparam("ids", expanding=True)),
        INBOX.c.lease_token.in_(bindparam("tokens", expanding=True)),
    )
    .values(done_at=bindparam("now", type_=UtcTime()), lease_token=None)
    .returning(INBOX.c.id)
)  # fmt: skip


def all_done(session: Session, tokens: Mapping[int, str], now: datetime) -> set[int]:
    """As ``done`` for many, by their ids; answers those that were still ours."""
    mine: set[int] = set()
    held = sorted(set(tokens.values()))
    for some in leases.slices(sorted(tokens)):
        mine |= set(session.connection().execute(_DONE, {"ids": some, "tokens": held, "now": now}).scalars())
    return mine


def again(session: Session, event_id: int, token: str, due_at: datetime, error: str) -> bool:
    """Try the event once more at that time; False: its lease was somebody else's by then."""
    statement = update(INBOX).where(_MINE).values(due_at=due_at, lease_token=None, error=error)
    return bool(leases.affected(session, statement, {"_id": event_id, "_token": token}))


def hand_back(session: Session, tokens: Mapping[int, str], now: datetime) -> None:
    """Claimed and never begun: due at once, and no try was used up."""
    statement = update(INBOX).where(_MINE).values(due_at=now, lease_token=None, tries=INBOX.c.tries - 1)
    if tokens:
        rows = [{"_id": event_id, "_token": token} for event_id, token in tokens.items()]
        session.connection().execute(statement, rows)


def release_all(session: Session, now: datetime) -> int:
    """At the start of the only process: every lease is a dead worker's.  Returns how many."""
    statement = update(INBOX).where(_WAITS, INBOX.c.lease_token.is_not(None))
    return leases.affected(session, statement.values(due_at=now, lease_token=None))


def more_of(session: Session, provider: str, chat: str) -> bool:
    """Whether anything of this conversation still waits."""
    wanted = select(INBOX.c.id).where(_WAITS, _IN_CHAT, INBOX.c.provider == provider, INBOX.c.chat == chat)
    return session.execute(wanted.limit(1)).first() is not None


def move_back(session: Session, by: timedelta, now: datetime) -> None:
    """The clock went back: what waits comes as soon as it would have come without that."""
    ahead = update(INBOX).where(_WAITS, INBOX.c.due_at > now)
    session.execute(ahead.values(due_at=moved_back(INBOX.c.due_at, by, now)))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Drop events that were done before, of the oldest; returns how many, up to ``limit``."""
    oldest = select(INBOX.c.id, INBOX.c.done_at).order_by(INBOX.c.id).limit(limit)
    ids = [row.id for row in session.execute(oldest) if row.done_at and row.done_at < before]
    for some in leases.slices(ids):
        session.execute(delete(INBOX).where(INBOX.c.id.in_(some)))
    return len(ids)

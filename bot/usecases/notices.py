"""Notices: one word to people when something they rely on changes state."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from bot.clock import uuid7
from bot.rules.retry import Schedules
from storage import destinations, feeds, subscriptions
from storage.database import Work
from storage.models import DeliveryState
from storage.outbox import recording

Tell = Callable[[str], object]
"""Says something where the operator wants it."""


def tell_subscribers(work: Work, feed_id: int, event: str, text: str, schedules: Schedules) -> int:
    """Queue a notice about a feed at each destination that gets its posts; returns how many."""
    feed = feeds.get(work.session, feed_id)
    name = (feed.title or feed.key) if feed else "a feed"
    where = subscriptions.destinations_of(work.session, feed_id)
    return _queue(work, where, event, f"{name} {text}", schedules)


def tell_owner(work: Work, account_id: int, but: int, event: str, text: str, schedules: Schedules) -> int:
    """Queue a notice at another destination of the account than ``but``; 0 when it has none that works."""
    where = destinations.another(work.session, account_id, but)
    return _queue(work, [where] if where else [], event, text, schedules)


def tell_operator(work: Work, destination_id: int | None, text: str, schedules: Schedules) -> int:
    """Queue a notice where the operator wants them; 0 when that is nowhere."""
    return _queue(work, [destination_id] if destination_id else [], "operator.notice", text, schedules)


def tell(work: Work, destination_id: int, event: str, text: str, schedules: Schedules) -> UUID:
    """Queue a notice at one destination that is not disabled; returns its id."""
    (row,) = _rows(work, [destination_id], event, text, schedules)
    recording.add(work.session, [row])
    work.wakes.add("deliveries")
    return UUID(str(row["uid"]))


def _queue(work: Work, where: Sequence[int], event: str, text: str, schedules: Schedules) -> int:
    rows = _rows(work, where, event, text, schedules)
    recording.add(work.session, rows)
    if rows:
        work.wakes.add("deliveries")
    return len(rows)


def _rows(work: Work, where: Sequence[int], event: str, text: str, schedules: Schedules) -> list[dict[str, Any]]:
    return [
        {
            "account_id": account_id,
            "destination_id": destination_id,
            "uid": uuid7(work.now),
            "event": event,
            "text": text,
            "lane": lane,
            "state": DeliveryState.READY,
            "due_at": work.now,
            "expires_at": work.now + schedules[lane].expires,
            "created_at": work.now,
        }
        for destination_id, account_id, lane in destinations.lanes(work.session, where)
    ]

"""An account's deliveries: what became of each message, and sending one again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bot.clock import to_millis
from bot.errors import Conflict, NotFound
from bot.rules import ids
from bot.usecases import deliveries
from bot.usecases.native.pages import Page, Place, merged
from storage import destinations, owned
from storage.database import Work
from storage.outbox import looking

LOOKED_AT = 300  # deliveries that one request looks through for those of one state


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted; None and empty: whatever it is."""

    feed: UUID | None = None
    destination: UUID | None = None
    subscription: str = ""
    states: frozenset[str] = field(default_factory=frozenset)


def page(work: Work, account_id: int, wanted: Filter, before: Place, limit: int) -> Page[Any]:
    """Deliveries of posts, the newest post's first.  Of one state there may be fewer on a page than fit, though more
    follow: a request looks through a bounded number."""
    session = work.session
    number = None
    if wanted.subscription and (number := _number(wanted.subscription)) is None:
        return Page(())
    tops = owned.newest_delivery_of_each(
        session, account_id, before, feed=wanted.feed, destination=wanted.destination, subscription=number
    )
    looked_at = max(LOOKED_AT, limit + 1) if wanted.states else limit + 1
    found = merged(tops, lambda one, last, n: owned.deliveries(session, one, before, last, n), looked_at)
    fitting = [(place, id_) for place, (id_, state) in found if not wanted.states or state in wanted.states]
    some = fitting[:limit]
    more = None
    if len(fitting) > limit:
        more = some[-1][0]
    elif len(found) == looked_at:
        more = found[-1][0]
    rows = {row.id: row for row in owned.shown_deliveries(session, account_id, [id_ for _, id_ in some])}
    return Page([rows[id_] for _, id_ in some if id_ in rows], more)


def _number(id_: str) -> int | None:
    """Of a subscription, from its public id."""
    told = ids.number_of(id_)
    return told[1] if told else None


def get(work: Work, account_id: int, id_: str) -> tuple[Any, Sequence[Any]]:
    """A delivery, and its attempts in their order.  Raises NotFound."""
    told = ids.number_of(id_)
    row = owned.delivery(work.session, account_id, told[1]) if told else None
    if row is None or told is None or to_millis(row.created_at) != told[0]:
        raise NotFound("there is no such delivery", hint="GET /api/v1/deliveries lists yours")
    return row, looking.attempts(work.session, [row.id])


def send_again(work: Work, account_id: int, id_: str) -> tuple[Any, Sequence[Any]]:
    """Queue it once more, whatever became of it.  Raises NotFound, Conflict."""
    row, _ = get(work, account_id, id_)
    there = destinations.get(work.session, row.destination_id)
    assert there is not None
    if there.removed_at or there.verified_at is None:
        raise Conflict("its destination was removed, or is not verified", hint="add and verify the destination first")
    if there.disabled_at:
        raise Conflict(
            f"its destination is disabled: {there.disabled_reason}",
            code="disabled",
            hint=f"POST /api/v1/destinations/{there.uid}/enable, then send it again",
        )
    if row.state == "leased":
        raise Conflict("it is being sent right now", code="being_sent", hint="look again in a minute")
    deliveries.send_again(work, row.id)
    return get(work, account_id, id_)

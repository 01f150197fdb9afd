"""What becomes of deliveries whose post was taken back by its publisher."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlmodel import Session

from storage import leases
from storage.models import DeliveryState, Post, Subscription
from storage.outbox import DELIVERIES, QUEUED, is_one_of

SUBSCRIPTIONS = Subscription.__table__
POSTS = Post.__table__

CODE = "withdrawn"
REASON = "withdrawn by its publisher"


def withdraw(session: Session, post_ids: Sequence[int], now: datetime) -> int:
    """Queued deliveries of these posts fail; returns how many.

    Of those that are being sent right now, this attempt is the last: their time is over.  (Those that come back in
    another way find nothing to show.)
    """
    failed = 0
    for some in leases.slices(post_ids):
        failed += _withdraw(session, some, now)
    return failed


def _withdraw(session: Session, post_ids: Sequence[int], now: datetime) -> int:
    """By the subscribers of their feeds, for deliveries are found by subscription and post."""
    of_feeds = select(POSTS.c.feed_id).where(POSTS.c.id.in_(post_ids))
    subscribed = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.feed_id.in_(of_feeds))
    wanted = (
        select(DELIVERIES.c.id, DELIVERIES.c.state)
        .where(DELIVERIES.c.subscription_id.in_(subscribed), DELIVERIES.c.post_id.in_(post_ids))
        .where(or_(is_one_of(*QUEUED), is_one_of(DeliveryState.LEASED)))
        .order_by(DELIVERIES.c.id)
        .with_for_update()
    )
    rows = session.execute(wanted).all()
    queued = [row.id for row in rows if row.state != DeliveryState.LEASED]
    ended = {"state": DeliveryState.FAILED, "failed_at": now, "error_code": CODE, "error": REASON}
    for ids in leases.slices(queued):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(ids)).values(**ended))
    for ids in leases.slices([row.id for row in rows if row.state == DeliveryState.LEASED]):
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(ids)).values(expires_at=now))
    return len(queued)

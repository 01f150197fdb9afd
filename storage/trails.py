"""What became of one message for one conversation: what `why` asks, by whatever the person knows of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, literal_column, select
from sqlmodel import Session

from storage import leases
from storage.models import Delivery, Feed, Post, Subscription

DELIVERIES = Delivery.__table__
POSTS = Post.__table__
FEEDS = Feed.__table__
SUBSCRIPTIONS = Subscription.__table__

# Written out, or the engines would not see that an index of these states fits.
_PUT_OFF = DELIVERIES.c.state.in_([literal_column(f"'{state}'") for state in ("waiting", "held")])
_DELIVERY = (
    "id", "subscription_id", "post_id", "event", "state", "due_at", "attempts", "error_code", "error", "created_at",
    "sent_at", "delivered_at", "read_at", "failed_at",
)  # fmt: skip
_POST = ("title", "url", "published_at", "found_at", "feed_id")


def _trails() -> Select[Any]:
    return (
        select(
            *(DELIVERIES.c[name] for name in _DELIVERY),
            *(POSTS.c[name] for name in _POST),
            FEEDS.c.title.label("feed_title"),
            FEEDS.c.key,
        )
        .select_from(DELIVERIES)
        .outerjoin(POSTS, POSTS.c.id == DELIVERIES.c.post_id)
        .outerjoin(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
        .order_by(DELIVERIES.c.id.desc())
        .limit(1)
    )


def by_message(session: Session, destination_id: int, message_id: str) -> Row[Any] | None:
    """The delivery that the platform calls so."""
    named = _trails().where(DELIVERIES.c.message_id == message_id, DELIVERIES.c.message_id != "")
    return session.execute(named.where(DELIVERIES.c.destination_id == destination_id)).first()


def of_post(session: Session, destination_id: int, post_id: int) -> Row[Any] | None:
    """The delivery of a post to a destination, through whichever of its subscriptions, ended ones too."""
    through = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.destination_id == destination_id)
    mine = _trails().where(DELIVERIES.c.subscription_id.in_(through), DELIVERIES.c.post_id == post_id)
    return session.execute(mine).first()


def latest(session: Session, subscription_id: int) -> Row[Any] | None:
    """The last post that was queued for a subscription."""
    return session.execute(_trails().where(DELIVERIES.c.subscription_id == subscription_id)).first()


def post_by_link(session: Session, link_keys: Sequence[bytes]) -> Row[Any] | None:
    """The newest post with one of these link keys: id, and what a trail shows of it."""
    found: list[Row[Any]] = []
    for some in leases.slices(link_keys):
        wanted = _post().where(POSTS.c.link_key.in_(some))
        found += session.execute(wanted.order_by(POSTS.c.id.desc()).limit(1)).all()
    return max(found, key=lambda row: row.id, default=None)


def post_by_url(session: Session, feed_ids: Sequence[int], url: str, back: int) -> Row[Any] | None:
    """The newest post with this very address among the last ``back`` of each of these feeds."""
    found: list[Row[Any]] = []
    for some in leases.slices(feed_ids):
        recent = _post().where(POSTS.c.feed_id.in_(some), POSTS.c.seq > FEEDS.c.last_seq - back, POSTS.c.url == url)
        found += session.execute(recent.order_by(POSTS.c.id.desc()).limit(1)).all()
    return max(found, key=lambda row: row.id, default=None)


def _post() -> Select[Any]:
    feed = (FEEDS.c.title.label("feed_title"), FEEDS.c.key)
    return select(POSTS.c.id, *(POSTS.c[name] for name in _POST), *feed).join(FEEDS, FEEDS.c.id == POSTS.c.feed_id)


def waiting(session: Session, destination_id: int, cap: int) -> int:
    """Messages to a destination that are put off or held, counted up to ``cap``."""
    wanted = select(DELIVERIES.c.id).where(DELIVERIES.c.destination_id == destination_id, _PUT_OFF).limit(cap)
    return len(session.execute(wanted).all())

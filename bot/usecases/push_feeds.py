"""Feeds that systems push into: making one, and knowing it by the token in its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from adapters.base import Post
from bot.clock import uuid7
from bot.errors import Invalid
from bot.rules import mapping
from bot.rules.plain_text import one_line
from bot.usecases import posts, pushed
from storage import feeds, push_feeds
from storage.chat_models import PushFeed
from storage.database import Work
from storage.models import Feed

KIND = "push"
LOOKED_AT = timedelta(days=1)  # that there is nothing to read
TOKEN_BYTES = 32
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Made:
    """A new feed; the token is told this once, for only its digest is stored."""

    feed: Feed
    token: str


@dataclass(frozen=True, slots=True)
class Door:
    """Where a push comes in."""

    id: int
    feed_id: int
    mapping: mapping.Fields | None


def make(work: Work, account_id: int, title: str, fields: str = "") -> Made:
    """A feed that only pushes fill.  ``fields``: a mapping (bot/rules/mapping.py), or empty.  Raises Invalid."""
    title = one_line(title)[:MAX_TITLE]
    if not title:
        raise Invalid("a feed needs a title")
    if fields:
        try:
            mapping.parse(fields)
        except ValueError as error:
            raise Invalid(str(error)) from None
    uid, token = uuid7(work.now), token_urlsafe(TOKEN_BYTES)
    feed = feeds.add(
        work.session,
        Feed(
            uid=uid,
            source=KIND,
            key=f"push:{uid}",
            title=title,
            interval_seconds=int(LOOKED_AT.total_seconds()),
            due_at=work.now + LOOKED_AT,
            last_success_at=work.now,  # from now on what comes is news
            created_at=work.now,
        ),
    )
    door = PushFeed(
        feed_id=feed.id, account_id=account_id, token_digest=digest(token), mapping=fields, created_at=work.now
    )
    push_feeds.add(work.session, door)
    return Made(feed, token)


def find(work: Work, token: str) -> Door | None:
    """Where this token leads; None: nowhere."""
    row = push_feeds.by_token(work.session, digest(token))
    if row is None:
        return None
    return Door(row.id, row.feed_id, mapping.parse(row.mapping) if row.mapping else None)


def receive(work: Work, door: Door, some: Sequence[Post], policy: posts.Policy, default: timedelta) -> pushed.Received:
    """Store what was pushed, oldest first, and queue it for the subscribers."""
    push_feeds.used(work.session, door.id, work.now)
    return pushed.receive(work, door.feed_id, some, policy, default)


def digest(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()

"""Lists of posts over several feeds, by page number: quick at any depth, since nothing is walked to.

The order is that of ids, in which posts were stored.  Within a feed ids grow with ``seq``, which has no gaps, so how
many posts a feed has up to an id is the ``seq`` of the last of them: one step on an index that has all three.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, bindparam, func, select, text, type_coerce
from sqlmodel import Session

from storage import driver
from storage.models import Feed, Post, Subscription
from storage.statements import Query, packed

POSTS = Post.__table__
FEEDS = Feed.__table__
SUBSCRIPTIONS = Subscription.__table__


def hold_still(session: Session) -> None:
    """All that this transaction reads is of one moment, which a reader of SQLite has anyway; to be called first."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


class Lists(NamedTuple):
    """Feeds whose posts are one list."""

    feeds: Sequence[int]
    total: int  # posts that they have
    top: int  # no post of any feed has a higher id


_MINE = select(SUBSCRIPTIONS.c.feed_id).where(
    SUBSCRIPTIONS.c.account_id == bindparam("account"), text("subscriptions.active")
)
_LISTS = select(
    FEEDS.c.id, FEEDS.c.last_seq, select(func.max(POSTS.c.id)).scalar_subquery().label("top"), FEEDS.c.source
).where(FEEDS.c.id.in_(_MINE))


def lists(session: Session, account_id: int, sources: Collection[str]) -> Lists:
    """Feeds of these sources that the account has an active subscription to, each once."""
    found = [row for row in driver.rows(session, _LISTS, {"account": account_id}) if row[3] in sources]
    return Lists(
        [row[0] for row in found], sum(row[1] for row in found), max((row[2] or 0 for row in found), default=0)
    )


_UP_TO_BY_ENGINE = (
    "posts.feed_id = wanted.id AND posts.id <= :id",
    "(posts.feed_id, posts.id) <= (wanted.id, :id)",
)
_UP_TO = Query(
    """
    WITH wanted(id) AS ({ids})
    SELECT {row} total {/row} FROM (
        SELECT CAST(coalesce(sum((
            SELECT CASE WHEN posts.feed_id = wanted.id THEN posts.seq ELSE 0 END FROM posts
            WHERE {up to}
            ORDER BY posts.feed_id DESC, posts.id DESC LIMIT 1
        )), 0) AS bigint) AS total FROM wanted
    ) AS counted
    """,
    tuple[int],
    # SQLite steps to the place by equality, and walks when it is given rows to compare; PostgreSQL steps there by rows,
    # and by equality may walk all posts backwards until one is of the feed.
    words={"{up to}": _UP_TO_BY_ENGINE},
)


def count_up_to(session: Session, feeds: Sequence[int], id_: int) -> int:
    """How many posts these feeds have with this id or a lower one."""
    ((found,),) = _UP_TO.rows(session, ids=packed(feeds), id=id_)
    return int(found)


_BETWEEN = Query(
    """
    WITH wanted(id) AS ({ids})
    SELECT {row} posts.id {/row} FROM wanted CROSS JOIN posts
    WHERE posts.feed_id = wanted.id AND posts.id > :low AND posts.id <= :high
    """,
    tuple[int],
)


def between(session: Session, feeds: Sequence[int], low: int, high: int) -> list[int]:
    """Ids of these feeds' posts above ``low`` and up to ``high``, in no order."""
    return [id_ for (id_,) in _BETWEEN.rows(session, ids=packed(feeds), low=low, high=high)]


_LAST = (
    select(POSTS.c.id, type_coerce(POSTS.c.found_at, BigInteger))
    .where(POSTS.c.id <= bindparam("id"))
    .order_by(POSTS.c.id.desc())
    .limit(1)
)


def last(session: Session, id_: int) -> tuple[int, int] | None:
    """The post with this id, or else the next lower one: its id, and when it was stored in microseconds."""
    found = driver.rows(session, _LAST, {"id": id_})
    return (found[0][0], found[0][1]) if found else None


_FIRST = (
    select(POSTS.c.id)
    .where(POSTS.c.id > bindparam("after"), type_coerce(POSTS.c.found_at, BigInteger) >= bindparam("at"))
    .order_by(POSTS.c.id)
    .limit(1)
)


def first(session: Session, after: int, at: int) -> int | None:
    """The lowest id above ``after`` of a post that was stored at this time or later: one by one."""
    found = driver.rows(session, _FIRST, {"after": after, "at": at})
    return int(found[0][0]) if found else None


_OF_POST = (
    *("id", "uid", "title", "url", "author", "content", "is_html", "summary", "image"),
    *("published_at", "found_at", "edited_at", "withdrawn_at"),
)
_OF_FEED = ("key", "name", "title", "image")


def messages(session: Session, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """These posts, the highest id first, each with what its feed is called (``feed_key``, …)."""
    columns = [POSTS.c[name] for name in _OF_POST] + [FEEDS.c[name].label(f"feed_{name}") for name in _OF_FEED]
    wanted = select(*columns).join(FEEDS, FEEDS.c.id == POSTS.c.feed_id).where(POSTS.c.id.in_(ids))
    return session.execute(wanted.order_by(POSTS.c.id.desc())).all()

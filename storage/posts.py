"""Posts: what was found, in its present and superseded versions."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, delete, insert, literal, or_, select, update
from sqlmodel import Session

from storage import leases
from storage.columns import to_micros
from storage.models import Feed, Post, PostVersion

POSTS = Post.__table__
VERSIONS = PostVersion.__table__
FEEDS = Feed.__table__

_IDENTITY = select(POSTS.c.id, POSTS.c.key, POSTS.c.link_key, POSTS.c.digest)
_BY_KEY = _IDENTITY.where(POSTS.c.key.in_(bindparam("keys", expanding=True)))
_BY_LINK = _IDENTITY.where(POSTS.c.link_key.in_(bindparam("keys", expanding=True)))
_TEXT = (
    "title", "url", "author", "content", "is_html", "summary", "base", "image", "extras", "published_at", "updated_at",
)  # fmt: skip


def known(session: Session, keys: Sequence[bytes]) -> Sequence[Row[Any]]:
    """Stored posts with one of these keys: id, key, link_key, digest."""
    rows: list[Any] = []
    for some in leases.slices(keys):
        rows += session.connection().execute(_BY_KEY, {"keys": some}).all()
    return rows


def known_by_link(session: Session, link_keys: Sequence[bytes]) -> Sequence[Row[Any]]:
    """Stored posts with one of these link keys: the same columns."""
    rows: list[Any] = []
    for some in leases.slices(link_keys):
        rows += session.connection().execute(_BY_LINK, {"keys": some}).all()
    return rows


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store new posts; all rows name the same columns in the same order.

    On the driver's cursor, for a row's way through SQLAlchemy costs twice what storing it does.  To SQLite many rows go
    in one statement: its driver lets go of the interpreter's lock for each step, and has to win it back.
    """
    if not rows:
        return
    connection, names = session.connection(), tuple(rows[0])
    if connection.dialect.name == "postgresql":
        all_values = [_stored(row, _ON_POSTGRESQL) for row in rows]
        connection.exec_driver_sql(_insert(names, 1, "%s"), all_values)
        return
    for some in leases.slices(rows, _ADDED_AT_ONCE):
        values = [value for row in some for value in _stored(row, _ON_SQLITE)]
        connection.exec_driver_sql(_insert(names, len(some), "?"), tuple(values))


_ADDED_AT_ONCE = 50  # rows
_ON_POSTGRESQL: Mapping[type, Callable[[Any], Any]] = {datetime: to_micros}
_ON_SQLITE: Mapping[type, Callable[[Any], Any]] = {datetime: to_micros, UUID: attrgetter("hex")}


def _stored(row: Mapping[str, Any], forms: Mapping[type, Callable[[Any], Any]]) -> tuple[Any, ...]:
    """The values as the columns hold them."""
    return tuple([forms[type(value)](value) if type(value) in forms else value for value in row.values()])


@cache
def _insert(names: tuple[str, ...], rows: int, mark: str) -> str:
    """``mark``: what stands for a value."""
    row = f"({', '.join([mark] * len(names))})"
    return f"INSERT INTO {POSTS.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 (column names)


def rekey(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """The publisher changed its identifiers: ``_id`` and the new ``key``."""
    if rows:
        statement = update(POSTS).where(POSTS.c.id == bindparam("_id")).values(key=bindparam("key"))
        session.connection().execute(statement, rows)


def content(session: Session, post_id: int) -> Row[Any]:
    """What an edit is compared with: content, is_html, base, title, url, found_at, edited_at, withdrawn_at."""
    names = ("title", "url", "content", "is_html", "base", "found_at", "edited_at", "withdrawn_at")
    columns = [POSTS.c[name] for name in names]
    return session.execute(select(*columns).where(POSTS.c.id == post_id)).one()


def set_digest(session: Session, post_id: int, digest: bytes) -> None:
    """The markup changed, but nothing that a person would see."""
    session.execute(update(POSTS).where(POSTS.c.id == post_id).values(digest=digest))


def replace(session: Session, post_id: int, values: dict[str, Any], now: datetime) -> None:
    """Put a new version in the place of the present one, which is kept beside it."""
    copied = [POSTS.c[name] for name in _TEXT]
    session.execute(
        insert(VERSIONS).from_select(
            ["post_id", "version", "replaced_at", *_TEXT],
            select(POSTS.c.id, POSTS.c.version, literal(now, VERSIONS.c.replaced_at.type), *copied).where(
                POSTS.c.id == post_id
            ),
        )
    )
    session.execute(
        update(POSTS).where(POSTS.c.id == post_id).values(version=POSTS.c.version + 1, edited_at=now, **values)
    )


def withdraw(session: Session, keys: Sequence[bytes], now: datetime) -> list[int]:
    """Their publisher took these posts back: no text of any version is left, but what tells them from new ones.

    Returns the ids of those that were not withdrawn before.
    """
    ids: list[int] = []
    for some in leases.slices(keys):
        mine = update(POSTS).where(POSTS.c.key.in_(some), POSTS.c.withdrawn_at.is_(None))
        found = mine.values(withdrawn_at=now, **_NO_TEXT).returning(POSTS.c.id)
        ids += session.connection().execute(found).scalars()
    for these in leases.slices(ids):
        session.connection().execute(update(VERSIONS).where(VERSIONS.c.post_id.in_(these)).values(**_NO_TEXT))
    return ids


_NO_TEXT = dict.fromkeys(("title", "content", "summary", "image", "extras"), "")


def newest(session: Session, feed_id: int, limit: int, kinds: Collection[str] | None = None) -> Sequence[Row[Any]]:
    """The feed's posts, the latest first, without those that were withdrawn: whole rows.

    ``kinds``: only ordinary ones and these.
    """
    there = (POSTS.c.feed_id == feed_id, POSTS.c.withdrawn_at.is_(None))
    wanted = select(POSTS).where(*there).order_by(POSTS.c.seq.desc()).limit(limit)
    if kinds is not None:
        wanted = wanted.where(POSTS.c.kind.in_(["", *kinds]))
    return session.execute(wanted).all()


def versions(session: Session, wanted: Sequence[tuple[int, int]]) -> Sequence[Row[Any]]:
    """Posts as (id, version) pairs name them, with what their feed is called: all columns that a message shows.

    Those that were withdrawn are left out.
    """
    named = (FEEDS.c[name].label(f"feed_{name}") for name in ("uid", "title", "home"))
    feed = (*named, FEEDS.c.key, FEEDS.c.source)
    fixed = (POSTS.c.id, POSTS.c.uid, POSTS.c.seq, POSTS.c.found_at)
    rows: list[Row[Any]] = []
    for some in leases.slices(wanted, 100):
        present = (
            select(*fixed, POSTS.c.version, *[POSTS.c[name] for name in _TEXT], *feed)
            .join(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
            .where(POSTS.c.withdrawn_at.is_(None))
        )
        rows += session.execute(present.where(_pairs(POSTS.c.id, POSTS.c.version, some)))
        former = (
            select(*fixed, VERSIONS.c.version, *[VERSIONS.c[name] for name in _TEXT], *feed)
            .join(POSTS, POSTS.c.id == VERSIONS.c.post_id)
            .join(FEEDS, FEEDS.c.id == POSTS.c.feed_id)
            .where(POSTS.c.withdrawn_at.is_(None))
        )
        if len(rows) < len(wanted):
            rows += session.execute(former.where(_pairs(VERSIONS.c.post_id, VERSIONS.c.version, some)))
    return rows


def uids(session: Session, ids: Collection[int]) -> dict[int, UUID]:
    """Public ids of posts."""
    found: dict[int, UUID] = {}
    for some in leases.slices(sorted(ids)):
        named = session.execute(select(POSTS.c.id, POSTS.c.uid).where(POSTS.c.id.in_(some)))
        found |= {row.id: row.uid for row in named}
    return found


def forget_versions(session: Session, before: datetime, limit: int) -> int:
    """Drop superseded versions that no delivery can want any more; returns how many."""
    old = select(VERSIONS.c.post_id, VERSIONS.c.version).where(VERSIONS.c.replaced_at < before).limit(limit)
    rows = [tuple(row) for row in session.execute(old)]
    for some in leases.slices(rows, 100):
        session.execute(delete(VERSIONS).where(_pairs(VERSIONS.c.post_id, VERSIONS.c.version, some)))
    return len(rows)


def forget_texts(session: Session, after: int, before: datetime, limit: int) -> tuple[int, int]:
    """Empty posts behind id ``after`` that were found before; their rows stay, to tell old from new.

    Returns how many, and the last id.  Ids grow with time.
    """
    old = select(POSTS.c.id).where(POSTS.c.id > after, POSTS.c.found_at < before).order_by(POSTS.c.id).limit(limit)
    ids = session.execute(old).scalars().all()
    for some in leases.slices(ids):
        session.execute(update(POSTS).where(POSTS.c.id.in_(some)).values(content="", summary=""))
    return len(ids), max(ids, default=after)


def _pairs(first: Any, second: Any, wanted: Sequence[Any]) -> Any:
    return or_(*(and_(first == a, second == b) for a, b in wanted))

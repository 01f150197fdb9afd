"""X by feeds that others make of it: RSSHub, Nitter, RSS-Bridge (sources-x.md 16).

Posts get the keys that the API's have, so that changing from one way to another delivers nothing twice.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from yarl import URL

from adapters.base import (
    Cursor,
    FeedFailed,
    FeedFault,
    FeedGone,
    FeedInfo,
    FeedNotFound,
    Found,
    Page,
    Post,
)
from adapters.sources.feeds import Feeds
from adapters.sources.x import cursors
from adapters.sources.x.posts import keys, published, status_id, status_url

_NUMBER: Final = re.compile(r"[0-9]{5,19}", re.ASCII)
_OWNER: Final = re.compile(r"//[^/]+/([A-Za-z0-9_]{1,15})/status", re.ASCII)
_PINNED: Final = re.compile(r"Pinned: ")
_REPOST: Final = re.compile(r"RT by @[A-Za-z0-9_]+: ")
_REPLY: Final = re.compile(r"R to @([A-Za-z0-9_]+): ")
_AGAIN: Final = re.compile(r"Bridge returned error", re.IGNORECASE)


class Bridge:
    """One address with ``{username}`` in it."""

    def __init__(self, feeds: Feeds, template: str, *, alone: bool) -> None:
        """``alone``: there is no API, so its wish for the interval is what counts."""
        self._feeds, self._template, self._alone = feeds, template, alone
        self.via = URL(template.replace("{username}", "name")).host or "bridge"

    async def find(self, username: str, now: datetime) -> Found:
        """Raises FeedNotFound, any other SourceError."""
        try:
            page = await self.poll(f"@{username.lower()}", {}, now, frozenset(("repost", "reply")), username)
        except FeedFailed as error:
            if error.status == 404:
                raise FeedNotFound(f"there is no @{username} on X, says {self.via}") from None
            raise
        if page.info is None:
            raise FeedNotFound(f"{self.via} answers, but says nothing of @{username}")
        return Found(f"@{username.lower()}", page)

    async def poll(self, key: str, cursor: Cursor, now: datetime, kinds: frozenset[str], username: str = "") -> Page:
        """Raises any SourceError but FeedNotFound.  ``username``: in the case people wrote it."""
        place = cursors.read({name: value for name, value in cursor.items() if name != "m"})
        username = place.username or username or key.removeprefix("@")
        if username == key:
            raise FeedFailed(FeedFault.NOT_A_FEED, "the name of this account is not known yet")
        before = cursor["b"][1] if cursor.get("b", ("",))[0] == self.via else {}
        try:
            page = await self._feeds.poll(self._template.replace("{username}", username), before, now)
        except FeedGone as error:
            raise FeedFailed(FeedFault.HTTP, str(error), status=410) from None  # it is the bridge that is no more
        found = {post.key: post for one in page.posts if (post := as_on_x(one, username)) is not None}
        if page.posts and not found and not page.left_out:
            raise FeedFailed(FeedFault.NOT_A_FEED, _trouble(page.posts))
        # By number, which is by time: a pinned post stands at the top.
        rows = sorted(found.values(), key=lambda post: int(post.raw_id))
        after = cursor if page.cursor is before else self._after(cursor, page.cursor, rows)
        return Page(
            cursor=after,
            posts=[one for one in rows if (not one.kind or one.kind in kinds) and not _is_read(one, place)],
            left_out=page.left_out,
            info=self._info(page.info, rows, place, username),
            complete=False,  # an empty document means that the bridge has trouble
            not_before=page.not_before if self._alone else timedelta(0),
            via=self.via,
        )

    def _after(self, cursor: Cursor, inner: Cursor, rows: Iterable[Post]) -> Cursor:
        """``b``: whose cursor and that cursor; ``m``: the newest post that came by a bridge."""
        newest = max((int(one.raw_id) for one in rows), default=0)
        newest = max(newest, int(cursor.get("m", "0")))
        kept: dict[str, Any] = {**cursor, "b": [self.via, dict(inner)]}
        return kept | {"m": str(newest)} if newest else kept

    def _info(
        self, told: FeedInfo | None, rows: Iterable[Post], place: cursors.Place, username: str
    ) -> FeedInfo | None:
        if told is None:
            return None
        owners = (owner[1] for one in rows if (owner := _OWNER.search(one.url)))
        name = place.username or next((one for one in owners if one.lower() == username.lower()), username)
        title = place.name or told.title or f"@{name}"
        return FeedInfo(title=title, name=name, image=place.image or told.image, home=f"https://x.com/{name}")


def as_on_x(post: Post, username: str) -> Post | None:
    """None for what is no post: bridges put their errors among them."""
    identifier = status_id(post.raw_id) or status_id(post.url) or _bare(post.raw_id)
    if not identifier or _AGAIN.match(post.title):
        return None
    kind, title = _kind(post, username)
    owner = _OWNER.search(post.url)
    key, link_key = keys(identifier, kind)
    return msgspec.structs.replace(
        post,
        key=key,
        link_key=link_key,
        has_id=True,
        raw_id=identifier,
        title="",  # the beginning of the text once more
        url=status_url(owner[1] if owner else username, identifier),
        content=post.content or title,
        is_html=post.is_html and bool(post.content),
        published=post.published or published("", int(identifier)),
        updated=None,
        kind=kind,
    )


def _kind(post: Post, username: str) -> tuple[str, str]:
    """And the title without what says so.  Nitter says it there; elsewhere a repost has somebody else's address."""
    title = _PINNED.sub("", post.title, count=1) if post.title.startswith("Pinned: ") else post.title
    if repost := _REPOST.match(title):
        return "repost", title[repost.end() :]
    owner = _OWNER.search(post.url)
    if owner and owner[1].lower() not in (username.lower(), "i"):
        return "repost", title
    if reply := _REPLY.match(title):
        return "" if reply[1].lower() == username.lower() else "reply", title[reply.end() :]
    return "", title


def _bare(raw_id: str) -> str:
    return raw_id if _NUMBER.fullmatch(raw_id) else ""


def _is_read(post: Post, place: cursors.Place) -> bool:
    """Whether the API has brought it: what a bridge makes of it would look like an edit."""
    identifier = int(post.raw_id)
    return identifier <= max(place.since, place.searched) or identifier in place.seen


def _trouble(posts: Iterable[Post]) -> str:
    title = next((one.title for one in posts if _AGAIN.match(one.title)), "")
    return title[:200] or "the bridge answers, but with nothing that is a post on X"

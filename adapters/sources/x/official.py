"""X by its own API: an account's own timeline, or one search for many accounts that are due together."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Final

from adapters.base import Cursor, FeedInfo, Found, Page, Post, SourceError
from adapters.http import Outbound
from adapters.sources.x import cursors, posts
from adapters.sources.x.api import Api
from adapters.sources.x.cursors import Place
from adapters.sources.x.gathering import Gathering
from adapters.sources.x.people import People
from adapters.sources.x.posts import Person
from adapters.sources.x.searching import Searcher, packed, written
from adapters.sources.x.settings import Config
from adapters.sources.x.snowflakes import floor_id, number
from adapters.sources.x.timelines import Row, Walk, walk
from adapters.sources.x.wire import User

VIA: Final = "api"


@dataclass(frozen=True, slots=True)
class Wish:
    """One account's poll, to be answered together with others."""

    user_id: str
    place: Place
    replies: bool
    now: datetime


class Official:
    def __init__(self, outbound: Outbound, config: Config) -> None:
        self.api = Api(outbound, config)
        self.searcher = Searcher(self.api, allowed=config.search)
        self._people = People(self.api)
        self._threads = config.threads
        self._together: Gathering[Wish, Walk | None] = Gathering(self._search)

    async def find(self, username: str, now: datetime) -> Found:
        """What is said from now on is new.  Raises FeedNotFound, any other SourceError."""
        user = await self._people.find(username, now)
        start = floor_id(min(now, self.api.now() or now))
        place = Place(since=start, searched=start, looked=int(now.timestamp()))
        place = _introduced(place, user, now)
        reads = self.api.bill.new((f"u{user.id}",), now)
        page = Page(cursor=cursors.stored(place), info=info(place), complete=False, via=VIA, reads=reads)
        return Found(user.id, page)

    async def poll(self, user_id: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        """Raises any SourceError but FeedNotFound."""
        if user_id.startswith("@"):
            return await self._by_name(user_id.removeprefix("@"), cursor, now, kinds)
        place = cursors.read(cursor)
        replies = self._threads or "reply" in kinds
        late = self._timelines_used_up(now)  # then a look at it can wait
        if "repost" not in kinds and place.may_search(now, late=late) and self.searcher.is_open(now):
            wish = Wish(user_id, place, replies, now)
            if (found := await self._together.ask(wish)) is not None:
                return self._page(user_id, found, place, cursor, now, kinds)
        exclude = [*(() if "repost" in kinds else ("retweets",)), *(() if replies else ("replies",))]
        walked = await walk(self.api, user_id, place, now, exclude)
        for answer in walked.answers:
            if user := answer.users.get(user_id):
                walked.place = _introduced(walked.place, user, now)
        return self._page(user_id, walked, place, cursor, now, kinds)

    async def _by_name(self, username: str, cursor: Cursor, now: datetime, kinds: frozenset[str]) -> Page:
        """An account that was found by a bridge: from now on by its number, for names change hands."""
        found = await self.find(username, now)
        start = {**found.page.cursor, **({"s": "0", "m": cursor["m"]} if "m" in cursor else {})}
        page = await self.poll(found.key, start, now, kinds)
        return replace(page, moved_to=found.key, info=page.info or found.page.info, reads=page.reads + found.page.reads)

    async def close(self) -> None:
        await self._together.close()
        await self._people.close()

    # --- Many in one ---

    async def _search(self, wishes: Sequence[Wish]) -> Sequence[Walk | Exception | None]:
        """One alone is better served by its timeline."""
        answers: dict[int, Walk | Exception | None] = {}
        if len(wishes) > 1 or self._timelines_used_up(wishes[0].now):
            by_replies = [[one for one in wishes if one.replies is replies] for replies in (True, False)]
            groups = [group for some in by_replies for group in _groups(some)]
            for group, found in zip(groups, await asyncio.gather(*map(self._one_search, groups)), strict=True):
                answers |= {id(one): answer for one, answer in zip(group, found, strict=True)}
        return [answers.get(id(one)) for one in wishes]

    async def _one_search(self, wishes: Sequence[Wish]) -> Sequence[Walk | Exception | None]:
        now, since = wishes[0].now, min(one.place.searched for one in wishes)
        ids = [one.user_id for one in wishes]
        try:
            harvest = await self.searcher.search(ids, since, now, replies=wishes[0].replies)
        except SourceError as error:
            return [error for _ in wishes]
        if harvest is None or not harvest.complete:
            return [None for _ in wishes]
        found: list[Walk | Exception | None] = []
        for one in wishes:
            rows = [row for row in harvest.rows if row[0].author_id == one.user_id and _is_new(row, one.place)]
            handed_on = [int(tweet.id) for tweet, _ in rows]
            found.append(Walk(one.place.after_search(harvest.newest, handed_on, now), rows))
        return found

    def _timelines_used_up(self, now: datetime) -> bool:
        return self.api.windows.remaining("timeline", now) == 0

    # --- What came ---

    def _page(
        self,
        user_id: str,
        walked: Walk,
        before: Place,
        cursor: Cursor,
        now: datetime,
        kinds: frozenset[str],
    ) -> Page:
        after = walked.place
        reads = sum(self._paid(row, now) for row in walked.rows)
        found = made(walked.rows, Person(user_id, after.username, after.name), kinds)
        if not found and not after.differs(before) and "m" not in cursor:
            return Page(cursor=cursor, complete=False, via=VIA, reads=reads)
        known = info(after) if found or after.named != before.named else None
        return Page(cursor=cursors.stored(after), posts=found, info=known, complete=False, via=VIA, reads=reads)

    def _paid(self, row: Row, now: datetime) -> int:
        """Posts and users that X bills for this post: itself, those it refers to, and whoever wrote them."""
        tweet, answer = row
        others = [answer.included[one.id] for one in tweet.references if one.id in answer.included]
        people = [one.author_id for one in (tweet, *others) if one.author_id in answer.users]
        return self.api.bill.new((tweet.id, *(one.id for one in others), *(f"u{one}" for one in people)), now)


def made(rows: Iterable[Row], known: Person, kinds: frozenset[str]) -> Sequence[Post]:
    """Posts of one account and of these kinds, oldest first, each once; filters of X are applied anew."""
    found: dict[bytes, Post] = {}
    numbered = [(identifier, *row) for row in rows if (identifier := number(row[0].id)) is not None]
    for _, tweet, answer in sorted(numbered, key=itemgetter(0)):
        if tweet.author_id not in ("", known.id):
            continue
        post = posts.read(tweet, answer, known)
        if post is not None and (not post.kind or post.kind in kinds):
            found.pop(post.key, None)  # of two versions the newer one counts, in its place
            found[post.key] = post
    return tuple(found.values())


def info(place: Place) -> FeedInfo:
    home = f"https://x.com/{place.username}" if place.username else ""
    return FeedInfo(title=place.name or place.username, name=place.username, image=place.image, home=home)


def _introduced(place: Place, user: User, now: datetime) -> Place:
    image = (user.profile_image_url or "").replace("_normal.", "_400x400.")
    return replace(place, username=user.username, name=user.name, image=image, named=int(now.timestamp()))


def _is_new(row: Row, place: Place) -> bool:
    identifier = int(row[0].id)
    return identifier > place.searched and identifier not in place.seen


def _groups(wishes: Sequence[Wish]) -> Sequence[Sequence[Wish]]:
    by_id = {one.user_id: one for one in wishes}
    groups = packed(list(by_id), len(written((), replies=wishes[0].replies if wishes else True)))
    return [[by_id[one] for one in group] for group in groups]

"""Follow by pasting anything: what it means, how its posts would look, and where they are to go."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from adapters.base import FeedNotFound, Selective, SourceError
from bot.errors import Invalid, Unavailable, UserError
from bot.jobs.lookup import look_up
from bot.rules import buckets, ids, polling, texts
from bot.rules.commands import feed_name
from bot.rules.options import Options
from bot.usecases.chat.who import Looked
from bot.usecases.console import subscriptions
from bot.web.apis.native import Desk
from bot.web.apis.native.names import MOST_CANDIDATES, Meant
from bot.web.console import faring, previews
from bot.web.console.dressing import quoted
from bot.web.console.pages import Goto, Page, Result, Shown, Visit

PREVIEWED = 3  # posts
AT_ONCE = 2  # looks of one account over the network
ONE, WHOLE = timedelta(seconds=15), timedelta(minutes=5)  # 20 looks, and four a minute: some cost the operator money
ACCOUNTS = 10_000  # whose looks are counted
KEPT = 32  # of what was found last, one for each account
KEPT_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an account has before its eyes: it follows just that, and nobody is asked twice."""

    meant: Meant
    until: datetime


class Following:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: dict[int, Kept] = {}
        self._looking: Counter[int] = Counter()
        self._full_at: dict[int, datetime] = {}

    def pages(self) -> list[Page]:
        return [
            Page("GET", "/subscriptions/follow", self.open),
            Page("POST", "/subscriptions/follow", self.find),
            Page("POST", "/subscriptions", self.follow),
        ]

    async def open(self, visit: Visit) -> Result:
        """Links of ours are looked up at once; a stranger's must not make us ask anybody, which may cost money."""
        name = visit.asked("name").strip()
        if name and visit.request.headers.get("Sec-Fetch-Site") == "same-origin":
            return await self._find(visit, name)
        return Shown("subscriptions_follow.html", {"name": name, "found": None, "wrong": "", "candidates": ()})

    async def find(self, visit: Visit) -> Result:
        return await self._find(visit, (await visit.form()).text("name"))

    async def _find(self, visit: Visit, pasted: str) -> Result:
        if not pasted:
            return self._page(visit, pasted, wrong=visit.say("subscriptions.paste_something"))
        looked = await self._look(visit, feed_name(pasted))
        if isinstance(looked, Meant):
            self._keep(visit.account_id, looked)
            return await self._show(visit, looked, pasted)
        candidates = looked.candidates[:MOST_CANDIDATES] if isinstance(looked, FeedNotFound) else ()
        return self._page(visit, pasted, wrong=faring.unread(visit, looked), candidates=candidates)

    async def _look(self, visit: Visit, name: str, source: str = "") -> Meant | SourceError | None:
        """Over the network.  ``source``: ask no other.  Raises Unavailable: too often, or too much at once."""
        account_id, sources = visit.account_id, self._desk.sources
        if self._looking[account_id] >= AT_ONCE:
            raise Unavailable(visit.say("subscriptions.looking"))
        self._take_turn(visit)
        self._looking[account_id] += 1
        try:
            asked = {source: sources[source]} if source in sources else sources
            looked: Looked = await look_up(asked, name, self._desk.clock())
        finally:
            self._looking[account_id] -= 1
            if not self._looking[account_id]:
                del self._looking[account_id]
        if looked.found is None:
            return looked.error
        return Meant(looked.source, looked.found, looked.host)

    def _take_turn(self, visit: Visit) -> None:
        """Raises Unavailable."""
        now = self._desk.clock()
        rate = buckets.take(self._full_at.get(visit.account_id), now, ONE, WHOLE)
        if not rate.allowed:
            raise Unavailable(visit.say("subscriptions.looked_often", rate.retry_after))
        if len(self._full_at) >= ACCOUNTS:
            self._full_at = {account: at for account, at in self._full_at.items() if at > now}
        self._full_at[visit.account_id] = rate.full_at

    def _keep(self, account_id: int, meant: Meant) -> None:
        self._kept.pop(account_id, None)
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[account_id] = Kept(meant, self._desk.clock() + KEPT_FOR)

    def _remembered(self, account_id: int, source: str, key: str) -> Meant | None:
        kept = self._kept.get(account_id)
        if kept is None or kept.until < self._desk.clock():
            return None
        return kept.meant if (kept.meant.source, kept.meant.found.key) == (source, key) else None

    def _page(self, visit: Visit, pasted: str, **values: object) -> Shown:
        template = "subscriptions_found.html" if visit.partial else "subscriptions_follow.html"
        usual = {"name": pasted, "found": None, "wrong": "", "candidates": ()}
        return Shown(template, usual | values)

    async def _show(self, visit: Visit, meant: Meant, pasted: str, wrong: str = "", status: int = 200) -> Shown:
        now, desk = self._desk.clock(), self._desk
        standing = await desk.database.read(subscriptions.standing, visit.account_id, meant.source, meant.found.key)
        looks = await asyncio.to_thread(previews.of_found, meant, PREVIEWED, visit.language, now)
        info = meant.found.page.info
        found = {
            "source": meant.source,
            "key": meant.found.key,
            "name": (info.name if info else "") or "",
            "title": (info.title if info else "") or meant.found.key,
            "home": info.home if info else "",
            "posts": len(meant.found.page.posts),
            "every": texts.span(visit.language, every) if (every := _every(meant, now)) else "",
            "newest": _newest(meant),
            "has_kinds": isinstance(desk.sources[meant.source], Selective),
        }
        values = {"found": found, "standing": standing, "previews": looks, "wrong": wrong}
        page = self._page(visit, pasted, **values)
        return Shown(page.template, page.values, status)

    async def follow(self, visit: Visit) -> Result:
        form = await visit.form()
        source, key, name = form.text("source", 50), form.text("key"), form.text("name")
        meant = self._remembered(visit.account_id, source, key)
        if meant is None:
            looked = await self._look(visit, name or key, source)
            if not isinstance(looked, Meant) or looked.found.key != key:
                return Goto(f"/console/subscriptions/follow?name={quoted(name or key)}")
            meant = looked
            self._keep(visit.account_id, meant)
        to = [uid for uid in map(ids.read, form.all("to")) if uid]
        try:
            followed = await self._follow(
                visit, meant, to, latest=form.on("latest"), wishes=Options(form.on("reposts"), form.on("replies"))
            )
        except UserError as error:
            return await self._show(visit, meant, name or key, faring.why(visit, error), 422)
        self._kept.pop(visit.account_id, None)
        if not followed.new:
            return Goto("/console/subscriptions?done=followed_before")
        if form.on("latest"):
            return Goto("/console/subscriptions?done=followed_latest")
        return Goto("/console/subscriptions?done=followed")

    async def _follow(
        self, visit: Visit, meant: Meant, to: list[UUID], *, latest: bool, wishes: Options
    ) -> subscriptions.Followed:
        """Raises UserError."""
        if not to:
            raise Invalid(visit.say("subscriptions.choose_one"))
        desk = self._desk
        kinds = isinstance(desk.sources[meant.source], Selective)
        return await desk.database.write(
            subscriptions.follow,
            *(desk.terms, desk.plans, visit.account_id, list(dict.fromkeys(to))),
            *(meant.source, meant.found, meant.host),
            latest=latest,
            options=wishes if kinds else None,
        )


def _every(meant: Meant, now: datetime) -> timedelta | None:
    """About the time between two posts, as far as their dates tell."""
    dates = [post.published for post in meant.found.page.posts]
    quarter = polling.rhythm(dates, polling.Rhythm(None, None), now).quarter
    return quarter * 4 if quarter else None


def _newest(meant: Meant) -> datetime | None:
    return max((post.published for post in meant.found.page.posts if post.published), default=None)

"""``/admin/v1/feeds``: what is read, how each fares, and reading one now, later or not at all."""

from collections.abc import Mapping
from typing import Any

from adapters.base import Source
from bot.clock import Clock
from bot.usecases.administration import feeds
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import number, one_of, place
from bot.web.moving import move
from bot.web.surface import Call, Route
from storage.database import Database

STATES = ("failing", "active", "paused", "gone", "disabled")


class Feeds:
    def __init__(self, database: Database, sources: Mapping[str, Source], clock: Clock) -> None:
        self._database, self._sources, self._clock = database, sources, clock

    def routes(self) -> list[Route]:
        one = "/admin/v1/feeds/{feed}"
        common: dict[str, Any] = {"parameters": {"feed": "its id"}}
        absent = ["there is no feed 7"]
        return [
            Route(
                *("GET", "/admin/v1/feeds", self.list_any_feeds, "Feeds, the latest first", wire.FeedList),
                query=wire.FeedSearch,
                errors={400: ["limit must be from 1 to 200", f"state must be one of {', '.join(STATES)}"]},
            ),
            Route("GET", one, self.show_any_feed, "One feed", wire.FeedRecord, errors={404: absent}, **common),
            Route(
                *("POST", f"{one}/poll", self.poll_feed, "Read it at its host's next turn", wire.FeedRecord),
                errors={404: absent, 409: ["the feed is paused; resume it first"]},
                **common,
            ),
            Route(
                *("POST", f"{one}/pause", self.pause_feed, "Do not read it until resumed or subscribed to anew"),
                wire.FeedRecord,
                errors={404: absent, 409: ["the feed is paused already"]},
                **common,
            ),
            Route(
                *("POST", f"{one}/resume", self.resume_feed, "Read it again, also if it was given up"),
                wire.FeedRecord,
                errors={404: absent, 409: ["the feed is active"]},
                **common,
            ),
            Route(
                *("POST", f"{one}/move", self.move_feed, "Read it from another address", wire.FeedRecord),
                description="The new address is read first. Subscriptions stay, and what was sent is not sent again.",
                body=wire.MoveWish,
                errors={
                    400: ["there is no feed"],
                    404: absent,
                    409: ["feed 8 is read from there already"],
                    503: ["it cannot be read"],
                },
                **common,
            ),
        ]

    async def list_any_feeds(self, call: Call) -> wire.FeedList:
        query: wire.FeedSearch = call.query
        state = one_of("state", query.state, STATES)
        sought = feeds.Sought(query.source or "", state, query.search or "")
        found = await self._database.read(feeds.page, sought, *place(query))
        return wire.FeedList([_record(row) for row in found.rows], found.before)

    async def show_any_feed(self, call: Call) -> wire.FeedRecord:
        return _record(await self._database.read(feeds.get, number(call, "feed")))

    async def poll_feed(self, call: Call) -> wire.FeedRecord:
        return _record(await self._database.write(feeds.poll, actor(call), number(call, "feed")))

    async def pause_feed(self, call: Call) -> wire.FeedRecord:
        return _record(await self._database.write(feeds.pause, actor(call), number(call, "feed")))

    async def resume_feed(self, call: Call) -> wire.FeedRecord:
        return _record(await self._database.write(feeds.resume, actor(call), number(call, "feed")))

    async def move_feed(self, call: Call) -> wire.FeedRecord:
        wish: wire.MoveWish = call.body
        feed = number(call, "feed")
        return _record(await move(self._database, self._sources, self._clock, actor(call), feed, wish.address))


_SAME = (
    "id", "source", "key", "name", "title", "state", "due_at", "failures", "failing_since", "fault", "reason",
    "last_polled_at", "last_success_at", "last_new_at", "created_at",
)  # fmt: skip


def _record(row: Any) -> wire.FeedRecord:
    return wire.FeedRecord(**{name: getattr(row, name) for name in _SAME}, posts=row.last_seq)

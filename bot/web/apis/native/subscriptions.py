"""``/api/v1/subscriptions``: which feed's posts go where."""

from typing import Any

from adapters.base import Found, Page
from bot.clock import to_millis
from bot.errors import Invalid
from bot.rules import ids, options
from bot.usecases import push_feeds
from bot.usecases.chat.pausing import UNTIL_RESUMED
from bot.usecases.idempotency import Answer
from bot.usecases.native import feeds, subscriptions
from bot.web.apis.native import times, wire
from bot.web.apis.native.desk import Desk, size, wanted_id
from bot.web.apis.native.names import Meant, find
from bot.web.surface import Call, Route
from storage.models import Feed, FeedState

ID = {"subscriptionId": "as GET /api/v1/subscriptions shows it"}
NONE = "there is no such subscription"
ENDED = "this subscription has ended"
LIST = "subscriptions"


class Subscriptions:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        path = "/api/v1/subscriptions"
        one = f"{path}/{{subscriptionId}}"
        answer = wire.FeedSubscription
        return [
            Route(
                *("GET", path, self.list_subscriptions, "What you follow, the newest first", wire.FeedSubscriptions),
                query=wire.SubscriptionQuery,
                errors={400: ["this cursor was not made for this list"]},
            ),
            Route(
                *("POST", path, self.create_subscription, "Have a feed's posts sent to a destination", answer),
                description="Posts from now on are sent; what the feed holds already is not. What is there already is "
                "answered as it is.",
                body=wire.NewSubscription,
                once=True,
                errors={
                    400: ["either name or feedId is required", "there is no source of that kind"],
                    402: ["no credits are left"],
                    403: ["the plan allows no more subscriptions"],
                    404: [
                        "there is no such destination",
                        "there is no such feed among those that you follow",
                        "no feed is known by that name",
                    ],
                    409: ["the destination is not verified yet"],
                    503: ["the feed cannot be read at present"],
                },
            ),
            Route(
                *("GET", one, self.get_subscription, "A subscription, also one that has ended", answer),
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("PATCH", one, self.change_subscription, "Ask for other kinds of posts", answer),
                parameters=ID,
                body=wire.SubscriptionChange,
                errors={404: [NONE], 409: [ENDED]},
            ),
            Route(
                *("DELETE", one, self.delete_subscription, "End it; what is queued for it is not sent", wire.Removed),
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("POST", f"{one}/pause", self.pause_subscription, "Pass over the posts of a time", answer),
                parameters=ID,
                body=wire.Pause,
                once=True,
                errors={400: ["until is no time", "until has passed"], 404: [NONE], 409: [ENDED]},
            ),
            Route(
                *("POST", f"{one}/resume", self.resume_subscription, "Have posts sent again from now on", answer),
                parameters=ID,
                once=True,
                errors={404: [NONE], 409: [ENDED]},
            ),
        ]

    async def list_subscriptions(self, call: Call) -> wire.FeedSubscriptions:
        query: wire.SubscriptionQuery = call.query
        desk, now = self._desk, self._desk.clock()
        _, before = desk.place(call, LIST)
        page = await desk.database.read(
            subscriptions.page,
            call.account_id,
            before,
            size(call),
            feed=wanted_id(query.feedId),
            destination=wanted_id(query.destinationId),
        )
        return wire.FeedSubscriptions([_shown(row, now) for row in page.entries], desk.cursor(call, page, LIST))

    async def get_subscription(self, call: Call) -> wire.FeedSubscription:
        row = await self._desk.database.read(subscriptions.get, call.account_id, _id(call))
        return _shown(row, self._desk.clock())

    async def create_subscription(self, call: Call) -> Answer:
        body: wire.NewSubscription = call.body
        if bool(body.name) == bool(body.feedId):
            raise Invalid("either name or feedId is required", field="name", code="missing_field")
        if earlier := await self._desk.earlier(call):
            return earlier
        desk, now = self._desk, self._desk.clock()
        wish = subscriptions.Wish(
            call.account_id, ids.read(body.destinationId), body.latest or False, _options(body.options)
        )
        feed = None
        if body.feedId:
            feed = (await desk.database.read(feeds.get, call.account_id, ids.read(body.feedId))).feed
        await desk.database.read(subscriptions.check, desk.plans, wish, feed)
        meant = await self._known(feed) if feed else await find(desk, body.name or "", body.source)
        return await desk.once(
            call,
            lambda row: _shown(row, now),
            subscriptions.subscribe,
            *(desk.terms, desk.plans, wish, meant.source, meant.found, meant.host),
        )

    async def _known(self, feed: Feed) -> Meant:
        """As it stands, where it is read or pushed into; what has not been read for a time is read first, so that
        what was missed is not news."""
        if feed.source == push_feeds.KIND or (feed.state == FeedState.ACTIVE and feed.last_success_at is not None):
            return Meant(feed.source, Found(feed.key, Page(cursor={})), feed.host)
        return await find(self._desk, feed.name or feed.key, feed.source)

    async def change_subscription(self, call: Call) -> wire.FeedSubscription:
        body: wire.SubscriptionChange = call.body
        wishes = options.Options(body.options.reposts, body.options.replies)
        row = await self._desk.database.write(subscriptions.change, call.account_id, _id(call), wishes)
        return _shown(row, self._desk.clock())

    async def delete_subscription(self, call: Call) -> wire.Removed:
        await self._desk.database.write(subscriptions.end, call.account_id, _id(call))
        return wire.Removed(_id(call).lower())

    async def pause_subscription(self, call: Call) -> Answer:
        body: wire.Pause = call.body
        now = self._desk.clock()
        until = None if body.until is None else times.read(body.until, "until")
        if until is not None and until <= now:
            raise Invalid("until has passed", field="until", code="invalid_value", hint="leave it out for no end")
        return await self._desk.once(
            call, lambda row: _shown(row, now), subscriptions.pause, call.account_id, _id(call), until
        )

    async def resume_subscription(self, call: Call) -> Answer:
        now = self._desk.clock()
        return await self._desk.once(
            call, lambda row: _shown(row, now), subscriptions.resume, call.account_id, _id(call)
        )


def _options(given: wire.Options | None) -> options.Options | None:
    return None if given is None else options.Options(given.reposts, given.replies)


def _id(call: Call) -> str:
    return call.path["subscriptionId"]


def _shown(row: Any, now: Any) -> wire.FeedSubscription:
    wish, feed, to = row
    wishes = options.read(wish.options)
    paused = wish.active and wish.paused_until is not None and wish.paused_until > now
    return wire.FeedSubscription(
        id=ids.numbered(to_millis(wish.created_at), wish.id),
        state="paused" if paused else "active" if wish.active else "ended",
        feed=wire.FeedBrief(str(feed.uid), feed.source, feed.key, feed.title),
        destination=wire.DestinationBrief(str(to.uid), to.channel, to.address),
        options=wire.Options(wishes.reposts, wishes.replies),
        pausedUntil=times.shown(wish.paused_until) if paused and wish.paused_until < UNTIL_RESUMED else None,
        createdAt=times.shown(wish.created_at),
    )

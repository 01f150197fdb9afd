"""``/api/v1/feeds``: finding what a name means, how a feed fares, and pushing posts in."""

from typing import Any

from adapters.base import Found, Post
from adapters.sources import push
from bot.errors import Invalid, Unavailable
from bot.rules import ids
from bot.usecases import push_feeds, pushed
from bot.usecases.idempotency import Answer
from bot.usecases.native import feeds
from bot.web.apis.native import times, wire
from bot.web.apis.native.desk import Desk
from bot.web.apis.native.names import Meant, find
from bot.web.surface import Call, Route, as_json
from storage.models import Feed, FeedState

ID = {"feedId": "as a subscription or a post shows it"}
NONE = "there is no such feed among those that you follow"
NEWEST = 5


class Feeds:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        path = "/api/v1/feeds"
        return [
            Route(
                *("POST", f"{path}/resolve", self.resolve_feed, "See what a name or address means", wire.FoundFeed),
                description="Reads it over the network, and stores nothing: this is what a subscription would follow.",
                body=wire.FeedName,
                once=True,
                errors={
                    400: ["there is no source of that kind"],
                    404: ["no feed is known by that name"],
                    503: ["the feed cannot be read at present"],
                },
            ),
            Route(
                *("POST", path, self.make_push_feed, "Make a feed that you push posts into", wire.PushFeed),
                status=201,
                body=wire.NewPushFeed,
                once=True,
            ),
            Route(
                *("GET", f"{path}/{{feedId}}", self.get_feed, "A feed that you follow, and how it fares", wire.Feed),
                parameters=ID,
                errors={404: [NONE]},
            ),
            Route(
                *("POST", f"{path}/{{feedId}}/posts", self.push_posts, "Push posts into your feed", wire.PushResults),
                description="The answer comes when they are stored. What is pushed again is not announced again; what "
                "has changed is a new version.",
                parameters=ID,
                body=wire.PushedPosts,
                once=True,
                errors={
                    400: ["nothing in it can be used"],
                    404: [NONE],
                    409: ["this feed is read from its publisher, nobody pushes into it"],
                },
            ),
        ]

    async def resolve_feed(self, call: Call) -> Answer:
        if earlier := await self._desk.earlier(call):
            return earlier
        body: wire.FeedName = call.body
        meant = await find(self._desk, body.name, body.source)

        def told(known: Feed | None) -> wire.FoundFeed:
            return _found(meant, known)

        return await self._desk.once(call, told, feeds.followed, call.account_id, meant.source, meant.found.key)

    async def get_feed(self, call: Call) -> wire.Feed:
        return _shown(await self._desk.database.read(feeds.get, call.account_id, _id(call)))

    async def make_push_feed(self, call: Call) -> Answer:
        wish: wire.NewPushFeed = call.body
        base = self._desk.terms.public_base_url

        def told(made: push_feeds.Made) -> Answer:
            url = f"{base}/webhooks/feeds/{made.token}"
            return Answer(201, as_json(wire.PushFeed(str(made.feed.uid), made.feed.title, url)))

        return await self._desk.once(call, told, push_feeds.make, call.account_id, wish.title)

    async def push_posts(self, call: Call) -> Answer:
        desk = self._desk
        if not desk.gate.may_ingest:
            raise Unavailable("nothing new is taken in at present", hint="ask again as Retry-After says")
        now = desk.clock()
        read = [_post(one, now) for one in call.body.posts]
        good = [one for one in read if isinstance(one, Post)]
        if not good:
            raise Invalid(f"nothing in it can be used: {read[0]}", field="posts", code="invalid_value")

        def told(received: pushed.Received) -> wire.PushResults:
            desk.metrics.posts.inc(received.recorded.posts)
            desk.metrics.queued.inc(received.recorded.deliveries)
            left = iter(received.results)
            return wire.PushResults([_result(one, left) for one in read])

        terms = desk.terms
        return await desk.once(call, told, feeds.push, call.account_id, _id(call), good, terms.policy, terms.interval)


def _id(call: Call) -> Any:
    return ids.read(call.path["feedId"])


def _post(item: wire.PushedPost, now: Any) -> Post | str:
    """Or what is wrong with it."""
    try:
        return push.read({name: getattr(item, name) for name in item.__struct_fields__}, now)
    except ValueError as error:
        return str(error)


def _result(one: Post | str, results: Any) -> wire.PushResult:
    if isinstance(one, str):
        return wire.PushResult(None, "error", one)
    return wire.PushResult(one.raw_id or one.url or None, next(results), None)


def _found(meant: Meant, known: Feed | None) -> wire.FoundFeed:
    found: Found = meant.found
    info, posts = found.page.info, found.page.posts
    return wire.FoundFeed(
        source=meant.source,
        address=found.key,
        name=(info.name if info else "") or None,
        title=info.title if info else "",
        home=info.home if info else "",
        image=(info.image if info else "") or None,
        feedId=str(known.uid) if known else None,
        posts=len(posts),
        newest=[wire.FoundPost(one.title, one.url, times.shown_if(one.published)) for one in reversed(posts[-NEWEST:])],
    )


def _shown(known: feeds.Known) -> wire.Feed:
    row = known.feed
    return wire.Feed(
        id=str(row.uid),
        source=row.source,
        address=row.key,
        name=row.name or None,
        title=row.title,
        home=row.home,
        image=row.image or None,
        posts=row.last_seq,
        pushable=known.pushable,
        health=_health(row),
        createdAt=times.shown(row.created_at),
    )


def _health(row: Feed) -> wire.Health:
    active = row.state == FeedState.ACTIVE
    read = row.last_success_at is not None
    status: Any = row.state if not active else "failing" if row.failures else "ok" if read else "unread"
    return wire.Health(
        status=status,
        failures=row.failures,
        failingSince=times.shown_if(row.failing_since),
        reason=row.reason or None,
        lastReadAt=times.shown_if(row.last_success_at),
        lastPostAt=times.shown_if(row.last_new_at),
        nextReadAt=times.shown(row.due_at) if active and row.lease_token is None else None,
    )

"""``/api/v1/posts``: what was found in the feeds that one follows."""

from adapters.base import PostView
from bot.rules import ids
from bot.usecases.native import posts
from bot.web.apis.native import times, wire
from bot.web.apis.native.desk import Desk, size, wanted_id
from bot.web.surface import Call, Route
from storage.columns import to_micros

LIST = "posts"


class Posts:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route(
                *("GET", "/api/v1/posts", self.list_posts, "Posts of your feeds, the latest found first", wire.Posts),
                query=wire.PostQuery,
                errors={
                    400: ["this cursor was not made for this list", "since is no time"],
                    404: ["there is no such feed among those that you follow"],
                },
            ),
            Route(
                *("GET", "/api/v1/posts/{postId}", self.get_post, "A post in its present version", wire.Post),
                parameters={"postId": "as lists and webhooks show it"},
                errors={404: ["there is no such post of a feed that you follow"]},
            ),
        ]

    async def list_posts(self, call: Call) -> wire.Posts:
        query: wire.PostQuery = call.query
        desk = self._desk
        page = await desk.database.read(
            posts.page,
            call.account_id,
            feed=wanted_id(query.feedId),
            since=0 if query.since is None else to_micros(times.read(query.since, "since")),
            before=desk.place(call, LIST),
            limit=size(call),
        )
        return wire.Posts([_shown(one) for one in page.entries], desk.cursor(call, page, LIST))

    async def get_post(self, call: Call) -> wire.Post:
        return _shown(await self._desk.database.read(posts.get, call.account_id, ids.read(call.path["postId"])))


def _shown(one: PostView) -> wire.Post:
    return wire.Post(
        id=one.id,
        seq=one.seq,
        version=one.version,
        feed=wire.FeedBrief(one.feed_id, one.source, one.feed_url, one.feed_title),
        title=one.title,
        text=one.text,
        url=one.url,
        author=one.author,
        publishedAt=times.shown_if(one.published),
        updatedAt=times.shown_if(one.updated),
        foundAt=times.shown(one.found),
        image=one.image or None,
        tags=list(one.tags),
    )

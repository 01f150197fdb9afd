"""The server: looks people up, reads timelines, searches and streams, within limits, and says so in headers."""

import asyncio
import base64
import json
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self
from urllib.parse import quote

import msgspec
from aiohttp import web

from adapters.sources.x import Config
from bot.clock import Clock, utc_now
from tests.fakes.x import shapes
from tests.fakes.x.activity import Activity
from tests.fakes.x.queries import compiled
from tests.fakes.x.streaming import Streaming
from tests.fakes.x.tricks import (
    NO_RULES,
    OLD_TOO_MANY,
    TOO_MANY,
    UNAUTHORIZED,
    Answer,
    Failure,
    Rules,
)
from tests.fakes.x.world import Tweet, User, World, floor_id

BEARER, KEY, SECRET = "AAAA%2Ftest%3Dbearer", "test-key", "test-secret"
WEEK, SEARCH_LAG = timedelta(days=7), timedelta(seconds=30)
REACH, REACH_WITHOUT_REPLIES = 3200, 800
HEADERS = web.RequestKey("headers", dict[str, str])

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Window:
    """Requests to one endpoint since its first one, for a quarter of an hour."""

    ends: datetime
    used: int = 0


@dataclass
class FakeX:
    """``async with FakeX(clock) as x: x.post("nasa", "It flies.")``; ``x.world`` is everything that there is."""

    clock: Clock = utc_now
    host: str = "127.0.0.1"
    port: int = 0
    rules: Rules = field(default_factory=Rules)
    requests: Counter[str] = field(default_factory=Counter)  # by endpoint
    asked: list[str] = field(default_factory=list)  # paths with their queries, in order
    billed: int = 0  # posts and users that were answered, each as often as it was
    _tricks: defaultdict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    _always: dict[str, Answer] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(self.clock)
        self.streaming = Streaming(self.rules)
        self.activity = Activity(self.world, self.rules)

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        app = web.Application()
        app.router.add_post("/oauth2/token", self._guarded("token", self._token))
        app.router.add_get("/2/users/by/username/{name}", self._guarded("users", self._user))
        app.router.add_get("/2/users/by", self._guarded("users", self._users))
        app.router.add_get("/2/users/{id}/tweets", self._guarded("timeline", self._timeline))
        app.router.add_get("/2/tweets/search/recent", self._guarded("search", self._search))
        app.router.add_get("/2/tweets/search/stream", self._guarded("stream", self._stream))
        app.router.add_get("/2/tweets/search/stream/rules", self._guarded("rules", self._list_rules))
        app.router.add_post("/2/tweets/search/stream/rules", self._guarded("change_rules", self._change_rules))
        for method, name in (("GET", "subscriptions"), ("POST", "subscribe"), ("DELETE", "unsubscribe")):
            app.router.add_route(method, "/2/activity/subscriptions", self._guarded(name, self._subscriptions))
        app.router.add_get("/2/activity/stream", self._guarded("activity", self._activity))
        app.router.add_route("*", "/_control/{order}", self.control)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self.streaming.hang_up()
        self.activity.hang_up()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def config(self, **changes: Any) -> Config:
        """Settings that fit."""
        return Config(**({"base_url": self.url, "bearer_token": BEARER} | changes))

    # --- People ---

    def user(self, username: str, name: str = "", **about: Any) -> User:
        return self.world.user(username, name, **about)

    def post(self, username: str, text: str = "", **more: Any) -> Tweet:
        """A new post, which goes out to those who listen; ``more`` as in World.post."""
        tweet = self.world.post(username, text, **more)
        self._announce(tweet)
        return tweet

    def edit(self, tweet: Tweet, text: str) -> Tweet:
        self.world.edit(tweet, text)
        self._announce(tweet)
        return tweet

    def delete(self, tweet: Tweet) -> None:
        self.world.delete(tweet)
        self.activity.deleted(tweet)

    def _announce(self, tweet: Tweet) -> None:
        self.billed += self.activity.posted(tweet)
        matching = self.streaming.matching(tweet)
        if not matching or tweet.author.protected or tweet.author.suspended or self.streaming.deaf:
            return
        for one in self.streaming.connections:
            wanted = shapes.Shapes(self.world, one.query, new_names=self.rules.new_names)
            page = wanted.page([tweet])
            self.billed += 1
            self.streaming.say(one, page | {"data": page["data"][0], "matching_rules": matching})

    # --- Tricks ---

    def fail(self, endpoint: str, *how: Answer) -> None:
        """The next requests to an endpoint, by its name in tricks.LIMITS, meet these."""
        self._tricks[endpoint].extend(how)

    def always(self, endpoint: str, how: Answer | None) -> None:
        """Every request does, until told otherwise."""
        if how is None:
            self._always.pop(endpoint, None)
        else:
            self._always[endpoint] = how

    def _guarded(self, endpoint: str, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self.requests[endpoint] += 1
            self.asked.append(request.path_qs)
            trick = self._tricks[endpoint].popleft() if self._tricks[endpoint] else self._always.get(endpoint)
            await asyncio.sleep(self.rules.slow_seconds)
            headers: dict[str, str] = {"Date": format_datetime(self.clock(), usegmt=True)}
            if trick:
                return await self._give(request, trick, headers)
            if endpoint != "token" and request.headers.get("Authorization") != f"Bearer {BEARER}":
                return await self._give(request, UNAUTHORIZED, headers)
            try:
                headers |= self._count(endpoint)
                request[HEADERS] = headers
                answer = await handler(request)
            except Failure as failure:
                return web.json_response(failure.body, status=failure.status, headers=headers | failure.headers)
            if not answer.prepared:
                answer.headers.update(headers)
            return answer

        return guarded

    async def _give(self, request: web.Request, answer: Answer, headers: Mapping[str, str]) -> web.StreamResponse:
        if answer.slow_seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), answer.slow_seconds)
        headers = {**headers, "Content-Type": answer.content_type, **answer.headers}
        if not answer.cut:
            return web.Response(status=answer.status, headers=headers, body=answer.body)
        assert request.transport is not None
        head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {2 * len(answer.body)}\r\n\r\n"
        request.transport.write(head.encode() + answer.body)
        request.transport.close()
        return web.Response()

    def _count(self, endpoint: str) -> dict[str, str]:
        now, limit = self.clock(), self.rules.limits[endpoint]
        window = self._windows.get(endpoint)
        if window is None or window.ends <= now:
            window = self._windows[endpoint] = Window(now + timedelta(seconds=self.rules.window_seconds))
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(0, limit - window.used - 1)),
            "x-rate-limit-reset": str(int(window.ends.timestamp())),
        }
        if window.used >= limit:
            body = OLD_TOO_MANY if self.rules.old_limit_body else TOO_MANY
            raise Failure(429, json.loads(body), **headers)
        window.used += 1
        return headers

    # --- The API ---

    async def _token(self, request: web.Request) -> web.Response:
        pair = base64.b64encode(f"{quote(KEY)}:{quote(SECRET)}".encode()).decode()
        form = await request.post()
        if request.headers.get("Authorization") != f"Basic {pair}" or form.get("grant_type") != "client_credentials":
            error = {"code": 99, "label": "authenticity_token_error", "message": "Unable to verify your credentials"}
            raise Failure(403, {"errors": [error]})
        return self._json({"token_type": "bearer", "access_token": BEARER})

    async def _user(self, request: web.Request) -> web.Response:
        return self._look_up(request, [request.match_info["name"]], "username", single=True)

    async def _users(self, request: web.Request) -> web.Response:
        names = request.query.get("usernames", "").split(",")
        if not 1 <= len(names) <= 100:
            message = f"The size of the `usernames` query parameter [{len(names)}] is not between 1 and 100"
            raise Failure.invalid("usernames", str(len(names)), message)
        return self._look_up(request, names, "usernames", single=False)

    def _look_up(self, request: web.Request, names: list[str], parameter: str, *, single: bool) -> web.Response:
        wanted = shapes.Shapes(self.world, request.query)
        found, errors = [], []
        for name in names:
            if not (1 <= len(name) <= 15 and name.replace("_", "a").isalnum() and name.isascii()):
                message = f"The `{parameter}` query parameter value [{name}] does not match ^[A-Za-z0-9_]{{1,15}}$"
                raise Failure.invalid(parameter, name, message)
            user = self.world.named(name)
            if user is None or user.gone:
                errors.append(shapes.missing(parameter, name))
            elif user.suspended:
                errors.append(shapes.suspended(parameter, name))
            else:
                found.append(wanted.user(user))
        body: Json = {}
        if found:
            body["data"] = found[0] if single else found[::-1]  # in no promised order
        if errors:
            body["errors"] = errors
        self.billed += len(found)
        return self._json(body)

    async def _timeline(self, request: web.Request) -> web.Response:
        query, number = request.query, request.match_info["id"]
        wanted = shapes.Shapes(self.world, query, new_names=self.rules.new_names)
        most = self._most(query, 5, 10)
        user = self.world.users.get(int(number))
        if user is None or user.gone:
            return self._json({"errors": [shapes.missing("id", number)]})
        if user.suspended:
            return self._json({"errors": [shapes.suspended("id", number)]})
        if user.protected:
            return self._json({"errors": [shapes.protected(number)]})
        exclude = shapes.split(query.get("exclude", ""))
        reach = REACH_WITHOUT_REPLIES if "replies" in exclude else REACH
        tweets = self.world.newer(int(query.get("since_id", "0")), user.tweets[-reach:])
        return self._paged(tweets, most, query, wanted, lambda tweet: not _excluded(tweet, exclude))

    async def _search(self, request: web.Request) -> web.Response:
        query, now = request.query, self.clock()
        wanted = shapes.Shapes(self.world, query, new_names=self.rules.new_names)
        most = self._most(query, 10, 10)
        text = query["query"]
        if len(text) > self.rules.query_length:
            message = (
                f"The length of the query [{len(text)}] is above the maximum of {self.rules.query_length} characters"
            )
            raise Failure.invalid("query", text, message)
        test = compiled(text)
        since = int(query.get("since_id", "0"))
        if since and since < (floor := floor_id(now - WEEK)):
            raise _too_old(since, now, floor)
        until = now if since else now - SEARCH_LAG

        def found(tweet: Tweet) -> bool:
            there = tweet.searchable_at <= now and tweet.at <= until and not tweet.author.protected
            return there and not tweet.is_repost and not tweet.author.suspended and test(tweet)

        tweets = [one for one in self.world.newer(max(since, floor_id(now - WEEK))) if found(one)]
        return self._paged(tweets, most, query, wanted, lambda _: True)

    def _paged(
        self,
        tweets: Any,
        most: int,
        query: Mapping[str, str],
        wanted: shapes.Shapes,
        shown: Callable[[Tweet], bool],
    ) -> web.Response:
        """Newest first.  What is not shown leaves a page short, or empty."""
        token = query.get("pagination_token") or query.get("next_token")
        rows = list(reversed(tweets))
        if token:
            before = int(base64.b32hexdecode(token))
            rows = [one for one in rows if one.id < before]
        cut, more = rows[:most], len(rows) > most
        page_rows = [one for one in cut if shown(one)]
        body = wanted.page(page_rows)
        self.billed += wanted.resources(body)
        meta: Json = {"result_count": len(page_rows)}
        if page_rows:
            meta |= {"newest_id": str(page_rows[0].id), "oldest_id": str(page_rows[-1].id)}
        if more:
            meta["next_token"] = base64.b32hexencode(str(cut[-1].id).encode()).decode()
        return self._json(body | {"meta": meta})

    def _most(self, query: Mapping[str, str], least: int, usual: int) -> int:
        most = int(query.get("max_results", usual))
        if not least <= most <= 100:
            message = f"The `max_results` query parameter value [{most}] is not between {least} and 100"
            raise Failure.invalid("max_results", str(most), message)
        return most

    # --- The stream ---

    async def _list_rules(self, request: web.Request) -> web.Response:
        return self._json(self.streaming.listed())

    async def _change_rules(self, request: web.Request) -> web.Response:
        status, body = self.streaming.change(await request.json())
        return self._json(body, status)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.streaming.rules:
            raise Failure(409, NO_RULES)
        return await self.streaming.serve(request, request[HEADERS])

    async def _activity(self, request: web.Request) -> web.StreamResponse:
        return await self.activity.serve(request, request[HEADERS])

    async def _subscriptions(self, request: web.Request) -> web.Response:
        match request.method:
            case "POST":
                return self._json(self.activity.create(await request.json()))
            case "DELETE":
                return self._json(self.activity.delete(request.query["ids"].split(",")))
            case _:
                return self._json(self.activity.listed(request.query))

    def _json(self, body: Any, status: int = 200) -> web.Response:
        return web.Response(
            status=status, body=msgspec.json.encode(body), content_type="application/json", charset="utf-8"
        )

    # --- From another process ---

    async def control(self, request: web.Request) -> web.Response:
        """Steer from another process; bodies and answers are JSON.

        POST /_control/users   {"username": "user{}", "count": 1000, "protected": false}    make users, {} is 0, 1, …
        POST /_control/posts   {"username": "user{}", "count": 1000, "text": "…"}           one post of each; their ids
        POST /_control/fail    {"endpoint": "timeline", "status": 503}                      always; status 0: no more
        POST /_control/limits  {"search": 100000}
        POST /_control/stream  {"do": "disconnect"}                                         or "hang_up"
        GET  /_control/counts  {"requests": {endpoint: n}, "billed": n, "connections": n}
        """
        order = await request.json() if request.can_read_body else {}
        match request.match_info["order"]:
            case "users":
                name = order.pop("username")
                for number in range(order.pop("count", 1)):
                    self.user(name.replace("{}", str(number)), **order)
            case "posts":
                name, text = order.pop("username"), order.pop("text", "")
                count = order.pop("count", 1)
                made = [self.post(name.replace("{}", str(number)), text, **order) for number in range(count)]
                return web.json_response({"ids": [str(one.id) for one in made]})
            case "fail":
                self.always(order["endpoint"], Answer(order["status"]) if order["status"] else None)
            case "limits":
                self.rules.limits.update(order)
            case "stream":
                {"disconnect": self.streaming.disconnect, "hang_up": self.streaming.hang_up}[order["do"]]()
            case "counts":
                connections = len(self.streaming.connections)
                return web.json_response({"requests": self.requests, "billed": self.billed, "connections": connections})
            case _:
                return web.json_response({"error": "no such order"}, status=404)
        return web.json_response({"ok": True})


def _excluded(tweet: Tweet, exclude: set[str]) -> bool:
    return (tweet.is_reply and "replies" in exclude) or (tweet.is_repost and "retweets" in exclude)


def _too_old(since: int, now: datetime, floor: int) -> Failure:
    after = (now - WEEK).strftime("%Y-%m-%dT%H:%MZ")
    message = (
        f"'since_id' must be a tweet id created after {after}. Please use a 'since_id' that is larger than {floor}"
    )
    return Failure.invalid("since_id", str(since), message)

"""The native API's feeds and subscriptions: what a name means, following it, pausing, options, pushing posts in."""

import re
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import FeedFailed, FeedFault, FeedGone, FeedUnavailable
from storage import models
from tests import world
from tests.bot.web.gateway import Served
from tests.world import HOUR, item

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEEDS, SUBSCRIPTIONS = "/api/v1/feeds", "/api/v1/subscriptions"
NOBODYS = "019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10"


# What a name means


async def test_a_name_is_resolved_with_its_newest_posts_and_nothing_is_stored(served: Served) -> None:
    caller = await served.caller()
    url = served.feeds.add("https://resolve.example.org/", *[item(n) for n in range(7)], title="News")
    found = await caller("POST", f"{FEEDS}/resolve", {"name": url})
    assert found.status == 200
    assert list(found.body) == [
        "source", "address", "name", "title", "home", "image", "feedId", "posts", "newest",
    ]  # fmt: skip
    assert (found.body["source"], found.body["address"], found.body["title"]) == ("feed", url, "News")
    assert (found.body["feedId"], found.body["posts"]) == (None, 7)
    assert [one["title"] for one in found.body["newest"]] == [f"Post {n}" for n in (6, 5, 4, 3, 2)]
    assert await served.database.read(world.rows, models.Feed, key=url) == []


async def test_what_one_follows_is_resolved_to_its_id_and_what_others_follow_is_not(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    url = served.feeds.add("https://known.example.org/")
    followed = await caller.follows(url, (await caller.webhook())["id"])
    assert (await caller("POST", f"{FEEDS}/resolve", {"name": url})).body["feedId"] == followed["feed"]["id"]
    assert (await stranger("POST", f"{FEEDS}/resolve", {"name": url})).body["feedId"] is None


async def test_only_the_source_that_is_named_is_asked(served: Served) -> None:
    caller = await served.caller()
    found = await caller("POST", f"{FEEDS}/resolve", {"name": "elonmusk", "source": "x"})
    assert (found.body["source"], found.body["name"]) == ("x", "elonmusk")
    served.feeds.asked.clear()
    assert (await caller("POST", f"{FEEDS}/resolve", {"name": "nobody", "source": "x"})).fault[0] == 404
    assert served.feeds.asked == []
    assert (await caller("POST", f"{FEEDS}/resolve", {"name": "x", "source": "radio"})).fault == (400, "invalid_value")


async def test_why_a_feed_cannot_be_had_is_said(served: Served) -> None:
    caller = await served.caller()
    served.feeds.add("https://a.example.org/")
    missing = await caller("POST", f"{FEEDS}/resolve", {"name": "https://nothing.example.org/"})
    assert missing.fault == (404, "feed_not_found")
    assert missing.body["error"]["hint"].startswith("perhaps https://")
    for error, fault in (
        (FeedGone("410"), (404, "feed_gone")),
        (FeedUnavailable("protected"), (404, "feed_gone")),
        (FeedFailed(FeedFault.TIMEOUT, "no answer"), (503, "feed_unreadable")),
    ):
        served.feeds.documents["https://bad.example.org/"] = error
        assert (await caller("POST", f"{FEEDS}/resolve", {"name": "https://bad.example.org/"})).fault == fault


# Subscriptions


async def test_a_subscription_is_made_listed_shown_and_ended(served: Served) -> None:
    caller = await served.caller()
    to = await caller.webhook()
    url = served.feeds.add("https://one.example.org/", item(1), title="One")
    made = await caller.follows(url, to["id"])
    assert list(made) == ["id", "state", "feed", "destination", "options", "pausedUntil", "createdAt"]
    assert made["feed"] == {"id": made["feed"]["id"], "source": "feed", "address": url, "title": "One"}
    assert made["destination"] == {"id": to["id"], "channel": "webhook", "address": to["address"]}
    assert (made["state"], made["options"]) == ("active", {"reposts": False, "replies": False})
    assert (await caller("GET", SUBSCRIPTIONS)).body == {"data": [made], "nextCursor": None}
    assert (await caller("GET", f"{SUBSCRIPTIONS}/{made['id']}")).body == made
    assert (await caller("GET", f"{SUBSCRIPTIONS}/{made['id'].upper()}")).body == made
    ended = await caller("DELETE", f"{SUBSCRIPTIONS}/{made['id']}")
    assert ended.body == {"id": made["id"], "removed": True}
    assert (await caller("GET", SUBSCRIPTIONS)).body["data"] == []
    assert (await caller("GET", f"{SUBSCRIPTIONS}/{made['id']}")).body["state"] == "ended"
    for method, path in (("POST", "/pause"), ("POST", "/resume")):
        assert (await caller(method, f"{SUBSCRIPTIONS}/{made['id']}{path}")).fault == (409, "ended")
    assert (await caller("DELETE", f"{SUBSCRIPTIONS}/{made['id']}")).status == 200  # once more does nothing


async def test_what_a_feed_holds_already_is_not_sent_but_for_the_newest_if_wished(served: Served) -> None:
    caller = await served.caller()
    to = await caller.webhook()
    quiet = served.feeds.add("https://quiet.example.org/", item(1), item(2))
    latest = served.feeds.add("https://latest.example.org/", item(3), item(4))
    await caller.follows(quiet, to["id"])
    await caller.follows(latest, to["id"], latest=True)
    assert [one["post"]["title"] for one in (await caller("GET", "/api/v1/deliveries")).body["data"]] == ["Post 4"]


async def test_the_same_pair_is_the_same_subscription_and_takes_no_quota(served: Served) -> None:
    caller = await served.caller("free")
    to = await caller.webhook()
    url = served.feeds.add("https://twice.example.org/")
    first = await caller.follows(url, to["id"])
    assert await caller.follows(url, to["id"]) == first
    other = served.feeds.add("https://other.example.org/")
    refused = await caller("POST", SUBSCRIPTIONS, {"name": other, "destinationId": to["id"]})
    assert refused.fault == (403, "limit_reached")
    served.feeds.asked.clear()
    there = await caller.webhook("there")
    refused = await caller("POST", SUBSCRIPTIONS, {"name": other, "destinationId": there["id"]})
    assert refused.fault == (403, "limit_reached")
    assert served.feeds.asked == []  # nobody is asked for what cannot be had


async def test_a_feed_that_one_knows_is_followed_by_its_id_without_the_network(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    url = served.feeds.add("https://by-id.example.org/", item(1))
    feed = (await caller.follows(url, (await caller.webhook())["id"]))["feed"]["id"]
    there = await caller.webhook("second")
    served.feeds.asked.clear()
    made = await caller("POST", SUBSCRIPTIONS, {"feedId": feed, "destinationId": there["id"]})
    assert (made.status, made.body["feed"]["id"]) == (200, feed)
    assert served.feeds.asked == []
    theirs = {"feedId": feed, "destinationId": (await stranger.webhook())["id"]}
    assert (await stranger("POST", SUBSCRIPTIONS, theirs)).fault == (404, "not_found")


async def test_what_appeared_while_nobody_followed_is_no_news(served: Served) -> None:
    caller = await served.caller()
    to = await caller.webhook()
    url = served.feeds.add("https://pause.example.org/", item(1))
    made = await caller.follows(url, to["id"])
    await caller("DELETE", f"{SUBSCRIPTIONS}/{made['id']}")
    served.feeds.add(url, item(1), item(2))
    again = await caller("POST", SUBSCRIPTIONS, {"feedId": made["feed"]["id"], "destinationId": to["id"]})
    assert (again.status, again.body["id"]) == (200, made["id"])
    await served.post("feed", url, item(1), item(2), item(3))
    assert [one["post"]["title"] for one in (await caller("GET", "/api/v1/deliveries")).body["data"]] == ["Post 3"]


@pytest.mark.parametrize(
    ("body", "fault", "field"),
    [
        ({}, (400, "missing_field"), "destinationId"),
        ({"destinationId": NOBODYS}, (400, "missing_field"), "name"),
        ({"destinationId": NOBODYS, "name": "a", "feedId": NOBODYS}, (400, "missing_field"), "name"),
        ({"destinationId": 1, "name": "a"}, (400, "wrong_type"), "destinationId"),
        ({"destinationId": NOBODYS, "name": "a"}, (404, "not_found"), None),
        ({"destinationId": "no id", "name": "a"}, (404, "not_found"), None),
        ({"destinationId": NOBODYS, "feedId": NOBODYS}, (404, "not_found"), None),
        ({"destinationId": NOBODYS, "name": "a", "options": []}, (400, "wrong_type"), "options"),
        ({"destinationId": NOBODYS, "name": "a", "options": {"reposts": 1}}, (400, "invalid_value"), "options.reposts"),
        ({"destinationId": NOBODYS, "name": "a", "options": {"likes": True}}, (400, "invalid_value"), "options"),
    ],
)
async def test_what_is_wrong_with_a_subscription_is_said(
    served: Served, body: Any, fault: Any, field: str | None
) -> None:
    caller = await served.caller()
    refused = await caller("POST", SUBSCRIPTIONS, body)
    assert refused.fault == fault
    assert refused.body["error"].get("field") == field


async def test_nothing_is_sent_to_a_number_that_is_not_verified(served: Served) -> None:
    caller = await served.caller()
    to = await caller("POST", "/api/v1/destinations", {"channel": "whatsapp", "address": caller.number()})
    url = served.feeds.add("https://unverified.example.org/")
    refused = await caller("POST", SUBSCRIPTIONS, {"name": url, "destinationId": to.body["id"]})
    assert refused.fault == (409, "unverified")
    assert to.body["id"] in refused.body["error"]["hint"]


async def test_without_credits_nothing_new_is_followed(served: Served) -> None:
    caller = await served.caller(credits=0)
    to = await caller.webhook()
    url = served.feeds.add("https://credits.example.org/")
    assert (await caller("POST", SUBSCRIPTIONS, {"name": url, "destinationId": to["id"]})).fault == (402, "no_credits")


async def test_options_are_kept_and_changed(served: Served) -> None:
    caller = await served.caller()
    to = await caller.webhook()
    url = served.feeds.add("https://options.example.org/")
    made = await caller.follows(url, to["id"], options={"reposts": True})
    assert made["options"] == {"reposts": True, "replies": False}
    await served.post("feed", url, item(1), item(2, kind="repost"), item(3, kind="reply"))
    titles = [one["post"]["title"] for one in (await caller("GET", "/api/v1/deliveries")).body["data"]]
    assert titles == ["Post 2", "Post 1"]
    changed = await caller("PATCH", f"{SUBSCRIPTIONS}/{made['id']}", {"options": {"replies": True}})
    assert changed.body["options"] == {"reposts": False, "replies": True}
    assert (await caller("GET", f"{SUBSCRIPTIONS}/{made['id']}")).body == changed.body
    assert (await caller.follows(url, to["id"])) == changed.body
    assert (await caller.follows(url, to["id"], options={}))["options"] == {"reposts": False, "replies": False}
    bad = await caller("PATCH", f"{SUBSCRIPTIONS}/{made['id']}", {"options": {"likes": True}})
    assert bad.fault == (400, "invalid_value")


async def test_posts_of_a_pause_are_passed_over(served: Served) -> None:
    caller = await served.caller()
    to = await caller.webhook()
    url = served.feeds.add("https://silence.example.org/")
    made = await caller.follows(url, to["id"])
    path = f"{SUBSCRIPTIONS}/{made['id']}"
    paused = await caller("POST", f"{path}/pause")
    assert (paused.body["state"], paused.body["pausedUntil"]) == ("paused", None)
    await served.post("feed", url, item(1))
    assert (await caller("POST", f"{path}/resume")).body == made
    until = served.clock.now + HOUR
    paused = await caller("POST", f"{path}/pause", {"until": until.isoformat()})
    assert paused.body["pausedUntil"] == f"{until:%Y-%m-%dT%H:%M:%S}.{until.microsecond // 1000:03d}Z"
    await served.post("feed", url, item(2))
    served.clock.advance(timedelta(hours=1))
    assert (await caller("GET", path)).body == made
    await served.post("feed", url, item(3))
    assert [one["post"]["title"] for one in (await caller("GET", "/api/v1/deliveries")).body["data"]] == ["Post 3"]
    for bad in ("tomorrow", "2026-01-01", "2026-01-01T00:00:00", "2020-01-01T00:00:00Z", "2026-13-01T00:00:00Z"):
        refused = await caller("POST", f"{path}/pause", {"until": bad})
        assert (refused.fault, refused.body["error"]["field"]) == ((400, "invalid_value"), "until")


async def test_subscriptions_come_in_pages_and_by_feed_and_destination(served: Served) -> None:
    caller = await served.caller()
    one, two = await caller.webhook("one"), await caller.webhook("two")
    made = []
    for n in range(4):
        url = served.feeds.add(f"https://page{n}.example.org/")
        made.append(await caller.follows(url, (one if n % 2 else two)["id"]))
    first = (await caller("GET", f"{SUBSCRIPTIONS}?limit=3")).body
    rest = (await caller("GET", f"{SUBSCRIPTIONS}?limit=3&cursor={first['nextCursor']}")).body
    assert first["data"] + rest["data"] == made[::-1]
    assert rest["nextCursor"] is None
    there = await caller("GET", f"{SUBSCRIPTIONS}?destinationId={one['id']}")
    assert there.body["data"] == [made[3], made[1]]
    of = await caller("GET", f"{SUBSCRIPTIONS}?feedId={made[2]['feed']['id']}")
    assert of.body["data"] == [made[2]]
    assert (await caller("GET", f"{SUBSCRIPTIONS}?feedId=no-id")).body["data"] == []


# Feeds


async def test_a_feed_shows_how_it_fares(served: Served) -> None:
    caller = await served.caller()
    url = served.feeds.add("https://health.example.org/", item(1), title="Health")
    feed = (await caller.follows(url, (await caller.webhook())["id"]))["feed"]["id"]
    shown = (await caller("GET", f"{FEEDS}/{feed}")).body
    assert (shown["address"], shown["title"], shown["posts"], shown["pushable"]) == (url, "Health", 1, False)
    assert (shown["health"]["status"], shown["health"]["failures"], shown["health"]["reason"]) == ("ok", 0, None)
    assert shown["health"]["lastReadAt"]
    assert shown["health"]["nextReadAt"]

    def fail(work: Any) -> None:
        table = models.Feed.__table__
        failing = {"failures": 2, "failing_since": work.now, "reason": "HTTP 500"}
        work.session.execute(table.update().where(table.c.key == url).values(**failing))

    await served.database.write(fail)
    health = (await caller("GET", f"{FEEDS}/{feed}")).body["health"]
    assert (health["status"], health["failures"], health["reason"]) == ("failing", 2, "HTTP 500")


async def test_posts_are_pushed_into_a_feed_of_ones_own(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    made = await caller("POST", FEEDS, {"title": "Builds"})
    assert made.status == 201
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/webhooks/feeds/[\w-]{43}", made.body["pushUrl"])
    path = f"{FEEDS}/{made.body['id']}"
    assert (await caller("GET", path)).body["pushable"]
    to = await caller.webhook()
    followed = await caller("POST", SUBSCRIPTIONS, {"feedId": made.body["id"], "destinationId": to["id"]})
    assert followed.status == 200
    posts = [{"id": 42, "title": "Build 42 failed"}, {"url": "nonsense"}, {"id": "43", "title": "fine"}]
    pushed = await caller("POST", f"{path}/posts", {"posts": posts})
    assert pushed.status == 200
    assert [one["result"] for one in pushed.body["results"]] == ["created", "error", "created"]
    assert [one["id"] for one in pushed.body["results"]] == ["42", None, "43"]
    again = await caller("POST", f"{path}/posts", {"posts": posts[:1]})
    assert [one["result"] for one in again.body["results"]] == ["unchanged"]
    sent = (await caller("GET", "/api/v1/deliveries")).body["data"]
    assert [one["post"]["title"] for one in sent] == ["fine", "Build 42 failed"]
    assert (await stranger("POST", f"{path}/posts", {"posts": posts})).fault == (404, "not_found")
    malformed: list[Any] = [[], [{}], [{"title": 1}], [1], "x", [{"title": "t"}] * 101]
    for bad in malformed:
        assert (await caller("POST", f"{path}/posts", {"posts": bad})).status == 400


async def test_nobody_pushes_into_what_is_read_from_its_publisher(served: Served) -> None:
    caller = await served.caller()
    url = served.feeds.add("https://read.example.org/")
    feed = (await caller.follows(url, (await caller.webhook())["id"]))["feed"]["id"]
    assert (await caller("POST", f"{FEEDS}/{feed}/posts", {"posts": [{"title": "t"}]})).fault == (409, "conflict")

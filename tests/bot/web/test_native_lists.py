"""The native API's posts and deliveries: in pages, without a gap or a repeat while more comes in."""

from typing import Any

import pytest

from storage import models
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")

POSTS, DELIVERIES = "/api/v1/posts", "/api/v1/deliveries"


async def walk(caller: Caller, path: str, limit: int, between: Any = None) -> list[Any]:
    """All pages of a list; ``between`` is awaited after each."""
    seen: list[Any] = []
    cursor, joint = "", "&" if "?" in path else "?"
    while True:
        page = await caller("GET", f"{path}{joint}limit={limit}{cursor}")
        assert page.status == 200, page.body
        seen += page.body["data"]
        if page.body["nextCursor"] is None:
            return seen
        assert len(page.body["data"]) <= limit
        cursor = f"&cursor={page.body['nextCursor']}"
        if between:
            await between()


async def follow(served: Served, caller: Caller, name: str, count: int) -> tuple[str, Any]:
    """A followed feed whose posts came one after the other; its address and the subscription."""
    url = served.feeds.add(f"https://{name}.example.org/{caller.account_id}", title=name)
    made = await caller.follows(url, (await caller.webhook(name))["id"])
    for n in range(count):
        served.clock.advance(seconds=1)
        await served.post("feed", url, item(f"{name} {n}"))
    return url, made


# Posts


async def test_posts_of_all_that_one_follows_come_the_latest_first(served: Served) -> None:
    caller = await served.caller()
    urls = [served.feeds.add(f"https://mix{n}.example.org/{caller.account_id}") for n in range(3)]
    to = await caller.webhook()
    for url in urls:
        await caller.follows(url, to["id"])
    told = []
    for n in range(7):
        served.clock.advance(seconds=1)
        await served.post("feed", urls[n * n % 3], item(f"a {n}"), item(f"b {n}"))
        told += [f"Post a {n}", f"Post b {n}"]
    for limit in (1, 2, 3, 5, 100):
        assert [one["title"] for one in await walk(caller, POSTS, limit)] == told[::-1]


async def test_nothing_is_missed_or_repeated_while_posts_come_in(served: Served) -> None:
    caller = await served.caller()
    url, _ = await follow(served, caller, "moving", 6)
    more = iter(range(100))

    async def come() -> None:
        await served.post("feed", url, item(f"new {next(more)}"))

    titles = [one["title"] for one in await walk(caller, POSTS, 2, come)]
    assert titles == [f"Post moving {n}" for n in range(5, -1, -1)]
    delivered = [one["post"]["title"] for one in await walk(caller, DELIVERIES, 2, come)]
    assert delivered[-6:] == titles
    assert len(set(delivered)) == len(delivered)


async def test_posts_of_one_feed_and_since_a_time(served: Served) -> None:
    caller = await served.caller()
    _, one = await follow(served, caller, "first", 3)
    await follow(served, caller, "second", 3)
    found = await walk(caller, f"{POSTS}?feedId={one['feed']['id']}", 2)
    assert [post["title"] for post in found] == [f"Post first {n}" for n in (2, 1, 0)]
    assert [post["seq"] for post in found] == [3, 2, 1]
    since = found[1]["foundAt"]
    titles = [post["title"] for post in await walk(caller, f"{POSTS}?since={since}", 2)]
    assert titles == [f"Post {name}" for name in ("second 2", "second 1", "second 0", "first 2", "first 1")]
    both = await walk(caller, f"{POSTS}?since={since}&feedId={one['feed']['id']}", 1)
    assert [post["title"] for post in both] == ["Post first 2", "Post first 1"]
    assert (await caller("GET", f"{POSTS}?since=yesterday")).fault == (400, "invalid_value")
    assert (await caller("GET", f"{POSTS}?since=9999-12-31T23:59:59Z")).body["data"] == []
    assert len((await caller("GET", f"{POSTS}?since=0001-01-01T00:00:00Z")).body["data"]) == 6


async def test_a_post_is_shown_as_webhooks_get_it(served: Served) -> None:
    caller = await served.caller()
    url, made = await follow(served, caller, "single", 0)
    await served.post("feed", url, item("s", author="Ada", image="https://example.org/i.jpg", tags=("bells",)))
    (listed,) = (await caller("GET", POSTS)).body["data"]
    assert listed == {
        "id": listed["id"],
        "seq": 1,
        "version": 1,
        "feed": made["feed"],
        "title": "Post s",
        "text": "The text of s.",
        "url": "https://example.org/s",
        "author": "Ada",
        "publishedAt": None,
        "updatedAt": None,
        "foundAt": listed["foundAt"],
        "image": "https://example.org/i.jpg",
        "tags": ["bells"],
    }
    assert (await caller("GET", f"{POSTS}/{listed['id']}")).body == listed
    (row,) = await served.database.read(world.rows, models.Post, url="https://example.org/s")
    assert str(row.uid) == listed["id"]


async def test_posts_of_what_is_followed_no_more_are_found_by_id_only(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    _, made = await follow(served, caller, "former", 1)
    (post,) = (await caller("GET", POSTS)).body["data"]
    assert (await stranger("GET", f"{POSTS}/{post['id']}")).fault == (404, "not_found")
    assert (await stranger("GET", f"{POSTS}?feedId={made['feed']['id']}")).fault == (404, "not_found")
    await caller("DELETE", f"/api/v1/subscriptions/{made['id']}")
    assert (await caller("GET", POSTS)).body["data"] == []
    assert (await caller("GET", f"{POSTS}/{post['id']}")).status == 200
    assert len((await caller("GET", f"{POSTS}?feedId={made['feed']['id']}")).body["data"]) == 1


# Deliveries


async def state(served: Served, title: str, account_id: int, **fields: Any) -> None:
    (post,) = await served.database.read(world.rows, models.Post, title=title)
    (row,) = await served.database.read(world.rows, models.Delivery, post_id=post.id, account_id=account_id)
    await served.settle(row.id, **fields)


async def test_deliveries_are_listed_the_newest_posts_first_and_by_what_they_are(served: Served) -> None:
    caller = await served.caller()
    _, one = await follow(served, caller, "d1", 4)
    _, two = await follow(served, caller, "d2", 3)
    titles = [f"Post d2 {n}" for n in (2, 1, 0)] + [f"Post d1 {n}" for n in (3, 2, 1, 0)]
    for limit in (1, 3, 100):
        assert [row["post"]["title"] for row in await walk(caller, DELIVERIES, limit)] == titles
    for query in (
        f"subscriptionId={one['id']}",
        f"feedId={one['feed']['id']}",
        f"destinationId={one['destination']['id']}",
    ):
        assert [row["post"]["title"] for row in await walk(caller, f"{DELIVERIES}?{query}", 3)] == titles[3:]
    other = f"{DELIVERIES}?subscriptionId={one['id']}&destinationId={two['destination']['id']}"
    assert await walk(caller, other, 3) == []
    assert await walk(caller, f"{DELIVERIES}?subscriptionId=no-id", 3) == []


async def test_deliveries_of_one_status_are_found_among_many_of_others(served: Served) -> None:
    caller = await served.caller()
    url, _ = await follow(served, caller, "status", 0)
    await served.post("feed", url, item("s -1"))
    for start in range(0, 320, 20):
        await served.post("feed", url, *[item(f"s {n}") for n in range(start - 1, start + 20)])
    for n in (0, 1, 310):
        await state(served, f"Post s {n}", caller.account_id, state="failed", error="gone", failed_at=served.clock.now)
    failed = await walk(caller, f"{DELIVERIES}?status=failed", 2)
    assert [row["post"]["title"] for row in failed] == ["Post s 310", "Post s 1", "Post s 0"]
    assert {row["status"] for row in failed} == {"failed"}
    first = await caller("GET", f"{DELIVERIES}?status=failed&limit=2")
    assert len(first.body["data"]) == 1  # so far it was looked, and the cursor leads on
    assert first.body["nextCursor"]
    assert len(await walk(caller, f"{DELIVERIES}?status=queued", 100)) == 318
    assert (await caller("GET", f"{DELIVERIES}?status=lost")).fault == (400, "invalid_value")


async def test_a_delivery_is_shown_with_its_attempts(served: Served) -> None:
    caller = await served.caller()
    await follow(served, caller, "trail", 1)
    (listed,) = (await caller("GET", DELIVERIES)).body["data"]
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id)

    def attempt(work: Any) -> None:
        now = work.now
        work.session.add(
            models.Attempt(
                delivery_id=row.id, n=1, started_at=now, ended_at=now, outcome="retry", code="http_500", status=500
            )
        )

    await served.database.write(attempt)
    due = served.clock.now
    await served.settle(row.id, state="waiting", attempts=1, error="HTTP 500", due_at=due)
    shown = (await caller("GET", f"{DELIVERIES}/{listed['id']}")).body
    assert (shown["status"], shown["attempts"], shown["error"]) == ("queued", 1, "HTTP 500")
    assert shown["nextAttemptAt"] == f"{due:%Y-%m-%dT%H:%M:%S}.{due.microsecond // 1000:03d}Z"
    (tried,) = shown["trail"]
    assert (tried["n"], tried["outcome"], tried["code"], tried["httpStatus"]) == (1, "retry", "http_500", 500)
    assert tried["response"] is None


async def test_a_failed_delivery_is_sent_again(served: Served) -> None:
    caller = await served.caller()
    await follow(served, caller, "again", 1)
    (listed,) = (await caller("GET", DELIVERIES)).body["data"]
    path = f"{DELIVERIES}/{listed['id']}/again"
    await state(served, "Post again 0", caller.account_id, state="failed", error="x", failed_at=served.clock.now)
    again = await caller("POST", path)
    assert (again.status, again.body["status"], again.body["error"], again.body["failedAt"]) == (
        200, "queued", None, None,
    )  # fmt: skip
    await state(served, "Post again 0", caller.account_id, state="leased", lease_token="t")
    assert (await caller("POST", path)).fault == (409, "being_sent")
    await caller("DELETE", f"/api/v1/destinations/{listed['destination']['id']}")
    await state(served, "Post again 0", caller.account_id, state="failed")
    assert (await caller("POST", path)).fault == (409, "conflict")


async def test_codes_are_nobodys_to_look_at(served: Served) -> None:
    from bot.clock import to_millis
    from bot.rules import ids

    caller = await served.caller()
    await caller("POST", "/api/v1/destinations", {"channel": "whatsapp", "address": caller.number()})
    (row,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id)
    assert row.lane == "code"
    hidden = ids.numbered(to_millis(row.created_at), row.id)
    assert (await caller("GET", f"{DELIVERIES}/{hidden}")).fault == (404, "not_found")
    assert (await caller("POST", f"{DELIVERIES}/{hidden}/again")).fault == (404, "not_found")


# Cursors


async def test_a_cursor_is_good_for_its_own_list_and_account_only(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    await follow(served, caller, "cursor", 3)
    cursor = (await caller("GET", f"{POSTS}?limit=1")).body["nextCursor"]
    assert (await caller("GET", f"{POSTS}?cursor={cursor}")).status == 200
    for who, path, text in (
        (stranger, POSTS, cursor),
        (caller, DELIVERIES, cursor),
        (caller, POSTS, cursor[:-2] + "xx"),
        (caller, POSTS, "nonsense"),
        (caller, "/api/v1/subscriptions", cursor),
    ):
        refused = await who("GET", f"{path}?cursor={text}")
        assert refused.fault == (400, "invalid_cursor")
        assert refused.body["error"]["field"] == "cursor"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "1.5", ""])
async def test_a_limit_is_from_1_to_100(served: Served, limit: str) -> None:
    caller = await served.caller()
    for path in (POSTS, DELIVERIES, "/api/v1/destinations", "/api/v1/subscriptions"):
        assert (await caller("GET", f"{path}?limit={limit}")).status == 400

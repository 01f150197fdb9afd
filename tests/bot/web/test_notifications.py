"""The list of what was sent: complete, in order, page by page, while more comes in; and nobody else's."""

import base64
import re
from typing import Any

import pytest
from sqlalchemy import insert

from bot.clock import to_millis, uuid7
from storage import models
from storage.database import Work
from tests import world
from tests.bot.web.gateway import Caller, Served
from tests.clock import START

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELON = "44196397"
STATUS = "https://x.com/elonmusk/status/"


async def all_of(caller: Caller, query: str = "") -> list[Any]:
    """Every page of the list, each checked for its size."""
    found: list[Any] = []
    key = ""
    while True:
        page = (await caller("GET", f"/notifications?{query}{key}")).body
        found += page["notifications"]
        if "lastKey" not in page:
            return found
        assert len(page["notifications"]) == 50
        key = f"&lastKey={page['lastKey']}"


async def sent(served: Served, number: str, count: int, *, at: int = 0) -> list[str]:
    """Alerts to a phone, a millisecond apart, the oldest first; returns their posts' ids."""
    return await served.database.write(_send, number, count, at)


def _send(work: Work, number: str, count: int, at: int) -> list[str]:
    (phone,) = world.rows(work, models.Destination, address=number)
    subscription = world.rows(work, models.Subscription, destination_id=phone.id)[0]
    had = len(world.rows(work, models.Post))
    names = [f"{9_000_000_000_000_000_000 + had + n}" for n in range(count)]
    usual = {"feed_id": subscription.feed_id, "is_html": False, "found_at": work.now, "digest": b""}
    posts = [
        usual
        | {
            "uid": uuid7(work.now),
            "seq": 1_000_000 + had + n,
            "key": name.encode(),
            "url": STATUS + name,
            "content": name,
        }
        for n, name in enumerate(names, 1)
    ]
    ids = list(work.session.execute(insert(models.Post).returning(models.Post.__table__.c.id), posts).scalars())
    usual = {"account_id": phone.account_id, "subscription_id": subscription.id, "destination_id": phone.id}
    usual |= {"lane": phone.lane, "state": "sent", "expires_at": work.now, "due_at": work.now, "post_version": 1}
    start = at or to_millis(work.now)
    times = [START + (start + n - to_millis(START)) * (world.SECOND / 1000) for n in range(count)]
    rows = [usual | {"post_id": id_, "created_at": t} for id_, t in zip(ids, times, strict=True)]
    work.session.execute(insert(models.Delivery), rows)
    return names


async def test_an_alert_as_the_document_shows_it(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    await served.post("x", ELON, world.item("a", url=f"{STATUS}1797123456789000000", content="<p>To &amp; fro</p>"))
    answer = await caller("GET", "/notifications")
    assert list(answer.body) == ["notifications"]
    (alert,) = answer.body["notifications"]
    assert list(alert) == [
        "notificationId", "userId", "phoneNumber", "xUsername", "tweetId", "tweetText", "tweetUrl", "waMessageId",
        "status", "errorMessage", "createdAt", "updatedAt",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", alert["notificationId"])
    assert alert["userId"] == (await caller("GET", "/user/profile")).body["userId"]
    assert (alert["phoneNumber"], alert["xUsername"]) == (number, "elonmusk")
    assert (alert["tweetId"], alert["tweetUrl"]) == ("1797123456789000000", f"{STATUS}1797123456789000000")
    assert alert["tweetText"] == "To & fro"
    assert (alert["status"], alert["waMessageId"], alert["errorMessage"]) == ("queued", None, None)
    assert alert["createdAt"] == alert["updatedAt"]


async def test_statuses_as_callers_read_them(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()
    await served.post("x", ELON, world.item("b", url=f"{STATUS}2"))
    (delivery,) = await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="")
    later, alert = delivery.created_at + world.SECOND, {}
    for state, shown, changes in (
        ("leased", "queued", {}),
        ("waiting", "queued", {"error": "no answer"}),
        ("held", "queued", {"error": "window closed"}),
        ("sent", "sent", {"error": "", "message_id": "wamid.HBgN", "sent_at": later}),
        ("delivered", "delivered", {"delivered_at": later + world.SECOND}),
        ("read", "read", {}),
        ("failed", "failed", {"error": "no such number", "failed_at": later}),
    ):
        await served.settle(delivery.id, state=state, **changes)
        (alert,) = (await caller("GET", "/notifications")).body["notifications"]
        assert alert["status"] == shown
        assert alert["errorMessage"] == {"held": "window closed", "failed": "no such number"}.get(state)
    assert alert["waMessageId"] == "wamid.HBgN"
    assert alert["updatedAt"] == alert["createdAt"] + 2000


async def test_alerts_of_other_sources_are_listed_with_their_feeds_name(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()

    def follow(work: Work) -> None:
        feed = world.add_feed(work, 900, title="The Harbour", key="https://harbour.example/feed")
        (phone,) = world.rows(work, models.Destination, address=number)
        world.subscribe(work, feed, [phone.id], account=caller.account_id)

    await served.database.write(follow)
    await served.post("feed", "https://harbour.example/feed", world.item("harbour", url="https://harbour.example/1"))
    (alert,) = (await caller("GET", "/notifications")).body["notifications"]
    assert (alert["xUsername"], alert["tweetUrl"]) == ("The Harbour", "https://harbour.example/1")
    assert len(alert["tweetId"]) == 36
    assert len((await caller("GET", "/subscriptions")).body["subscriptions"]) == 1  # which lists X alone


async def test_what_is_no_alert_to_a_phone_is_not_listed(served: Served) -> None:
    caller = await served.caller()
    await caller.subscribed()  # a code went out
    await served.database.write(world.add_destinations, 1, first=5000 + caller.account_id, account=caller.account_id)
    await served.database.write(world.queue, 5000 + caller.account_id, account=caller.account_id)
    assert (await caller("GET", "/notifications")).body == {"notifications": []}


@pytest.mark.parametrize(("count", "pages"), [(50, 1), (51, 2), (120, 3)])
async def test_pages_hold_everything_once_the_newest_first(served: Served, count: int, pages: int) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    posts = await sent(served, number, count)
    listed = await all_of(caller)
    assert [one["tweetId"] for one in listed] == posts[::-1]
    assert [one["tweetText"] for one in listed] == posts[::-1]


async def test_several_phones_are_one_list(served: Served) -> None:
    caller = await served.caller()
    first, second = await caller.subscribed(n=1), await caller.subscribed("nasa", n=2)
    now = to_millis(served.clock.now)
    posts = await sent(served, first, 40, at=now) + await sent(served, second, 40, at=now + 20)
    listed = await all_of(caller)
    assert sorted(one["tweetId"] for one in listed) == sorted(posts)
    times = [one["createdAt"] for one in listed]
    assert times == sorted(times, reverse=True)
    assert {one["phoneNumber"] for one in listed} == {first, second}


async def test_nothing_is_missed_or_repeated_while_new_ones_arrive(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    at = to_millis(served.clock.now)
    posts = await sent(served, number, 60, at=at)
    first = (await caller("GET", "/notifications")).body
    await sent(served, number, 30, at=at + 60)
    second = (await caller("GET", f"/notifications?lastKey={first['lastKey']}")).body
    assert [one["tweetId"] for one in first["notifications"] + second["notifications"]] == posts[::-1]
    assert "lastKey" not in second


async def test_alerts_of_one_moment_are_parted_between_pages(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    posts: list[str] = []
    for _ in range(4):
        posts += await sent(served, number, 20, at=to_millis(START))
    listed = await all_of(caller)
    assert len(listed) == 80
    assert {one["tweetId"] for one in listed} == set(posts)


async def test_from_and_to_are_inclusive(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    start = to_millis(START) + 10_000
    posts = await sent(served, number, 5, at=start)

    async def between(query: str) -> list[str]:
        return [one["tweetId"] for one in await all_of(caller, query)][::-1]

    assert await between(f"from={start + 1}&to={start + 3}") == posts[1:4]
    assert await between(f"from={start + 4}") == posts[4:]
    assert await between(f"to={start}") == posts[:1]
    assert await between(f"from={start + 5}") == await between(f"to={start - 1}") == []
    assert await between(f"from={-(2**63)}&to={2**63 - 1}") == posts


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("from=x", "from must be a number"),
        ("from=", "from must be a number"),
        ("to=1.5", "to must be a number"),
        ("to=9223372036854775808", "to must be a number"),
        ("to=%D9%A3", "to must be a number"),
        ("from=1&from=2", "from must be a number"),
        ("lastKey=", "invalid lastKey"),
        ("lastKey=%00", "lastKey must be a string"),
        ("lastKey=eyJOT1RJRklDQVRJT05fSUQi", "invalid lastKey"),
        ("lastKey=" + "A" * 38, "invalid lastKey"),
        ("lastKey=%C3%A9", "invalid lastKey"),
    ],
)
async def test_queries_that_cannot_be_read(served: Served, query: str, error: str) -> None:
    caller = await served.caller()
    assert (await caller("GET", f"/notifications?{query}")).told == (400, error)


async def test_a_last_key_is_of_use_to_the_account_that_got_it_and_cannot_be_changed(served: Served) -> None:
    caller, stranger = await served.caller(), await served.caller()
    await sent(served, await caller.subscribed(), 51)
    key = (await caller("GET", "/notifications")).body["lastKey"]
    assert (await stranger("GET", f"/notifications?lastKey={key}")).told == (400, "invalid lastKey")
    assert (await caller("GET", f"/notifications?lastKey={key}")).status == 200
    raw = bytearray(base64.urlsafe_b64decode(key + "=="))
    for n in range(len(raw)):
        raw[n] ^= 1
        forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
        assert (await caller("GET", f"/notifications?lastKey={forged}")).told == (400, "invalid lastKey")
        raw[n] ^= 1


async def test_what_was_sent_stays_listed_when_the_phone_is_deleted(served: Served) -> None:
    caller = await served.caller()
    number = await caller.subscribed()
    posts = await sent(served, number, 1)
    await served.post("x", ELON, world.item("c", url=f"{STATUS}3"))
    await caller("DELETE", f"/phones/%2B{number[1:]}")
    listed = await all_of(caller)
    assert {one["tweetId"] for one in listed} == {*posts, "3"}
    assert [one["errorMessage"] for one in listed if one["status"] == "failed"] == ["the phone was deleted"]

"""Every route with every kind of caller: without a key nothing, and never anything that is somebody else's."""

from typing import Any

import pytest
import pytest_asyncio

from bot.usecases import feeds
from storage import models
from storage.chat_models import PushFeed
from storage.database import Work
from tests import world
from tests.bot.web.gateway import (
    Answer,
    Caller,
    Served,
    routes_of_administration,
    routes_of_messages,
    routes_of_native,
    routes_of_x_alerts,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODYS = {"phoneNumber": "+34999999998", "xUsername": "nobody_here", "keyPrefix": "bws_prod_###"}
NO_ID = "019c0ddc-55c0-7a53-8a9d-0f6f3a7d2b10"
NOBODYS |= dict.fromkeys(("destinationId", "feedId", "subscriptionId", "postId", "deliveryId"), NO_ID)
NATIVE = routes_of_native()
MESSAGES = {route.path for route in routes_of_messages()}
ROUTES = [(route.method, route.path) for route in (*routes_of_x_alerts(), *NATIVE, *routes_of_messages())]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_answers_without_a_good_key(served: Served, method: str, path: str) -> None:
    caller = await served.caller()
    ended = (await caller("POST", "/apikeys", {})).body["apiKey"]
    await caller("DELETE", f"/apikeys/{ended[:12]}")
    for headers in ({}, {"x-api-key": "bws_prod_" + "0" * 27}, {"x-api-key": ended}):
        headers |= {"X-Forwarded-For": f"2001:db8:{caller.account_id:x}::2"}
        refused = await served.ask(method, path.format(**NOBODYS), headers=headers, json={})
        assert refused.status == 401
        if path in MESSAGES:
            assert refused.body == {"success": False, "error": {"code": "unauthorized", "message": "Invalid API key"}}
        elif path.startswith("/api/v1/"):
            assert refused.fault == (401, "unauthorized")
        else:
            assert refused.body == {"error": "Unauthorized"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", "/phones/{phoneNumber}", None, 404),
        ("POST", "/phones/verify", {"phoneNumber": "{phoneNumber}", "code": "123456"}, 404),
        ("POST", "/subscriptions", {"xUsername": "nasa", "phoneNumber": "{phoneNumber}"}, 400),
        ("DELETE", "/subscriptions/{xUsername}", None, 404),
        ("DELETE", "/apikeys/{keyPrefix}", None, 404),
    ],
)
async def test_what_is_somebody_elses_is_as_good_as_missing(
    served: Served, method: str, path: str, body: Any, status: int
) -> None:
    owner, stranger = await served.caller(), await served.caller()
    number = await owner.subscribed()
    theirs = {"phoneNumber": number, "xUsername": "elonmusk", "keyPrefix": owner.key[:12]}

    async def ask(names: dict[str, str]) -> Answer:
        filled = {name: text.format(**names) for name, text in body.items()} if body else None
        return await stranger(method, path.format(**{n: t.replace("+", "%2B") for n, t in names.items()}), filled)

    missing, foreign = await ask(NOBODYS), await ask(theirs)
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert foreign.status == status
    assert (await owner("GET", "/phones")).body["phones"][0]["status"] == "verified"
    assert (await owner("GET", "/subscriptions")).body["subscriptions"][0]["isActive"]
    assert len((await owner("GET", "/apikeys")).body) == 1


BODIES: dict[str, Any] = {
    "/api/v1/destinations/{destinationId}/verify": {"code": "123456"},
    "/api/v1/feeds/{feedId}/posts": {"posts": [{"title": "Not yours"}]},
    "/api/v1/subscriptions/{subscriptionId}": {"options": {"reposts": True}},
}


@pytest.mark.parametrize(
    ("method", "path"),
    [pytest.param(route.method, route.path, id=f"{route.method} {route.path}") for route in NATIVE if route.parameters],
)
async def test_every_native_route_treats_what_is_somebody_elses_as_missing(
    served: Served, owned: tuple[Caller, dict[str, str]], method: str, path: str
) -> None:
    (owner, theirs), stranger = owned, await served.caller()
    before = await _look(owner, theirs)
    body = BODIES.get(path) if method != "GET" else None
    missing = await stranger(method, path.format(**NOBODYS), body)
    foreign = await stranger(method, path.format(**theirs), body)
    garbage = await stranger(method, path.format(**dict.fromkeys(NOBODYS, "%2e'x")), body)
    unprintable = await stranger(method, path.format(**dict.fromkeys(NOBODYS, "%2e%00'x")), body)
    assert (missing.status, missing.fault) == (404, (404, "not_found"))
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert (garbage.status, garbage.body) == (missing.status, missing.body)
    assert unprintable.fault == missing.fault
    assert await _look(owner, theirs) == before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned(served: Served) -> tuple[Caller, dict[str, str]]:
    """An account with one of each thing that has an id; no test takes anything away from it."""
    owner = await served.caller()
    return owner, await _everything(served, owner)


async def _everything(served: Served, owner: Caller) -> dict[str, str]:
    """One of each thing that has an id."""
    made = await owner("POST", "/api/v1/feeds", {"title": "Mine"})
    to = await owner.webhook()
    wish = {"feedId": made.body["id"], "destinationId": to["id"]}
    followed = await owner("POST", "/api/v1/subscriptions", wish)
    await owner("POST", f"/api/v1/feeds/{made.body['id']}/posts", {"posts": [{"title": "One"}]})
    (post,) = (await owner("GET", "/api/v1/posts")).body["data"]
    (delivery,) = (await owner("GET", "/api/v1/deliveries")).body["data"]
    named = {"destinationId": to, "feedId": made.body, "subscriptionId": followed.body, "postId": post}
    return {name: one["id"] for name, one in (named | {"deliveryId": delivery}).items()}


async def _look(owner: Caller, theirs: dict[str, str]) -> list[Any]:
    nouns = {"destinations": "destinationId", "feeds": "feedId", "subscriptions": "subscriptionId"}
    nouns |= {"posts": "postId", "deliveries": "deliveryId"}
    return [(await owner("GET", f"/api/v1/{noun}/{theirs[name]}")).body for noun, name in nouns.items()]


async def test_ids_in_bodies_and_queries_lead_to_nothing_of_others(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    theirs = await _everything(served, owner)
    mine = await _everything(served, stranger)
    for wish in (
        {"feedId": mine["feedId"], "destinationId": theirs["destinationId"]},
        {"feedId": theirs["feedId"], "destinationId": mine["destinationId"]},
        {"name": "elonmusk", "destinationId": theirs["destinationId"]},
    ):
        assert (await stranger("POST", "/api/v1/subscriptions", wish)).fault == (404, "not_found")
    for path, names in (
        ("subscriptions", ("feedId", "destinationId")),
        ("deliveries", ("feedId", "destinationId", "subscriptionId")),
    ):
        for name in names:
            listed = await stranger("GET", f"/api/v1/{path}?{name}={theirs[name]}")
            assert listed.body == {"data": [], "nextCursor": None}
    assert (await stranger("GET", f"/api/v1/posts?feedId={theirs['feedId']}")).fault == (404, "not_found")


ADMINISTRATION = [(route.method, route.path) for route in routes_of_administration()]
OF_ROWS: dict[str, Any] = {
    "account": models.Account, "destination": models.Destination, "feed": models.Feed, "delivery": models.Delivery,
}  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ADMINISTRATION)
async def test_administration_tells_who_is_no_operator_nothing_of_their_own_things_either(
    served: Served, owned: tuple[Caller, dict[str, str]], method: str, path: str
) -> None:
    owner, theirs = owned
    ids: dict[str, Any] = {"channel": "whatsapp", "prefix": owner.key[:12], "invitation": 1, "announcement": 1}
    for name, table in OF_ROWS.items():
        ids[name] = (await served.database.read(world.rows, table))[-1].id
    ids["account"] = owner.account_id
    before = await _look(owner, theirs)
    refused = await owner(method, path.format(**ids), {} if method in ("POST", "PUT") else None)
    assert (refused.status, refused.body["error"]["code"]) == (403, "forbidden")
    assert await _look(owner, theirs) == before


async def test_what_is_imported_goes_into_ones_own_feed_though_others_call_theirs_the_same(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    for caller in (owner, stranger):
        done = await caller("POST", "/api/v1/md/import", {"markdown": f"Of {caller.account_id}", "feed": "Blog"})
        assert done.status == 200, done.body
    doors = await served.database.read(world.rows, PushFeed)
    feeds = {door.account_id: door.feed_id for door in doors}
    assert feeds[owner.account_id] != feeds[stranger.account_id]
    (post,) = await served.database.read(world.rows, models.Post, feed_id=feeds[owner.account_id])
    assert str(owner.account_id) in post.content


async def test_messages_of_feeds_that_others_follow_are_not_listed(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    to = await owner.webhook()
    number = (await served.database.read(world.rows, models.Destination, account_id=owner.account_id))[0].id
    await served.database.write(_followed_on_wechat, owner.account_id, number)
    assert to["verified"]
    found = {}
    for caller in (owner, stranger):
        found[caller.account_id] = (await caller("GET", "/api/v1/wechat/messages")).body
    assert len(found[owner.account_id]["data"]) == 1
    assert found[stranger.account_id]["data"] == []


def _followed_on_wechat(work: Work, account: int, destination: int) -> None:
    feed = 900_000 + account
    world.add_feed(work, feed, source="wechat", key=f"MP_WXS_{account}")
    world.subscribe(work, feed, [destination], account=account)
    world.record(work, feeds.hurry(work, feed, world.INTERVAL), world.page(world.item(f"wechat {account}")))


async def test_notifications_are_not_found_by_the_numbers_of_others(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    name, key = f"told_{owner.account_id}", f"88{owner.account_id}"
    served.x.add(name, key, "Told")
    number = await owner.subscribed(name)
    await served.post("x", key, world.item(f"alert {owner.account_id}"))
    for asked in (f"phoneNumber=%2B{number[1:]}", f"xUsername={name}"):
        assert len((await owner("GET", f"/notifications?{asked}")).body["notifications"]) == 1
        other = await stranger("GET", f"/notifications?{asked}")
        assert other.body.get("notifications", []) == [], other.body


async def test_lists_hold_nothing_of_others(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    await owner.subscribed()
    assert (await stranger("GET", "/phones")).body == {"phones": [], "count": 0}
    assert (await stranger("GET", "/subscriptions")).body == {"subscriptions": [], "count": 0}
    assert (await stranger("GET", "/notifications")).body == {"notifications": []}
    await _everything(served, owner)
    for noun in ("destinations", "subscriptions", "posts", "deliveries"):
        assert (await stranger("GET", f"/api/v1/{noun}")).body == {"data": [], "nextCursor": None}
    assert [one["keyPrefix"] for one in (await stranger("GET", "/apikeys")).body] == [stranger.key[:12]]


async def test_a_key_with_the_same_beginning_is_only_found_among_ones_own(served: Served) -> None:
    from storage import api_models
    from storage.database import Work

    owner, stranger = await served.caller(), await served.caller()
    table = api_models.ApiKey.__table__

    def twin(work: Work) -> None:
        mine = table.c.account_id == stranger.account_id
        work.session.execute(table.update().where(mine).values(prefix=owner.key[:12]))

    await served.database.write(twin)
    assert (await stranger("DELETE", f"/apikeys/{owner.key[:12]}")).status == 200
    assert (await owner("GET", "/apikeys")).body[0]["keyPrefix"] == owner.key[:12]


@pytest.mark.parametrize("name", ["%00", "a%00b", "%0A", "%ED%A0%80"])
@pytest.mark.parametrize("path", ["/apikeys", "/phones", "/subscriptions"])
async def test_what_nothing_can_be_called_is_not_found(served: Served, path: str, name: str) -> None:
    assert (await (await served.caller())("DELETE", f"{path}/{name}")).status == 404

"""Every route with every kind of caller: without a key nothing, and never anything that is somebody else's."""

from typing import Any

import pytest

from tests.bot.web.gateway import Answer, Served, routes_of_x_alerts

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODYS = {"phoneNumber": "+34999999998", "xUsername": "nobody_here", "keyPrefix": "bws_prod_###"}
ROUTES = [(route.method, route.path) for route in routes_of_x_alerts()]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_answers_without_a_good_key(served: Served, method: str, path: str) -> None:
    caller = await served.caller()
    ended = (await caller("POST", "/apikeys", {})).body["apiKey"]
    await caller("DELETE", f"/apikeys/{ended[:12]}")
    for headers in ({}, {"x-api-key": "bws_prod_" + "0" * 27}, {"x-api-key": ended}):
        headers |= {"X-Forwarded-For": f"2001:db8:{caller.account_id:x}::2"}
        refused = await served.ask(method, path.format(**NOBODYS), headers=headers, json={})
        assert (refused.status, refused.body) == (401, {"error": "Unauthorized"})


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


async def test_lists_hold_nothing_of_others(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    await owner.subscribed()
    assert (await stranger("GET", "/phones")).body == {"phones": [], "count": 0}
    assert (await stranger("GET", "/subscriptions")).body == {"subscriptions": [], "count": 0}
    assert (await stranger("GET", "/notifications")).body == {"notifications": []}
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

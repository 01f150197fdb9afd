"""Who may administer: the token's bearer and operators, and nobody else on any route."""

import pytest

from storage.database import Database
from tests.bot.web.gateway import ADMIN_TOKEN, Served, routes_of_administration, serving
from tests.clock import MovableClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = [(route.method, route.path) for route in routes_of_administration()]
NOBODYS = dict.fromkeys(("account", "destination", "feed", "delivery", "invitation", "announcement"), "999") | {
    "prefix": "bws",
    "channel": "none",
}
STATS = "/admin/v1/stats"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_no_route_answers_who_is_no_operator(served: Served, method: str, path: str) -> None:
    caller = await served.caller()
    path = path.format(**NOBODYS)
    forbidden = await caller(method, path, {})
    assert (forbidden.status, forbidden.body["error"]) == (403, {"code": "forbidden", "message": "Forbidden"})
    for headers in ({}, {"x-api-key": "bws_prod_" + "0" * 27}, {"x-api-key": ADMIN_TOKEN + "x"}):
        headers |= {"X-Forwarded-For": f"2001:db8:{caller.account_id:x}::2"}
        refused = await served.ask(method, path, headers=headers, json={})
        assert (refused.status, refused.body["error"]["code"]) == (401, "unauthorized")


async def test_an_operators_key_and_the_token_open_it_in_either_header(served: Served) -> None:
    operator = await served.operator()
    for key in (operator.key, ADMIN_TOKEN):
        for headers in ({"x-api-key": key}, {"Authorization": f"Bearer {key}"}):
            assert (await served.ask("GET", STATS, headers=headers)).status == 200


async def test_the_token_opens_nothing_else(served: Served) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "X-Forwarded-For": "2001:db8:9::1"}
    assert (await served.ask("GET", "/phones", headers=headers)).told == (401, "Unauthorized")


async def test_who_guesses_too_often_learns_no_more_whether_a_token_is_right(served: Served) -> None:
    address = {"X-Forwarded-For": "203.0.113.77"}
    for n in range(100):
        assert (await served.ask("GET", STATS, headers=address | {"x-api-key": f"guess {n}"})).status == 401
    for guess in ("guess", ADMIN_TOKEN):
        over = await served.ask("GET", STATS, headers=address | {"x-api-key": guess})
        assert (over.status, over.body["error"]["code"]) == (429, "rate_limited")
    served.clock.advance(seconds=61)
    assert (await served.ask("GET", STATS, headers=address | {"x-api-key": ADMIN_TOKEN})).status == 200


async def test_the_token_has_a_rate_like_any_key(served: Served) -> None:
    served.clock.advance(seconds=10)
    headers = {"x-api-key": ADMIN_TOKEN}
    asked = [(await served.ask("GET", "/admin/v1/channels", headers=headers)).status for _ in range(41)]
    assert asked == [200] * 40 + [429]


async def test_without_a_token_set_only_operators_come_in(database: Database, clock: MovableClock) -> None:
    async with serving(database, clock, admin_token="") as one:
        for key in ("", ADMIN_TOKEN):
            assert (await one.ask("GET", STATS, headers={"x-api-key": key})).status == 401
        assert (await (await one.operator())("GET", STATS)).status == 200


async def test_who_is_an_operator_no_more_is_refused_within_five_seconds(served: Served) -> None:
    operator = await served.operator()
    assert (await operator("GET", STATS)).status == 200
    assert (await served.admin("POST", f"/accounts/{operator.account_id}/disable", {})).status == 200
    assert (await operator("GET", STATS)).status == 403

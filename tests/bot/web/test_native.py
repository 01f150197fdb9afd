"""The native API as a whole: one form of error, the account, what is published."""

from typing import Any

import pytest

from tests.bot.web.gateway import Served, routes_of_native

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_account_shows_its_plan_and_what_of_it_is_used(served: Served) -> None:
    caller = await served.caller("business", name="Jane")
    to = await caller.webhook()
    await caller("POST", "/api/v1/destinations", {"channel": "whatsapp", "address": caller.number()})
    await caller.follows(served.feeds.add("https://account.example.org/"), to["id"])
    account = (await caller("GET", "/api/v1/account")).body
    profile = (await caller("GET", "/user/profile")).body
    assert account == {
        "id": profile["userId"],
        "email": profile["email"],
        "name": "Jane",
        "plan": "business",
        "credits": None,
        "apiKeys": {"used": 1, "limit": 5},
        "phones": {"used": 1, "limit": 3},
        "subscriptions": {"used": 1, "limit": 5},
        "destinations": {"used": 2, "limit": None},
        "createdAt": account["createdAt"],
    }
    free = await served.caller()
    assert (await free("GET", "/api/v1/account")).body["subscriptions"] == {"used": 0, "limit": None}


async def test_every_error_has_one_form_unknown_paths_and_methods_too(served: Served) -> None:
    caller = await served.caller()
    large = {"posts": [{"title": "x" * 300_000}]}
    packed: dict[str, Any] = {"data": b"{}", "headers": {"Content-Encoding": "gzip"}}
    no_key = await served.ask("GET", "/api/v1/posts", headers={"X-Forwarded-For": "2001:db8::77"})
    for refused, fault in (
        (no_key, (401, "unauthorized")),
        (await caller("GET", "/api/v1"), (404, "not_found")),
        (await caller("GET", "/api/v1/"), (404, "not_found")),
        (await caller("GET", "/api/v1/nothing"), (404, "not_found")),
        (await caller("GET", "/api/v1/posts/a/b"), (404, "not_found")),
        (await caller("PUT", "/api/v1/posts"), (405, "method_not_allowed")),
        (await caller("TRACE", "/api/v1/account"), (405, "method_not_allowed")),
        (await caller("POST", "/api/v1/feeds", data=b"["), (400, "invalid_request")),
        (await caller("POST", "/api/v1/feeds", large), (413, "too_large")),
        (await caller("POST", "/api/v1/feeds", **packed), (415, "unsupported_encoding")),
    ):
        assert refused.fault == fault
        assert refused.headers["Content-Type"] == "application/json"
        assert list(refused.body) == ["error"]
        assert set(refused.body["error"]) <= {"code", "message", "field", "hint"}
        assert len(refused.body["error"]["message"]) > 10
        assert refused.headers["X-RateLimit-Limit"]
    allowed = (await caller("PUT", "/api/v1/destinations")).headers["Allow"]
    assert {one.strip() for one in allowed.split(",")} == {"GET", "HEAD", "POST"}
    assert (await caller("GET", "/api/v10")).body == {"error": "Not Found"}  # another's path, and its wording


async def test_a_key_that_asks_too_often_is_told_to_wait(served: Served) -> None:
    caller = await served.caller()
    headers = {"x-api-key": caller.key}
    answers = [await served.ask("GET", "/api/v1/account", headers=headers) for _ in range(41)]
    assert [answer.status for answer in answers] == [200] * 40 + [429]
    assert answers[-1].fault == (429, "rate_limited")
    assert answers[-1].headers["Retry-After"] == "1"


async def test_every_operation_is_published_with_what_a_reader_needs(served: Served) -> None:
    document = (await served.ask("GET", "/openapi.json")).body
    native = {route.path: document["paths"][route.path] for route in routes_of_native()}
    assert len(native) > 15
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))
    for path, methods in native.items():
        for method, operation in methods.items():
            assert operation["summary"]
            names = {one["name"]: one for one in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) == (method == "post")
            assert all(one["description"] for one in names.values() if one["in"] != "query"), path
            if "{" in path:
                assert "404" in operation["responses"]
    limit = {one["name"]: one for one in native["/api/v1/posts"]["get"]["parameters"]}["limit"]
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 100)
    status = {one["name"]: one for one in native["/api/v1/deliveries"]["get"]["parameters"]}["status"]
    assert sorted(status["schema"]["enum"]) == ["delivered", "failed", "queued", "read", "sent"]
    assert document["components"]["schemas"]["ErrorAnswer"]

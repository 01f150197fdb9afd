"""The X alerts API against its document, line by line: every example, every error, every limit."""

import re
from datetime import timedelta
from typing import Any

import pytest

from adapters.base import FeedFailed, FeedFault, FeedGone
from bot.rules.codes import TRIES
from storage import models
from tests import world
from tests.bot.web.gateway import Answer, Caller, Served
from tests.clock import START
from tests.world import MINUTE

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "+34999999999"


def names(answer: Answer) -> list[str]:
    """The fields of the answer, in their order."""
    return list(answer.body)


def is_millis(value: Any) -> bool:
    return type(value) is int and abs(value - START.timestamp() * 1000) < 10 * 86_400_000


# Authentication


async def test_a_key_is_sent_in_its_header_or_as_a_bearer(served: Served) -> None:
    caller = await served.caller()
    for headers in (
        {"x-api-key": caller.key},
        {"X-API-Key": caller.key},
        {"Authorization": f"Bearer {caller.key}"},
        {"Authorization": f"bearer {caller.key}"},
        {"Authorization": f"Bearer {caller.key}", "x-api-key": caller.key},
    ):
        assert (await served.ask("GET", "/user/profile", headers=headers)).status == 200


async def test_every_cause_of_a_401_has_the_same_body(served: Served) -> None:
    caller, other = await served.caller(), await served.caller()
    revoked = await served.another_key(caller.account_id)
    assert (await caller("DELETE", f"/apikeys/{revoked.key[:12]}")).status == 200
    for headers in (
        {},
        {"x-api-key": ""},
        {"x-api-key": "bws_prod_"},
        {"x-api-key": "bws_prod_" + "0" * 27},
        {"x-api-key": caller.key[:-1]},
        {"x-api-key": revoked.key},
        {"x-api-key": "ключ".encode().decode("latin-1")},
        {"x-api-key": "bws_prod_'; DROP TABLE api_keys --"},
        {"Authorization": f"Basic {caller.key}"},
        {"Authorization": caller.key},
        {"Authorization": f"Bearer {other.key}", "x-api-key": caller.key},
    ):
        refused = await served.ask("GET", "/user/profile", headers=headers)
        assert (refused.status, refused.body) == (401, {"error": "Unauthorized"})


async def test_a_key_ends_after_365_days_to_the_millisecond(served: Served) -> None:
    caller = await served.caller()
    made = await caller("POST", "/apikeys", {"name": "short"})
    assert made.body["expiresAt"] - made.body["createdAt"] == 365 * 86_400_000
    key, now = made.body["apiKey"], served.clock.now
    try:
        served.clock.now = now + timedelta(days=365, milliseconds=-1)
        assert (await served.ask("GET", "/phones", headers={"x-api-key": key})).status == 200
        served.clock.now = now + timedelta(days=365)
        assert (await served.ask("GET", "/phones", headers={"x-api-key": key})).status == 401
    finally:
        served.clock.now = now


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", '"text"', "null", "1", "\ufeff{}", '{"phoneNumber": NaN}', '{"phoneNumber": Infinity}',
        '{"phoneNumber": 1e400}', '{"phoneNumber": "+34", "phoneNumber": "+35"}', '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        '{"a": 9223372036854775808}', '{"a": ' + "1" * 5000 + "}", '{"a": ' + "[" * 64 + "]" * 64 + "}",
        "[" * 100_000, '{"a": {"b": 1, "b": 2}}', b'{"a": "\xff"}', b"\xff\xfe{\x00}\x00",
    ],
)  # fmt: skip
async def test_what_is_no_json_object_is_refused(served: Served, one: Caller, body: str | bytes) -> None:
    assert (await one("POST", "/phones", data=body)).told == (400, "invalid JSON")


@pytest.fixture(scope="module")
def caller_of_a_module() -> dict[int, Caller]:
    return {}


@pytest.fixture
async def one(served: Served, caller_of_a_module: dict[int, Caller]) -> Caller:
    """A caller for tests that leave nothing behind."""
    if id(served) not in caller_of_a_module:
        caller_of_a_module[id(served)] = await served.caller()
    return caller_of_a_module[id(served)]


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/phones", {}, "phoneNumber is required"),
        ("/phones", {"phoneNumber": None}, "phoneNumber is required"),
        ("/phones", {"phoneNumber": ""}, "phoneNumber is required"),
        ("/phones", {"phoneNumber": 34612345678}, "phoneNumber must be a string"),
        ("/phones", {"phoneNumber": "+34612345678", "displayName": 1}, "displayName must be a string"),
        ("/phones", {"phoneNumber": ["+34612345678"], "displayName": 1}, "phoneNumber must be a string"),
        ("/phones", {"phoneNumber": "+34612345678", "displayName": "x" * 101}, "displayName is too long"),
        ("/phones/verify", {}, "phoneNumber is required"),
        ("/phones/verify", {"code": 123456}, "phoneNumber is required"),
        ("/phones/verify", {"phoneNumber": 1}, "code is required"),
        ("/phones/verify", {"phoneNumber": 1, "code": 123456}, "phoneNumber must be a string"),
        ("/phones/verify", {"phoneNumber": "+34612345678", "code": 123456}, "code must be a string"),
        ("/subscriptions", {"phoneNumber": "+34612345678"}, "xUsername is required"),
        ("/subscriptions", {"xUsername": "elonmusk"}, "phoneNumber is required"),
        ("/subscriptions", {"xUsername": True, "phoneNumber": "+34612345678"}, "xUsername must be a string"),
        ("/apikeys", {"name": 1}, "name must be a string"),
        ("/apikeys", {"name": "x" * 101}, "name is too long"),
    ],
)
async def test_fields_that_are_missing_come_before_those_that_are_wrong(
    served: Served, one: Caller, path: str, body: Any, error: str
) -> None:
    assert (await one("POST", path, body)).told == (400, error)


async def test_a_body_that_is_too_large_or_packed_is_refused(served: Served) -> None:
    caller = await served.caller()
    large = await caller("POST", "/phones", {"phoneNumber": "+34612345678", "displayName": "x" * 300_000})
    assert large.told == (413, "request body is too large")
    packed = await caller("POST", "/phones", data=b"{}", headers={"Content-Encoding": "gzip"})
    assert packed.told == (415, "content encoding is not supported")


async def test_unknown_paths_and_methods_are_answered_in_json(served: Served) -> None:
    caller = await served.caller()
    for path in ("/user", "/phones/", "/phones/verify/x", "/nothing", "/subscriptions/a/b"):
        unknown = await caller("GET", path)
        assert unknown.status in (404, 405)
        assert isinstance(unknown.body["error"], str)
    for method, path, allowed in (
        ("PUT", "/phones", {"GET", "HEAD", "POST"}),
        ("TRACE", "/phones", {"GET", "HEAD", "POST"}),
        ("PATCH", "/phones/x", {"DELETE"}),
        ("GET", "/phones/verify", {"POST", "DELETE"}),
    ):
        refused = await caller(method, path)
        assert refused.status == 405
        assert "error" in refused.body
        assert {one.strip() for one in refused.headers["Allow"].split(",")} <= allowed
    head = await caller("HEAD", "/user/profile")
    assert (head.status, head.body) == (200, b"")


# User


async def test_the_profile(served: Served) -> None:
    caller = await served.caller("pro_plus", name="Jane")
    profile = await caller("GET", "/user/profile")
    assert profile.status == 200
    assert profile.headers["Content-Type"] == "application/json"
    assert names(profile) == ["userId", "email", "name", "plan", "createdAt"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", profile.body["userId"])
    assert (profile.body["name"], profile.body["plan"]) == ("Jane", "pro_plus")
    assert is_millis(profile.body["createdAt"])


async def test_an_account_born_in_chat_has_a_name_and_no_address(served: Served) -> None:
    caller = await served.caller(name="蓉", email=None)
    profile = await caller("GET", "/user/profile")
    assert (profile.body["name"], profile.body["email"]) == ("蓉", None)


# Phones


async def test_a_phone_is_registered_verified_listed_and_deleted(served: Served) -> None:
    caller = await served.caller()
    number = caller.number()
    made = await caller("POST", "/phones", {"phoneNumber": number, "displayName": "Work", "more": [1]})
    assert (made.status, made.body) == (200, {"phoneNumber": number, "status": "pending_verification"})
    listed = await caller("GET", "/phones")
    assert names(listed) == ["phones", "count"]
    (phone,) = listed.body["phones"]
    assert list(phone) == ["phoneNumber", "status", "displayName", "createdAt", "verifiedAt"]
    assert (phone["status"], phone["displayName"], phone["verifiedAt"]) == ("pending_verification", "Work", None)
    code = await served.code(caller.account_id, number)
    entered = await caller("POST", "/phones/verify", {"phoneNumber": number, "code": code})
    assert (entered.status, entered.body) == (200, {"phoneNumber": number, "status": "verified"})
    (phone,) = (await caller("GET", "/phones")).body["phones"]
    assert phone["status"] == "verified"
    assert is_millis(phone["createdAt"])
    assert phone["verifiedAt"] >= phone["createdAt"]
    gone = await caller("DELETE", f"/phones/%2B{number[1:]}")
    assert (gone.status, gone.body) == (200, {"success": True})
    assert (await caller("GET", "/phones")).body == {"phones": [], "count": 0}
    assert (await caller("DELETE", f"/phones/%2B{number[1:]}")).told == (404, "phone not found")


@pytest.mark.parametrize(
    "number",
    [
        "34612345678", "+04612345678", "+1234567", "+1234567890123456", "+34 612345678", " +34612345678",
        "+34612345678\n", "+34-612345678", "+٣٤٦١٢٣٤٥٦٧٨", "+3461234567a", "＋34612345678",
    ],
)  # fmt: skip
async def test_numbers_are_not_mended(served: Served, one: Caller, number: str) -> None:
    assert (await one("POST", "/phones", {"phoneNumber": number})).told == (400, "invalid phone number format")


async def test_a_waiting_number_gets_another_code_after_a_minute(served: Served) -> None:
    caller = await served.caller()
    wish = {"phoneNumber": caller.number()}
    await caller("POST", "/phones", wish)
    served.clock.advance(seconds=30)
    assert (await caller("POST", "/phones", wish)).body["status"] == "pending_verification"
    assert len(await codes(served, caller)) == 1
    served.clock.advance(seconds=31)
    assert (await caller("POST", "/phones", wish)).status == 200
    assert len(await codes(served, caller)) == 2


async def codes(served: Served, caller: Caller) -> list[Any]:
    return await served.database.read(world.rows, models.Delivery, account_id=caller.account_id, event="code")


async def test_what_can_go_wrong_with_a_code(served: Served) -> None:
    caller = await served.caller()
    number = caller.number()

    async def enter(code: str, number: str = number) -> Any:
        return (await caller("POST", "/phones/verify", {"phoneNumber": number, "code": code})).told

    assert await enter("123456") == (404, "phone not found")
    await caller("POST", "/phones", {"phoneNumber": number})
    code = await served.code(caller.account_id, number)
    for malformed in ("12345", "1234567", "12345a", "１２３４５６", "12 34 56", " 123456"):
        assert await enter(malformed) == (400, "invalid code")
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(TRIES):
        assert await enter(wrong) == (400, "invalid code")
    assert await enter(code) == (400, "code expired")
    served.clock.advance(seconds=61)
    await caller("POST", "/phones", {"phoneNumber": number})
    code = await served.code(caller.account_id, number)
    served.clock.advance(15 * MINUTE)
    assert await enter(code) == (400, "code expired")
    await caller("POST", "/phones", {"phoneNumber": number})
    assert await enter(await served.code(caller.account_id, number)) == (200, None)
    assert await enter("123456") == (400, "phone already verified")
    assert (await caller("POST", "/phones", {"phoneNumber": number})).told == (400, "phone already verified")
    assert await enter("123456", UNKNOWN) == (404, "phone not found")


async def test_codes_over_the_caps_are_refused_for_a_while(served: Served) -> None:
    caller = await served.caller()
    wish = {"phoneNumber": caller.number()}
    for _ in range(5):
        assert (await caller("POST", "/phones", wish)).status == 200
        served.clock.advance(seconds=61)
    over = await caller("POST", "/phones", wish)
    assert over.told == (429, "too many codes, try again later")
    assert 3000 < int(over.headers["Retry-After"]) <= 3600


async def test_somebody_elses_number_is_like_any_other(served: Served) -> None:
    owner, stranger = await served.caller(), await served.caller()
    number = await owner.verified()
    made = await stranger("POST", "/phones", {"phoneNumber": number})
    assert (made.status, made.body) == (200, {"phoneNumber": number, "status": "pending_verification"})
    code = await served.code(stranger.account_id, number)
    assert (await stranger("POST", "/phones/verify", {"phoneNumber": number, "code": code})).status == 200
    assert (await owner("GET", "/phones")).body["phones"][0]["status"] == "verified"


@pytest.mark.parametrize(("plan", "limit"), [("free", 1), ("pro", 1), ("pro_plus", 1), ("business", 3)])
async def test_phones_of_a_plan_waiting_ones_included(served: Served, plan: str, limit: int) -> None:
    caller = await served.caller(plan)
    for n in range(limit):
        assert (await caller("POST", "/phones", {"phoneNumber": caller.number(n)})).status == 200
    assert (await caller("POST", "/phones", {"phoneNumber": caller.number(99)})).told == (400, "phone limit reached")
    assert (await caller("POST", "/phones", {"phoneNumber": caller.number(0)})).status == 200  # its own
    await caller("DELETE", f"/phones/%2B{caller.number(0)[1:]}")
    assert (await caller("POST", "/phones", {"phoneNumber": caller.number(99)})).status == 200


# Subscriptions


async def test_a_subscription_is_made_listed_and_ended(served: Served) -> None:
    caller = await served.caller()
    number = await caller.verified()
    made = await caller("POST", "/subscriptions", {"xUsername": "@ElonMusk", "phoneNumber": number})
    assert made.status == 200
    assert names(made) == [
        "xUsername", "xUserId", "xDisplayName", "xProfileImage", "phoneNumber", "isActive", "createdAt",
    ]  # fmt: skip
    assert is_millis(made.body.pop("createdAt"))
    assert made.body == {
        "xUsername": "elonmusk",
        "xUserId": "44196397",
        "xDisplayName": "Elon Musk",
        "xProfileImage": "https://pbs.twimg.com/elon.jpg",
        "phoneNumber": number,
        "isActive": True,
    }
    listed = await caller("GET", "/subscriptions")
    assert names(listed) == ["subscriptions", "count"]
    assert listed.body["count"] == len(listed.body["subscriptions"]) == 1
    assert made.body.items() <= listed.body["subscriptions"][0].items()
    ended = await caller("DELETE", "/subscriptions/ELONmusk")
    assert (ended.status, ended.body) == (200, {"success": True})
    assert (await caller("GET", "/subscriptions")).body == {"subscriptions": [], "count": 0}
    assert (await caller("DELETE", "/subscriptions/elonmusk")).told == (404, "subscription not found")


@pytest.mark.parametrize("name", ["@", "a" * 16, "elon musk", "élon", "@@nasa", "nasa\n", "x/y", "ｎａｓａ"])
async def test_user_names_are_checked_before_phones(served: Served, one: Caller, name: str) -> None:
    wish = {"xUsername": name, "phoneNumber": UNKNOWN}
    assert (await one("POST", "/subscriptions", wish)).told == (400, "invalid X username format")


async def test_the_order_in_which_a_subscription_is_refused(served: Served) -> None:
    caller = await served.caller("free")

    async def wish(name: str, number: str = caller.number()) -> Any:
        return (await caller("POST", "/subscriptions", {"xUsername": name, "phoneNumber": number})).told

    assert await wish("nobody_there", UNKNOWN) == (400, "phone not found")
    assert await wish("nobody_there", "not a number") == (400, "phone not found")
    await caller("POST", "/phones", {"phoneNumber": caller.number()})
    assert await wish("nobody_there") == (400, "phone not verified")
    code = await served.code(caller.account_id, caller.number())
    await caller("POST", "/phones/verify", {"phoneNumber": caller.number(), "code": code})
    assert await wish("nobody_there") == (404, "X account not found")
    assert (await wish("nasa"))[0] == 200
    served.x.asked.clear()
    assert (await wish("NASA"))[0] == 200  # it is there already: no quota, and X is not asked
    assert await wish("nobody_there") == (400, "subscription limit reached")
    assert served.x.asked == []


@pytest.mark.parametrize(
    ("fails", "answer"),
    [
        (FeedFailed(FeedFault.TIMEOUT, "no answer"), (503, "X is not available, try again later")),
        (FeedGone("suspended"), (404, "X account not found")),
    ],
)
async def test_what_x_says_and_does_not_say(served: Served, fails: Any, answer: Any) -> None:
    caller = await served.caller()
    number = await caller.verified()
    served.x.fails = fails
    try:
        refused = await caller("POST", "/subscriptions", {"xUsername": "nasa", "phoneNumber": number})
    finally:
        served.x.fails = None
    assert refused.told == answer


@pytest.mark.parametrize(("plan", "limit"), [("free", 1), ("pro", 1), ("pro_plus", 2), ("business", 5)])
async def test_subscriptions_of_a_plan(served: Served, plan: str, limit: int) -> None:
    caller = await served.caller(plan)
    number = await caller.verified()
    for n in range(limit):
        made = await caller("POST", "/subscriptions", {"xUsername": f"person_{n}", "phoneNumber": number})
        assert made.status == 200
    over = await caller("POST", "/subscriptions", {"xUsername": "person_9", "phoneNumber": number})
    assert over.told == (400, "subscription limit reached")
    await caller("DELETE", "/subscriptions/person_0")
    again = await caller("POST", "/subscriptions", {"xUsername": "person_9", "phoneNumber": number})
    assert again.status == 200


async def test_an_account_may_have_limits_of_its_own(served: Served) -> None:
    caller = await served.caller("free", overrides='{"subscriptions": 2, "phones": null}')
    number = await caller.verified()
    for n, status in ((0, 200), (1, 200), (2, 400)):
        wish = {"xUsername": f"person_{n}", "phoneNumber": number}
        assert (await caller("POST", "/subscriptions", wish)).status == status
    assert (await caller("POST", "/phones", {"phoneNumber": caller.number(2)})).status == 200


async def test_without_credits_nothing_is_subscribed(served: Served) -> None:
    caller = await served.caller(credits=0)
    number = await caller.verified()
    wish = {"xUsername": "nasa", "phoneNumber": number}
    assert (await caller("POST", "/subscriptions", wish)).told == (402, "insufficient credits")


async def test_a_deleted_phone_deactivates_what_went_there_until_it_is_wished_for_again(served: Served) -> None:
    caller = await served.caller("free")
    number = await caller.subscribed()
    await caller("DELETE", f"/phones/%2B{number[1:]}")
    assert await active(caller) == [False]
    assert (await caller("POST", "/subscriptions", {"xUsername": "nasa", "phoneNumber": number})).told == (
        400,
        "phone not found",
    )
    assert await caller.verified() == number
    assert await active(caller) == [False]
    assert (await caller("POST", "/subscriptions", {"xUsername": "nasa", "phoneNumber": number})).status == 200
    over = await caller("POST", "/subscriptions", {"xUsername": "elonmusk", "phoneNumber": number})
    assert over.told == (400, "subscription limit reached")  # the inactive one took no quota, and would now
    await caller("DELETE", "/subscriptions/nasa")
    assert (await caller("POST", "/subscriptions", {"xUsername": "elonmusk", "phoneNumber": number})).status == 200
    assert await active(caller) == [True]


async def test_what_only_a_deleted_phone_was_to_get_is_read_no_more(served: Served) -> None:
    caller = await served.caller()
    name = f"lonely{caller.account_id}"
    served.x.add(name, f"99{caller.account_id}", "Lonely")
    number = await caller.subscribed(name)
    (feed,) = await served.database.read(world.rows, models.Feed, name=name)
    assert feed.state == "active"
    await caller("DELETE", f"/phones/%2B{number[1:]}")
    (feed,) = await served.database.read(world.rows, models.Feed, name=name)
    assert feed.state == "paused"


async def active(caller: Caller) -> list[bool]:
    return [one["isActive"] for one in (await caller("GET", "/subscriptions")).body["subscriptions"]]


async def test_ending_a_subscription_ends_it_on_every_phone_and_when_it_is_inactive(served: Served) -> None:
    caller = await served.caller()
    first, _ = await caller.subscribed(n=1), await caller.subscribed(n=2)
    await caller("DELETE", f"/phones/%2B{first[1:]}")
    assert await active(caller) == [False, True]
    assert (await caller("DELETE", "/subscriptions/@elonmusk")).status == 200
    assert await active(caller) == []


# API keys


async def test_a_key_is_made_listed_and_deleted(served: Served) -> None:
    caller = await served.caller()
    made = await caller("POST", "/apikeys", {"name": "CI server"})
    assert made.status == 201
    assert names(made) == ["apiKey", "keyPrefix", "keyName", "createdAt", "expiresAt"]
    key = made.body["apiKey"]
    assert re.fullmatch(r"bws_prod_[0-9A-Za-z]{27}", key)
    assert (made.body["keyPrefix"], made.body["keyName"]) == (key[:12], "CI server")
    listed = await caller("GET", "/apikeys")
    assert [one["keyName"] for one in listed.body] == ["Tests", "CI server"]
    assert list(listed.body[1]) == ["keyPrefix", "keyName", "createdAt", "lastUsedAt", "expiresAt"]
    assert listed.body[1]["lastUsedAt"] is None
    assert key not in str(listed.body)
    headers = {"x-api-key": key}
    assert (await served.ask("GET", "/phones", headers=headers)).status == 200
    gone = await caller("DELETE", f"/apikeys/{key[:12]}")
    assert (gone.status, gone.body) == (200, {"success": True})
    assert (await served.ask("GET", "/phones", headers=headers)).status == 401
    assert (await caller("DELETE", f"/apikeys/{key[:12]}")).told == (404, "api key not found")


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}, None])
async def test_a_key_without_a_name_is_called_default(served: Served, body: Any) -> None:
    caller = await served.caller()
    made = await caller("POST", "/apikeys", body)
    assert (made.status, made.body["keyName"]) == (201, "Default")


async def test_a_whole_key_is_no_way_to_delete_one(served: Served) -> None:
    caller = await served.caller()
    refused = await caller("DELETE", f"/apikeys/{caller.key}")
    assert refused.told == (400, "use the 12-character keyPrefix")
    assert (await caller("GET", "/phones")).status == 200


@pytest.mark.parametrize(
    ("plan", "limit"), [("free", 1), ("pro", 1), ("pro_plus", 2), ("business", 5), ("enterprise", 20)]
)
async def test_keys_of_a_plan(served: Served, plan: str, limit: int) -> None:
    caller = await served.caller(plan)
    for _ in range(limit - 1):
        assert (await caller("POST", "/apikeys", {})).status == 201
    assert (await caller("POST", "/apikeys", {})).told == (400, "api key limit reached")

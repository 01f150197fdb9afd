"""What official accounts are called, as the history API's callers ask for it (sources-wechat.md A6)."""

import json
from typing import Any

import pytest

from adapters.base import FeedInfo
from tests.bot.web.gateway import Served, signed
from tests.bot.web.official import PATH, Client, client
from tests.world import item

pytestmark = pytest.mark.asyncio(loop_scope="module")

ABOUT = PATH.replace("official_account_msg_get_simple", "get_official_account_info")


async def asked(ask: Client, *names: Any, query: Any = None, **body: Any) -> Any:
    sent = {"OfficialAccountIdList": [{"Official_Account": name} for name in names]} | body
    answer = await ask.ask("POST", ABOUT, query, data=json.dumps(sent))
    assert answer.status == 200
    return answer.body


async def test_accounts_are_described_in_the_order_in_which_they_were_asked_for(served: Served) -> None:
    one, two = await client(served), await client(served, 1)
    made = int(served.clock().timestamp())
    await one.publish(item(1), info=FeedInfo(title="News", image="https://example.org/i.png"))
    served.clock.advance(seconds=60)
    await one.publish(item(2), info=FeedInfo(title="News", image="https://example.org/i.png"))
    body = await asked(one, two.name, one.name, ResponseFilter={"OfficialAccountBaseInfoFilter": ["Name"]})
    assert list(body) == ["ActionStatus", "ErrorInfo", "ErrorCode", "OfficialAccountInfoList"]
    first, second = body["OfficialAccountInfoList"]
    assert first["Official_Account"] == two.name
    assert (second["Official_Account"], second["Name"]) == (one.name, "News")
    assert second["FaceUrl"] == "https://example.org/i.png"
    assert second["CreateTime"] <= made < second["LastMsgTime"] == int(served.clock().timestamp())


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (10010, {"OfficialAccountIdList": [{"Official_Account": "@TOA#_nobody"}]}),
        (10015, {"OfficialAccountIdList": [{"Official_Account": "nobody"}]}),
        (10015, {"OfficialAccountIdList": [{"Official_Account": 7}]}),
        (10015, {"OfficialAccountIdList": ["@TOA#_nobody"]}),
        (10004, {"OfficialAccountIdList": []}),
        (10004, {"OfficialAccountIdList": [{"Official_Account": "@TOA#_nobody"}] * 51}),
        (10004, {"OfficialAccountIdList": "@TOA#_nobody"}),
        (10004, {}),
    ],
)
async def test_what_is_wrong_stands_in_the_envelope(served: Served, code: int, body: Any) -> None:
    answer = await (await client(served)).ask("POST", ABOUT, data=json.dumps(body))
    assert list(answer.body) == ["ActionStatus", "ErrorInfo", "ErrorCode"]
    assert (answer.status, answer.body["ErrorCode"], answer.body["ActionStatus"]) == (200, code, "FAIL")


async def test_only_an_administrator_is_told(served: Served) -> None:
    ask = await client(served)
    assert (await asked(ask, ask.name, query=signed("eve", now=served.clock())))["ErrorCode"] == 60010
    assert (await ask.ask("GET", ABOUT)).body["ErrorCode"] == 60002

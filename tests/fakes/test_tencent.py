"""The stand-in for Tencent Cloud Chat is as strict as the real one, where our own tests rely on it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession

from adapters.signatures import usersig
from tests.clock import MovableClock
from tests.fakes.tencent import Account, FakeTencent
from tests.fakes.tencent.server import ADMINISTRATOR, KEY, SDKAPPID, SERVICE

PULL = "official_account_msg_get_simple"
NEWS = {"Official_Account": "@TOA#_news"}


@pytest.fixture
async def tencent(clock: MovableClock) -> AsyncIterator[FakeTencent]:
    async with FakeTencent(clock) as tencent:
        yield tencent


@pytest.fixture
def news(tencent: FakeTencent) -> Account:
    account = tencent.account()
    tencent.send(account, *["Message"] * 72)
    return account


async def ask(
    tencent: FakeTencent,
    body: Any = None,
    *,
    method: str = "POST",
    service: str = SERVICE,
    command: str = PULL,
    **query: str,
) -> dict[str, Any]:
    signature = usersig.make(SDKAPPID, KEY, ADMINISTRATOR, tencent.clock(), timedelta(hours=1))
    known = {"sdkappid": str(SDKAPPID), "identifier": ADMINISTRATOR, "usersig": signature}
    url = f"{tencent.url}/v4/{service}/{command}?{urlencode(known | {'random': '7', 'contenttype': 'json'} | query)}"
    given: dict[str, Any] = {"data": body} if isinstance(body, str) else {"json": NEWS if body is None else body}
    async with ClientSession() as session, session.request(method, url, **given) as answer:
        assert answer.status == 200
        document: dict[str, Any] = await answer.json()
        assert (document["ActionStatus"] == "OK") == (document["ErrorCode"] == 0)
        return document


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sdkappid": "1"}, 60006),
        ({"identifier": "eve"}, 70013),
        ({"usersig": ""}, 70002),
        ({"usersig": "eJy"}, 70003),
        ({"random": str(2**32)}, 60005),
        ({"contenttype": "xml"}, 60005),
        ({"method": "GET"}, 60002),
        ({"service": "openim"}, 60009),
        ({"command": "no_such_thing"}, 10003),
        ({"body": "{"}, 60003),
        ({"body": "[]"}, 60003),
        ({"body": {"Official_Account": "@TOA#_nobody"}}, 10010),
        ({"body": {"Official_Account": "news"}}, 10015),
        ({"body": NEWS | {"LastMsgKey": "x"}}, 10004),
        ({"body": NEWS | {"ReqMsgNumber": 0}}, 10004),
        ({"body": NEWS | {"ReqMsgNumber": "2"}}, 10004),
    ],
)
async def test_who_asks_wrongly_is_told_in_a_200(
    tencent: FakeTencent, news: Account, wrong: dict[str, Any], code: int
) -> None:
    assert (await ask(tencent, **wrong))["ErrorCode"] == code


@pytest.mark.parametrize(
    ("wish", "numbers", "finished"),
    [
        ({}, (53, 72), 1),
        ({"ReqMsgNumber": 2}, (71, 72), 1),
        ({"ReqMsgNumber": 21}, (53, 72), 0),
        ({"ReqMsgNumber": 2, "LastMsgKey": "71_1_1698741698"}, (69, 70), 1),
        ({"LastMsgKey": "12_1_1"}, (1, 11), 1),
    ],
)
async def test_pages_go_back_in_time(
    tencent: FakeTencent, news: Account, wish: dict[str, Any], numbers: tuple[int, int], finished: int
) -> None:
    answer = await ask(tencent, NEWS | wish)
    found = [one["MsgSeq"] for one in answer["RspMsgList"]]
    assert (found, answer["IsFinished"]) == ([*range(numbers[0], numbers[1] + 1)], finished)
    assert answer["LastMsgKey"] == answer["RspMsgList"][0]["MsgKey"]


async def test_what_expired_is_an_end_and_what_was_recalled_shows_on_request(
    tencent: FakeTencent, news: Account
) -> None:
    news.expire(68)
    news.recall(70)
    news.delete(71)
    assert [one["MsgSeq"] for one in (await ask(tencent))["RspMsgList"]] == [69, 71, 72]
    answer = await ask(tencent, NEWS | {"WithRecalledMsg": 1})
    assert answer["IsFinished"] == 2
    assert [one["IsPlaceMsg"] for one in answer["RspMsgList"]] == [0, 2, 1, 0]
    assert [bool(one["MsgBody"]) for one in answer["RspMsgList"]] == [True, True, False, True]

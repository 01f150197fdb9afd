"""Calls of the platform: what is signed with the token, and now, names the account to be read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.inbound import Callback, Refused
from adapters.sources.tencent import Config, callbacks

# The vector of sources-wechat.md A7
TOKEN, TIME = "xxxxyyyy", "1669872112"
SIGN = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"
NOW = datetime.fromtimestamp(int(TIME), UTC)
CONFIG = Config(sdkappid=1_400_000_000, callback_token=TOKEN)
SENT = {"CallbackCommand": "OfficialAccount.CallbackAfterSendMsg", "Official_Account": "@TOA#_news", "MsgKey": "1_1_2"}


def call(body: Any = SENT, *, late: float = 0, **query: str) -> Callback:
    known = {"SdkAppid": "1400000000", "contenttype": "json", "RequestTime": TIME, "Sign": SIGN}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Callback("POST", known | query, {}, content, NOW + timedelta(seconds=late))


@pytest.mark.parametrize(
    ("body", "accounts"),
    [
        (SENT, ["@TOA#_news"]),
        (SENT | {"CallbackCommand": "OfficialAccount.CallbackAfterMsgWithDraw"}, ["@TOA#_news"]),
        (SENT | {"CallbackCommand": "OfficialAccount.CallbackBeforeSendMsg"}, []),
        (SENT | {"CallbackCommand": ["OfficialAccount.CallbackAfterSendMsg"]}, []),
        (SENT | {"Official_Account": 7}, []),
        ({}, []),
    ],
)
def test_a_call_names_the_account_that_has_something_new(body: Any, accounts: list[str]) -> None:
    assert callbacks.read(call(body), CONFIG) == accounts


@pytest.mark.parametrize("late", [-60, 60])
def test_a_minute_is_allowed_for_clocks_and_networks(late: float) -> None:
    assert callbacks.read(call(late=late, Sign=SIGN.upper()), CONFIG)


@pytest.mark.parametrize(
    ("callback", "status"),
    [
        (call(Sign=""), 401),
        (call(Sign="ä" + SIGN[1:]), 401),
        (call(Sign=SIGN[:-1] + "0"), 401),
        (call(RequestTime="1669872113"), 401),
        (call(RequestTime=""), 401),
        (call(late=61), 401),
        (call(late=-61), 401),
        (call(SdkAppid="1400000001"), 403),
        (call(SdkAppid="x"), 403),
        (call(b"not json"), 400),
        (call(b"[1]"), 400),
        (call(b"[" * 100_000), 400),
    ],
)
def test_what_is_not_the_platforms_is_refused(callback: Callback, status: int) -> None:
    with pytest.raises(Refused) as refused:
        callbacks.read(callback, CONFIG)
    assert refused.value.status == status
    assert TOKEN not in str(refused.value)


def test_without_a_token_nobody_is_heard() -> None:
    with pytest.raises(Refused, match="TENCENT_CALLBACK_TOKEN"):
        callbacks.read(call(), Config(sdkappid=1_400_000_000))

"""The official-account history API against its document, line by line: fields, order, paging, every code."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from bot.settings import BadSetting
from bot.usecases import official, retention
from bot.web.apis import official_accounts
from storage.database import Database, Work
from tests.bot.web.gateway import Served, serving, signed
from tests.bot.web.official import PATH, client, expire, seqs
from tests.clock import MovableClock
from tests.world import DAY, item

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEWS = "@TOA#_15ERQPAER"


# What is answered


async def test_the_answer_has_the_fields_of_the_document_in_its_spelling(served: Served) -> None:
    ask = await client(served, name=NEWS)
    served.clock.advance(seconds=10)
    at = int(served.clock().timestamp())
    await ask.publish(item(1, image="https://example.org/i.PNG?x=1", author="Ann", published=served.clock()))
    body = await ask(ReqMsgNumber=2)
    assert list(body) == [
        *("ActionStatus", "ErrorInfo", "ErrorCode", "Official_Account", "IsFinished", "LastMsgKey", "RspMsgList"),
    ]
    assert (body["ActionStatus"], body["ErrorInfo"], body["ErrorCode"]) == ("OK", "", 0)
    assert (body["Official_Account"], body["IsFinished"], body["LastMsgKey"]) == (NEWS, 1, f"1_1_{at}")
    (message,) = body["RspMsgList"]
    assert list(message) == ["From_Account", "IsPlaceMsg", "MsgBody", "MsgSeq", "MsgKey", "MsgTimeStamp"]
    assert (message["From_Account"], message["IsPlaceMsg"]) == (NEWS, 0)
    assert (message["MsgSeq"], message["MsgKey"], message["MsgTimeStamp"]) == (1, f"1_1_{at}", at)
    text, image, custom = message["MsgBody"]
    assert text == {
        "MsgType": "TIMTextElem",
        "MsgContent": {"Text": "Post 1\n\nThe text of 1.\n\nhttps://example.org/1"},
    }
    assert (image["MsgType"], image["MsgContent"]["ImageFormat"]) == ("TIMImageElem", 3)
    (picture,) = image["MsgContent"]["ImageInfoArray"]
    assert picture == {"Type": 1, "Size": 0, "Width": 0, "Height": 0, "URL": "https://example.org/i.PNG?x=1"}
    assert custom["MsgType"] == "TIMCustomElem"
    assert (custom["MsgContent"]["Desc"], custom["MsgContent"]["Ext"]) == ("Post 1", "https://example.org/1")
    link = json.loads(custom["MsgContent"]["Data"])
    assert (link["url"], link["title"], link["author"]) == ("https://example.org/1", "Post 1", "Ann")


async def test_without_a_key_the_newest_come_and_with_one_those_before_it(served: Served) -> None:
    ask = await client(served, 7)
    newest = await ask(ReqMsgNumber=2)
    assert seqs(newest) == [6, 7]
    before = await ask(ReqMsgNumber=2, LastMsgKey=newest["LastMsgKey"])
    assert seqs(before) == [4, 5]
    assert before["LastMsgKey"] == before["RspMsgList"][0]["MsgKey"]
    await ask.publish(item(8))
    assert seqs(await ask(ReqMsgNumber=2, LastMsgKey=newest["LastMsgKey"])) == [4, 5]
    assert seqs(await ask(LastMsgKey="")) == list(range(1, 9))
    assert seqs(await ask(LastMsgKey=None, ReqMsgNumber=None, WithRecalledMsg=None)) == list(range(1, 9))
    assert seqs(await ask(LastMsgKey="99_1_1", ReqMsgNumber=1)) == [8]


async def test_numbers_count_up_beyond_one_digit(served: Served) -> None:
    ask = await client(served, 11)
    page = await ask(ReqMsgNumber=2)
    assert seqs(page) == [10, 11]
    assert seqs(await ask(ReqMsgNumber=2, LastMsgKey=page["LastMsgKey"])) == [8, 9]


async def test_at_most_twenty_come_and_the_answer_says_if_that_is_not_all(served: Served) -> None:
    ask = await client(served)
    await ask.publish(*(item(n) for n in range(1, 23)))
    assert seqs(await ask()) == list(range(3, 23))
    told = {number: (await ask(ReqMsgNumber=number)) for number in (19, 20, 21, 2**62)}
    assert {n: (len(seqs(body)), body["IsFinished"]) for n, body in told.items()} == {
        19: (19, 1),
        20: (20, 1),
        21: (20, 0),
        2**62: (20, 0),
    }
    rest = await ask(ReqMsgNumber=50, LastMsgKey=told[21]["LastMsgKey"])
    assert (seqs(rest), rest["IsFinished"]) == ([1, 2], 1)


async def test_an_empty_history_and_its_end_are_empty_lists(served: Served) -> None:
    ask = await client(served)
    body = await ask()
    assert (body["RspMsgList"], body["IsFinished"], body["LastMsgKey"]) == ([], 1, "")
    await ask.publish(item(1))
    first = (await ask())["LastMsgKey"]
    body = await ask(LastMsgKey=first)
    assert (body["RspMsgList"], body["IsFinished"], body["LastMsgKey"]) == ([], 1, first)


async def test_what_was_taken_back_keeps_its_place_for_who_asks(served: Served) -> None:
    ask = await client(served, 5)
    assert (await ask())["RspMsgList"][3]["MsgBody"]  # its text is at hand
    await ask.publish(withdrawn=(4,))
    body = await ask(ReqMsgNumber=3, WithRecalledMsg=1)
    assert [(one["MsgSeq"], one["IsPlaceMsg"]) for one in body["RspMsgList"]] == [(3, 0), (4, 2), (5, 0)]
    assert body["RspMsgList"][1]["MsgBody"] == []
    assert seqs(await ask(ReqMsgNumber=3)) == seqs(await ask(ReqMsgNumber=3, WithRecalledMsg=0)) == [2, 3, 5]


async def test_many_that_were_taken_back_do_not_end_the_history(served: Served) -> None:
    ask = await client(served)
    await ask.publish(*(item(n) for n in range(60)), withdrawn=tuple(range(5, 58)))
    newest = await ask(ReqMsgNumber=2)
    assert seqs(newest) == [59, 60]
    assert seqs(await ask(ReqMsgNumber=2, LastMsgKey=newest["LastMsgKey"])) == [4, 5]


async def test_more_than_one_look_shows_is_walked_on_from_the_key(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(official, "LOOKED_AT", 5)
    ask = await client(served)
    await ask.publish(*(item(n) for n in range(30)), withdrawn=tuple(range(2, 30)))
    body = await ask(ReqMsgNumber=3)
    assert (body["RspMsgList"], body["IsFinished"]) == ([], 0)
    while not body["RspMsgList"]:
        body = await ask(ReqMsgNumber=3, LastMsgKey=body["LastMsgKey"])
    assert (seqs(body), body["IsFinished"]) == ([1, 2], 1)


async def test_what_hasexpired_is_hollow_and_the_answer_before_it_says_so(served: Served) -> None:
    ask = await client(served, 7)
    await served.database.write(expire, ask.feed, 3)
    body = await ask(ReqMsgNumber=2)
    assert (seqs(body), body["IsFinished"]) == ([6, 7], 1)
    body = await ask(ReqMsgNumber=2, LastMsgKey=body["LastMsgKey"])
    assert (seqs(body), body["IsFinished"]) == ([4, 5], 2)
    body = await ask(ReqMsgNumber=2, LastMsgKey=body["LastMsgKey"])
    assert [(one["MsgSeq"], one["IsPlaceMsg"], one["MsgBody"]) for one in body["RspMsgList"]] == [
        (2, 1, []),
        (3, 1, []),
    ]
    assert body["IsFinished"] == 2
    assert (await ask(LastMsgKey=body["LastMsgKey"]))["IsFinished"] == 2
    assert (await ask(LastMsgKey="1_1_1"))["IsFinished"] == 2


async def test_retention_makes_them_hollow(served: Served) -> None:
    ask = await client(served, 3)
    assert "The text of 2." in str(await ask())
    served.clock.advance(40 * DAY)
    await ask.publish(item(4))
    while await served.database.write(retention.forget, 30 * DAY):
        pass
    body = await ask()
    assert [one["IsPlaceMsg"] for one in body["RspMsgList"]] == [1, 1, 1, 0]
    assert "The text of 2." not in str(body)


async def test_a_corrected_post_is_corrected_here(served: Served) -> None:
    ask = await client(served, 1)
    assert "The text of 1." in str(await ask())
    served.clock.advance(hours=1)
    await ask.publish(item(1, content="<p>Corrected.</p>"))
    body = await ask()
    assert "Corrected." in str(body)
    assert "The text of 1." not in str(body)
    assert seqs(body) == [1]


async def test_accounts_count_by_themselves(served: Served) -> None:
    one, other = await client(served, 2), await client(served, 3)
    assert (seqs(await one()), seqs(await other())) == ([1, 2], [1, 2, 3])


# What is wrong


async def test_an_account_that_is_not_there_or_has_no_such_form(served: Served) -> None:
    ask = await client(served)
    assert await ask.code(Official_Account="@TOA#_nobody") == 10010
    for wrong in ("nobody", "@TOA#_", "@TOA#_" + "x" * 101, "@TGS#_1", "@toa#_1", "@TOA#_a b", " " + ask.name):
        assert await ask.code(Official_Account=wrong) == 10015
    await served.database.write(official.remove, ask.name)
    assert await ask.code() == 10010


@pytest.mark.parametrize(
    "fields",
    [
        {"Official_Account": None},
        {"Official_Account": ""},
        {"Official_Account": 7},
        {"Official_Account": ["@TOA#_1"]},
        {"ReqMsgNumber": 0},
        {"ReqMsgNumber": -1},
        {"ReqMsgNumber": "2"},
        {"ReqMsgNumber": 2.5},
        {"ReqMsgNumber": True},
        {"LastMsgKey": 71},
        {"LastMsgKey": "71"},
        {"LastMsgKey": "71_2_1698741698"},
        {"LastMsgKey": "71_1_1698741698 "},
        {"LastMsgKey": "-1_1_1698741698"},
        {"LastMsgKey": "٧_1_1"},
        {"LastMsgKey": "1" * 50 + "_1_1"},
        {"WithRecalledMsg": "1"},
        {"WithRecalledMsg": True},
    ],
    ids=str,
)
async def test_a_field_that_cannot_be_used(served: Served, fields: dict[str, Any]) -> None:
    assert await (await client(served)).code(**fields) == 10004


async def test_a_body_that_is_no_json_object(served: Served) -> None:
    ask = await client(served)
    for raw in (b"", b"{", b"[]", b"null", b"\xff", b'{"Official_Account": "@TOA#_1",}', b'{"a": NaN}', b"[" * 60_000):
        assert await ask.code(raw=raw) == 60003
    assert await ask.code(raw=b" " * 70_000) == 60002


async def test_the_body_is_read_whatever_its_type_says(served: Served) -> None:
    ask = await client(served, 1)
    raw = json.dumps({"Official_Account": ask.name})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/html; charset=gbk", "nonsense"):
        answer = await ask.ask("POST", PATH, data=raw, headers={"Content-Type": kind})
        assert answer.body["ErrorCode"] == 0
    packed = await ask.ask("POST", PATH, data=raw, headers={"Content-Encoding": "gzip"})
    assert packed.body["ErrorCode"] == 60002


@pytest.mark.parametrize(
    ("code", "query"),
    [
        (60012, {"sdkappid": None}),
        (60012, {"sdkappid": ("1400000000", "1400000000")}),
        (60006, {"sdkappid": ""}),
        (60006, {"sdkappid": "1400000001"}),
        (60006, {"sdkappid": "x"}),
        (60006, {"sdkappid": "9" * 30}),
        (60004, {"identifier": None}),
        (60004, {"identifier": ""}),
        (60004, {"identifier": ("administrator", "eve")}),
        (60004, {"usersig": None}),
        (70002, {"usersig": ""}),
        (70003, {"usersig": "xxx"}),
        (70003, {"usersig": "%ff%00"}),
        (70013, {"identifier": "collector"}),
        (60002, {"random": None}),
        (60002, {"random": ""}),
        (60002, {"random": "-1"}),
        (60002, {"random": "4294967296"}),
        (60002, {"random": "1.5"}),
        (60002, {"contenttype": None}),
        (60002, {"contenttype": "xml"}),
    ],
)
async def test_a_query_that_cannot_be_used(served: Served, code: int, query: dict[str, Any]) -> None:
    assert await (await client(served)).code(query) == code


async def test_who_may_call(served: Served) -> None:
    ask = await client(served, 1)
    now = served.clock()
    assert (await ask(signed("collector", now=now)))["ErrorCode"] == 0
    assert (await ask(signed(now=now, random=0)))["ErrorCode"] == 0
    assert (await ask(signed(now=now, random=2**32 - 1)))["ErrorCode"] == 0
    assert await ask.code(signed("eve", now=now)) == 60010
    assert await ask.code(signed(now=now - timedelta(days=31))) == 70001
    good = signed(now=now)["usersig"]
    assert await ask.code({"usersig": good[:-12]}) == 70003


@pytest.mark.parametrize(
    ("code", "method", "path"),
    [
        (60009, "POST", "/v4"),
        (60009, "POST", "/v4/"),
        (60009, "GET", "/v4/openim/sendmsg"),
        (60009, "POST", "/v4/official_account_open_http_svc"),
        (10003, "POST", "/v4/official_account_open_http_svc/"),
        (10003, "POST", "/v4/official_account_open_http_svc/send_official_account_msg"),
        (10003, "POST", PATH + "/"),
        (
            10003,
            "POST",
            PATH.upper().replace("/V4/OFFICIAL_ACCOUNT_OPEN_HTTP_SVC", "/v4/official_account_open_http_svc"),
        ),
        (60002, "GET", PATH),
        (60002, "PUT", PATH),
        (60002, "DELETE", PATH),
        (60002, "OPTIONS", PATH),
    ],
)
async def test_what_is_not_there_is_answered_in_the_envelope(served: Served, code: int, method: str, path: str) -> None:
    answer = await (await client(served)).ask(method, path)
    assert (answer.status, answer.body["ErrorCode"], answer.body["ActionStatus"]) == (200, code, "FAIL")


async def test_two_hundred_may_ask_in_a_second(served: Served) -> None:
    ask = await client(served)
    served.clock.advance(seconds=5)
    query = signed(now=served.clock())
    url = f"{PATH}?" + "&".join(f"{name}={value}" for name, value in query.items())
    body = {"Official_Account": ask.name}
    answers = await asyncio.gather(*(served.ask("POST", url, json=body) for _ in range(202)))
    assert sorted(answer.body["ErrorCode"] for answer in answers) == [0] * 200 + [60007] * 2
    served.clock.advance(milliseconds=5)
    assert (await served.ask("POST", url, json=body)).body["ErrorCode"] == 0


async def test_who_fails_too_often_waits_and_who_does_not_is_let_in(served: Served) -> None:
    ask = await client(served, 1)
    codes = [await ask.code({"usersig": "xxx"}) for _ in range(102)]
    assert codes == [70003] * 100 + [70050] * 2
    assert (await ask())["ErrorCode"] == 0
    served.clock.advance(seconds=61)
    assert await ask.code({"usersig": "xxx"}) == 70003


async def test_the_same_page_at_once_to_many(served: Served) -> None:
    ask = await client(served, 5)
    bodies = await asyncio.gather(*(ask() for _ in range(20)))
    assert all(body == bodies[0] for body in bodies)


async def test_a_page_may_hold_more_than_is_kept(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official_accounts, "BODIES", 2)
    clock = MovableClock()
    database = Database(sqlite_url, clock, shared_time=False)
    async with serving(database, clock) as served:
        ask = await client(served, 5)
        for _ in range(2):
            assert [one["IsPlaceMsg"] for one in (await ask())["RspMsgList"]] == [0] * 5
    database.close()


async def test_without_an_app_whatever_is_asked_is_answered_alike(sqlite_url: str) -> None:
    clock = MovableClock()
    database = Database(sqlite_url, clock, shared_time=False)
    async with serving(database, clock, official_sdkappid=0) as served:
        for method, path in (("POST", PATH), ("GET", "/v4"), ("POST", "/v4/openim/sendmsg")):
            answer = await served.ask(method, path, json={"Official_Account": NEWS})
            assert (answer.status, answer.body["ErrorCode"]) == (200, 60006)
    database.close()


@pytest.mark.parametrize("wrong", [{"official_secret_key": "short"}, {"official_admins": " , "}])
async def test_settings_that_let_anybody_or_nobody_in_are_refused(sqlite_url: str, wrong: dict[str, str]) -> None:
    clock = MovableClock()
    database = Database(sqlite_url, clock, shared_time=False)
    with pytest.raises(BadSetting, match=next(iter(wrong)).upper()):
        async with serving(database, clock, **wrong):
            pass
    database.close()


async def test_when_storage_fails_the_envelope_says_try_again(sqlite_url: str) -> None:
    clock = MovableClock()
    database = Database(sqlite_url, clock, shared_time=False)
    async with serving(database, clock) as served:
        database.run(_drop)
        query = "&".join(f"{name}={value}" for name, value in signed().items())
        answer = await served.ask("POST", f"{PATH}?{query}", json={"Official_Account": NEWS})
        assert (answer.status, answer.body["ErrorCode"]) == (200, 10002)
    database.close()


def _drop(work: Work) -> None:
    work.session.connection().exec_driver_sql("DROP TABLE official_accounts")
